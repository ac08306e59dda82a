/** One carrier as the loop sees it: its channel, what waits for it, and who sends next. */
import type { CarrierView, Channel } from '../contract/channel.js'
import type { JobDispatch } from '../contract/lane.js'
import { type ChannelName, PRIORITIES } from '../contract/message.js'
import type { Counter, Gauge, Histogram, Metrics } from '../contract/metrics.js'
import { FairQueue } from '../schedule/fair-queue.js'
import type { ReceiptTerms } from './carrier-receipts.js'
import { Pipeline } from './pipeline.js'

/** Milliseconds of traffic that are authorised ahead at a limited rate: a few commits of a slow disk. */
const AHEAD_MS = 60
const AHEAD_LEAST = 16
/** The same for each sender that has a rate of its own: lanes that found no room are looked at again within 100 ms. */
const AHEAD_SENDER_MS = 250
/** Authorised ahead when only the window limits. */
const AHEAD_UNLIMITED = 512

/** Number of the priority whose messages go before all others. */
export const HIGH = PRIORITIES.indexOf('high')

const CARRIES: Record<CarrierView['protocol'], ChannelName> = { smpp: 'sms', sip: 'voice', smtp: 'email' }

export class Carrier {
  readonly channel: Channel
  /** Messages of which channel it takes. */
  readonly carries: ChannelName
  /** In the log. */
  readonly number: number
  terms: ReceiptTerms
  readonly pipeline = new Pipeline()
  /** Parts authorised and not handed over, by sender; where senders have a rate of their own. */
  readonly #ahead = new Map<string, number>()
  /** Monotonic time of the tick. */
  nowMs = 0
  /** Monotonic time at which there was room, or the first message came to wait for it. */
  #movedAt = 0
  #isStalled = false
  readonly queue = new FairQueue()
  readonly unmatched: Gauge
  readonly inboundRefused: Counter
  readonly receiptDelay: Histogram
  readonly #unanswered: Record<'resend' | 'hold', Counter>
  /** Blocks with messages that this carrier accepted since the last look. */
  readonly awaited = new Set<number>()
  #lastAwaited = -1

  constructor(channel: Channel, number: number, deps: { terms: ReceiptTerms; metrics: Metrics }) {
    const { terms, metrics } = deps
    const carrier = channel.id
    this.channel = channel
    this.carries = CARRIES[channel.view().protocol]
    this.number = number
    this.terms = terms
    this.unmatched = metrics.gauge('trunkline_receipts_unmatched', { carrier })
    this.inboundRefused = metrics.counter('trunkline_inbound_total', { carrier, kind: 'refused' })
    this.receiptDelay = metrics.histogram('trunkline_receipt_delay_seconds', { carrier })
    this.#unanswered = {
      resend: metrics.counter('trunkline_unanswered_total', { carrier, policy: 'resend' }),
      hold: metrics.counter('trunkline_unanswered_total', { carrier, policy: 'hold' }),
    }
  }

  /** There is room for a message at this moment, or none. */
  hasRoom(hasRoom: boolean): void {
    if (hasRoom) this.#isStalled = false
    if (hasRoom || (this.pipeline.size === 0 && !this.#isStalled)) this.#movedAt = this.nowMs
  }

  /** It was found stalled, and had no room since. */
  get isHeldBack(): boolean {
    return this.#isStalled
  }

  /** Messages have waited so long, and there was no room at all; so it stays until there is. */
  isStalled(ms: number): boolean {
    if (this.pipeline.size > 0 && this.nowMs - this.#movedAt >= ms) this.#isStalled = true
    return this.#isStalled
  }

  /** Epoch ms since which it can carry nothing; 0: it can. */
  downSinceMs = 0

  noteStanding(nowMs: number): void {
    if (this.channel.up) this.downSinceMs = 0
    else if (this.downSinceMs === 0) this.downSinceMs = nowMs
  }

  /** Monotonic time at which the first of the messages that wait for the rate of their sender, job or account may go. */
  pacedUntil = Number.POSITIVE_INFINITY

  /** Milliseconds until time alone lets a message of the pipeline go. */
  nextMs(nowMs: number): number {
    return Math.min(this.channel.nextCapacityMs(nowMs), this.pacedUntil - nowMs)
  }

  /** Parts of this sender that may be authorised now. */
  senderRoom(from: string): number {
    const room = this.channel.senderRoom(from, this.nowMs, AHEAD_SENDER_MS)
    return room === Number.POSITIVE_INFINITY ? room : room - (this.#ahead.get(from) ?? 0)
  }
  senderTook(from: string, parts: number): void {
    if (this.channel.limitsSenders && parts > 0) this.#ahead.set(from, (this.#ahead.get(from) ?? 0) + parts)
  }
  /** What was authorised was handed over, or taken back. */
  senderLeft(from: string, parts: number): void {
    const left = (this.#ahead.get(from) ?? 0) - parts
    if (left > 0) this.#ahead.set(from, left)
    else this.#ahead.delete(from)
  }

  unanswered(policy: 'resend' | 'hold'): Counter {
    return this.#unanswered[policy]
  }

  /** A final receipt is asked for each part: `sent` is not the end. */
  get receiptsExpected(): boolean {
    return this.terms.request === 'final'
  }
  get receiptsPossible(): boolean {
    return this.terms.request !== 'none'
  }

  noteAwaited(block: number): void {
    if (block === this.#lastAwaited) return
    this.#lastAwaited = block
    this.awaited.add(block)
  }
  takeAwaited(): number[] {
    const blocks = [...this.awaited]
    this.awaited.clear()
    this.#lastAwaited = -1
    return blocks
  }

  /** Parts to keep authorised ahead under `resend`: enough for the commits under way. Per batch: it looks at the binds. */
  get ahead(): number {
    const rate = this.channel.view().ratePerSecond
    const unlimited = Math.max(2 * this.channel.windowTotal, AHEAD_UNLIMITED)
    return rate === null ? unlimited : Math.min(unlimited, Math.max(AHEAD_LEAST, Math.ceil((rate * AHEAD_MS) / 1000)))
  }

  /**
   * Parts that may still be authorised. Under `hold` everything authorised may become unknown in a crash, so it stays
   * within what the window is now; under `resend` it runs ahead of the commits, and those of high priority need not wait until
   * others have left.
   */
  room({ onUnanswered, priority }: JobDispatch, ahead: number): number {
    const { pipeline } = this
    if (onUnanswered === 'hold') return this.channel.windowNow - pipeline.size - pipeline.handed
    return ahead - (priority === HIGH ? pipeline.urgent : pipeline.size)
  }
}
