/**
 * The port through which the dispatcher reaches carriers. SMPP, SIP and SMTP implement it; runs in the dispatcher
 * thread. Nothing here throws for what a peer does, and nothing waits.
 */
import type { MessageRef, OutgoingMessage } from './message.js'

export type BindState = 'closed' | 'connecting' | 'binding' | 'bound' | 'unbinding' | 'waiting'

export interface BindView {
  index: number
  state: BindState
  inFlight: number
  window: number
  /** In use now: less than window while the carrier answers slowly. */
  windowNow: number
  /** Why the last session ended or was refused, in words; null once it is bound again. */
  lastError: string | null
  /** `host:port` of the session that is, or was last. */
  host?: string | null
  /** While it waits: milliseconds until the next try, at least. */
  retryInMs?: number | null
}

/** What a rule, or throttling, has done to a carrier and has not ended. */
export interface ActionView {
  at: string
  action: 'slowed' | 'rerouted' | 'suspended' | 'stopped' | 'throttled'
  reason: string
  /** null: until an operator ends it, or the carrier recovers. */
  until: string | null
}

/** How a carrier writes the ids of its receipts, and what that rests on. */
export interface ReceiptIdView {
  /** The form in use: same, hexToDec, decToHex, hexString or ignoreCase. */
  idFormat: string
  /** As the configuration says; auto: found out. */
  configured: string
  /** Receipts that wait for their message. */
  unmatched: number
  evidence: {
    /** Receipts of this run that matched, by form. */
    matched: Record<string, number>
    /** When the form was found out; null: it was not. */
    adoptedAt: string | null
    /** Parked receipts that then fitted in it and in no other. */
    fitted: number
    example: { receipt: string; response: string } | null
  }
}

export interface CarrierView {
  id: string
  protocol: 'smpp' | 'sip' | 'smtp'
  paused: boolean
  /** Why the engine paused it by itself; absent: an operator did. */
  pausedBecause?: string
  ratePerSecond: number | null
  /** In force now: less than ratePerSecond while the carrier throttles or is slowed; null: no limit. */
  rateNowPerSecond: number | null
  actions: ActionView[]
  binds: BindView[]
  /** Added by the dispatcher. */
  receipts?: ReceiptIdView
}

/** What an operator changes live. Absent keys stay as they are. */
export interface CarrierPatch {
  paused?: boolean
  ratePerSecond?: number | null
  window?: number
  binds?: number
  /** Ends every automatic action at once. */
  clearActions?: boolean
}

export interface Channel {
  readonly id: string
  /** Begins to connect. Idempotent. */
  start(): void
  /** True while at least one bind can carry traffic and the carrier is neither paused nor suspended. */
  readonly up: boolean
  /** True while another carrier of the same route is to be used where there is one. */
  readonly avoided: boolean
  /**
   * Parts that may be handed over at this moment: free window slots of all bound binds within the unsettled cap, cut by
   * the rate limiter. Cheap: called each tick.
   */
  capacity(nowMs: number): number
  /** Written in place of every message's sender; absent or null: nothing is. */
  readonly fixedSender?: string | null
  /** True where `senderRoom` can be less than Infinity. */
  readonly limitsSenders: boolean
  /** Parts that this sender may hand over within so many milliseconds by a rate of its own; Infinity where there is none. */
  senderRoom(from: string, nowMs: number, withinMs: number): number
  /** Milliseconds until this sender may hand over a part by that rate; 0: now. */
  senderWaitMs(from: string, nowMs: number): number
  /** Milliseconds since a part of this message was handed over whose answer is awaited; -1: there is none. Looks through all. */
  sentAgoMs(ref: MessageRef): number
  /**
   * Takes over all parts of the message that are not accepted yet. Call only while `capacity` > 0; a message of more
   * parts than there is room for is taken whole: its rest goes out first, on the same bind, as room comes.
   * False: not taken (no bind any more), nothing was recorded.
   */
  send(message: OutgoingMessage, nowMs: number): boolean
  /** Writes what `send` encoded: once per tick and bind. */
  flush(): void
  /** Time work: response time-outs, enquire_link, reconnects. Called by the dispatcher's one coarse timer and each tick. */
  tick(nowMs: number): void
  /** Milliseconds until `tick` has something to do; absent: the coarse timer is enough. */
  nextTickMs?(nowMs: number): number
  /** Milliseconds until `capacity` can grow by rate alone; Infinity when nothing is owed. */
  nextCapacityMs(nowMs: number): number
  /** `count` settlements of this bind are durable: frees its unsettled cap. */
  durable(bind: number, count: number): void
  /** Answers a receipt or inbound message: ok = durable, else a temporary refusal so that the carrier sends it again. */
  acknowledge(bind: number, session: number, sequence: number, ok: boolean): void
  patch(change: CarrierPatch): void
  view(): CarrierView
  /** Most parts that can ever be in flight: sum of windows. */
  readonly windowTotal: number
  /** Most parts that are let be in flight as things are: of a session that answers nothing, one. */
  readonly windowNow: number
  /**
   * Stops taking work, waits for open responses, unbinds and closes, all before `deadlineMs` (epoch). What was not written settles as
   * `notSent`, what was written and not answered as `unanswered`.
   */
  drain(deadlineMs: number): Promise<void>
}
