/**
 * The port through which the dispatcher reaches carriers. SMPP, SIP and SMTP implement it; runs in the dispatcher
 * thread. Nothing here throws for what a peer does, and nothing waits.
 */
import type { OutgoingMessage } from './message.js'

export type BindState = 'closed' | 'connecting' | 'binding' | 'bound' | 'unbinding' | 'waiting'

export interface BindView {
  index: number
  state: BindState
  inFlight: number
  window: number
  lastError: string | null
}

export interface CarrierView {
  id: string
  protocol: 'smpp' | 'sip' | 'smtp'
  paused: boolean
  ratePerSecond: number | null
  binds: BindView[]
}

/** What an operator changes live. Absent keys stay as they are. */
export interface CarrierPatch {
  paused?: boolean
  ratePerSecond?: number | null
  window?: number
  binds?: number
}

export interface Channel {
  readonly id: string
  /** Begins to connect. Idempotent. */
  start(): void
  /** True while at least one bind can carry traffic and the carrier is not paused. */
  readonly up: boolean
  /**
   * Parts that may be handed over at this moment: free window slots of all bound binds within the unsettled cap, cut by
   * the rate limiter. Cheap: called each tick.
   */
  capacity(nowMs: number): number
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
  /**
   * Stops taking work, waits for open responses, unbinds and closes, all before `deadlineMs` (epoch). What was not written settles as
   * `notSent`, what was written and not answered as `unanswered`.
   */
  drain(deadlineMs: number): Promise<void>
}
