/**
 * Everything that can become of a submitted part, in one table, and the records by which channels report it.
 *
 * `final`: no further attempt follows. `retry`: the part goes back to its lane. `uncertain`: it may have been sent, the
 * lane's `onUnanswered` decides. `countsAttempt`: it uses one of the attempts of the retry table.
 */
import type { MessageRef } from './message.js'

export const OUTCOME = {
  /** The carrier took the part; a receipt may follow. */
  accepted: 0,
  /** Permanently refused. */
  rejected: 1,
  /** The carrier is over its rate or its queue is full: retry soon, slow the carrier down. */
  throttled: 2,
  /** Temporary trouble of the carrier or of this route: retry with backoff. */
  unavailable: 3,
  /** Written to a socket, no response: lost connection or response time-out. */
  unanswered: 4,
  /** Never written to a socket: goes back without using an attempt. */
  notSent: 5,
  delivered: 6,
  undelivered: 7,
  /** An intermediate receipt: recorded, changes no state. */
  enroute: 8,
  expired: 9,
  canceled: 10,
  /** Receipt time-out: `sent` becomes final. */
  noReceipt: 11,
  /** May be sent from now on (durable before the first octet is written). */
  authorised: 12,
  /** An authorisation that was not used is taken back (drain). */
  withdrawn: 13,
} as const
export type OutcomeCode = (typeof OUTCOME)[keyof typeof OUTCOME]
export const OUTCOME_NAMES = Object.keys(OUTCOME) as (keyof typeof OUTCOME)[]

/**
 * The answer to one part. One object a bind, filled anew for each call: the sink copies what it keeps.
 * `status` is the protocol's own number (SMPP command_status, SIP code), 0 when there is none.
 */
export interface Settlement {
  bind: number
  ref: MessageRef
  /** Part from 0. */
  part: number
  code: OutcomeCode
  status: number
  /** The carrier's message id, bytes as received; idLength 0 = none. */
  id: Buffer
  idStart: number
  idLength: number
}

/** One receipt, same ownership as Settlement. */
export interface Receipt {
  bind: number
  /** Handed back in `Channel.acknowledge`; meaning belongs to the channel (session generation and sequence number). */
  session: number
  sequence: number
  /** delivered, undelivered, enroute, expired or rejected. */
  code: OutcomeCode
  id: Buffer
  idStart: number
  idLength: number
  /** Carrier's error text of the receipt (`err:`), at most 16 characters, '' when none. */
  error: string
}

/** A subscriber's message (MO). Allocated per message: rare beside receipts. */
export interface Inbound {
  bind: number
  session: number
  sequence: number
  from: string
  to: string
  dataCoding: number
  esmClass: number
  /** User data as received, message_payload already chosen when short_message is empty. */
  payload: Buffer
}

/**
 * Where channels report, in the dispatcher thread. Each call only records; the next tick acts.
 * Every part handed to `Channel.send` settles exactly once.
 */
export interface OutcomeSink {
  settled(settlement: Settlement): void
  /** Must be acknowledged by the dispatcher through `Channel.acknowledge` once durable. */
  receipt(receipt: Receipt): void
  inbound(inbound: Inbound): void
  /** Room for more: a bind came up, a slot or a rate token became free, a pause ended. */
  capacityChanged(): void
  /** A bind changed its state: for health, the API and the log. */
  bindChanged(): void
}
