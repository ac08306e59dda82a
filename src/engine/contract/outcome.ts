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
  /** This carrier will not take it, another may: it goes to the next carrier of its route, or counts as rejected. */
  rerouted: 14,
  /** An operator says what became of a message whose end was unknown: its `attempt` is the new state, its `error` who said so. */
  settled: 15,
  /** A call was answered and the message heard: accepted and delivered at once. */
  heard: 16,
  /** A call came to nothing, and no other follows; why is in its facts (base/call-facts.ts). */
  unheard: 17,
  /** The number is called again later; why and when is in the facts. Until then the message is scheduled. */
  putOff: 18,
  /** What was put off is due: queued again. */
  due: 19,
  /** No gateway of the carrier takes the call now: to the next carrier of its route (`rerouted`), else `putOff`. Never logged. */
  congested: 20,
  /** We cut the call short, or it could not be prepared for now: `putOff` without using an attempt. Never logged. */
  interrupted: 21,
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
  /** When a part that comes back may go again, in ms; -1: as the table of retries says. */
  delayMs: number
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
  /** Ends of its addresses, see base/number-tail.ts; 0: no number. One of them should be the message's recipient. */
  source: number
  destination: number
  /** The carrier's done date as it stands, as epoch seconds of UTC; 0: none. Never reckoned with. */
  doneSeconds: number
  /** Its text alone makes it a receipt, so a subscriber could have written it: the number must fit. */
  byText: boolean
}

/** A connection of a bind that broke off: what was delivered on it shortly before may never have been acknowledged. */
export interface BrokenConnection {
  bind: number
  connection: number
  /** Epoch milliseconds. */
  atMs: number
}

/** Where a part stands in its message, by sar_* parameters (SMPP 3.4 §5.3.2.22 to .24). */
export interface PartPlace {
  reference: number
  total: number
  /** From 1. */
  part: number
}

/** A subscriber's message (MO). Allocated per message: rare beside receipts. */
export interface Inbound {
  bind: number
  session: number
  sequence: number
  /** Number of the connection among those of its bind, in this run of the process. */
  connection: number
  /** Addresses as received, Latin-1. */
  from: string
  fromTon: number
  fromNpi: number
  to: string
  toTon: number
  toNpi: number
  dataCoding: number
  esmClass: number
  /** User data as received, message_payload already chosen when short_message is empty. */
  payload: Buffer
  sar: PartPlace | null
  /** source_port and destination_port (§5.3.2.20, §5.3.2.21). */
  ports: { source: number | null; destination: number | null } | null
  /** The carrier's connections that broke off a short while ago. */
  broken: readonly BrokenConnection[]
  /** true: the digit by which somebody opted out while we called; `from` is who was called, `to` our number. */
  pressed?: boolean
}

/** A digit by which the recipient of a message opts out while it is called. */
export interface OptOutDigit {
  ref: MessageRef
  digit: string
}

/**
 * Where channels report, in the dispatcher thread. Each call only records; the next tick acts.
 * Every part handed to `Channel.send` settles exactly once.
 */
export interface OutcomeSink {
  settled(settlement: Settlement): void
  /** The answer to a part that had settled as unanswered: nothing is counted anew, but what it says is taken in. */
  answeredLate(settlement: Settlement): void
  /** Must be acknowledged by the dispatcher through `Channel.acknowledge` once durable. */
  receipt(receipt: Receipt): void
  inbound(inbound: Inbound): void
  /** Room for more: a bind came up, a slot or a rate token became free, a pause ended. */
  capacityChanged(): void
  /** A bind changed its state: for health, the API and the log. */
  bindChanged(): void
}

/** The same of calls. */
export interface CallSink extends OutcomeSink {
  /** Whoever is called pressed the digit that opts out: the number is called no more by that account. */
  pressed(pressed: OptOutDigit): void
}
