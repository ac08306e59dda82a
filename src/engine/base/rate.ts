/**
 * Parts per second of one carrier: never more than R in any second, and nearly R while there is work. Pure: time is an
 * argument, in monotonic milliseconds. Dispatcher thread.
 *
 * Three rules together. An even pace just below R; what a stalled loop kept back, up to CREDIT_MS, is caught up at PEAK
 * times that pace, at most 5 ms worth at once, so that jitter on the way cannot make a burst at the peer. A ring of counts
 * per millisecond then caps exactly: any 1,005 neighbouring milliseconds hold at most R; 1,001 cover every closed second,
 * and jitter on the way may eat up the rest before the peer sees more than R. Under an exact cap a late part makes the one
 * R places on late too; the pace leaves room to regain that, and a quick catch-up keeps the late parts few. It starts with
 * no credit saved up.
 */
import assert from 'node:assert'

const SPAN_MS = 1005
const SLOTS = 1024
const BURST_MS = 5
const CREDIT_MS = 150
/** Without the exact cap the pace alone keeps the rate, and a credit would show. */
const CREDIT_UNCAPPED_MS = 10
const PACE = 0.9915
const PEAK = 2
/** Loss by rounding R down in the cap that is still taken; else the pace alone keeps a fractional rate. */
const ROUNDING_LOSS = 0.005

export class RateLimiter {
  #perSecond = 0
  /** Parts allowed in any SPAN_MS. */
  #cap = 0
  #intervalMs = 0
  #creditMs = 0
  /** When the next part is due at an even pace; up to the credit in the past. Set by the first call. */
  #dueAt = -1
  /** The same at the pace of catching up. */
  #peakAt = -1
  #takenAt = 0
  #counts = new Uint32Array(SLOTS)
  #sum = 0
  /** Newest millisecond of the ring, and the oldest that may hold a count. */
  #newest = 0
  #oldest = 0

  constructor(perSecond: number) {
    this.set(perSecond)
  }

  get perSecond(): number {
    return this.#perSecond
  }

  /** New rate, fractions allowed; what was sent in the last second still counts. */
  set(perSecond: number): void {
    assert(perSecond > 0 && Number.isFinite(perSecond), 'rate must be positive')
    const whole = Math.floor(perSecond)
    const capped = whole >= perSecond * (1 - ROUNDING_LOSS) && whole >= 1
    this.#perSecond = perSecond
    this.#cap = capped ? whole : Math.ceil(perSecond)
    const intervalMs = 1000 / (capped ? perSecond * PACE : perSecond)
    if (this.#dueAt > this.#takenAt) this.#rescale(intervalMs / this.#intervalMs)
    this.#intervalMs = intervalMs
    this.#creditMs = capped ? CREDIT_MS : CREDIT_UNCAPPED_MS
  }

  /** What is owed for the last part is counted at the new pace: a slow carrier that may go faster does not wait on. */
  #rescale(factor: number): void {
    this.#dueAt = this.#takenAt + (this.#dueAt - this.#takenAt) * factor
    if (this.#peakAt > this.#takenAt) this.#peakAt = this.#takenAt + (this.#peakAt - this.#takenAt) * factor
  }

  /** Parts that may leave now. */
  available(nowMs: number): number {
    this.#advance(nowMs)
    const room = this.#cap - this.#sum
    if (room <= 0) return 0
    const late = Math.min(nowMs - this.#dueAt, this.#creditMs)
    const peakLate = Math.min(nowMs - this.#peakAt, BURST_MS)
    if (late < 0 || peakLate < 0) return 0
    return Math.min(room, 1 + Math.floor(late / this.#intervalMs), 1 + Math.floor((PEAK * peakLate) / this.#intervalMs))
  }

  /** `n` parts leave now; the caller has seen that they may. */
  take(n: number, nowMs: number): void {
    this.#advance(nowMs)
    this.#takenAt = nowMs
    this.#dueAt = Math.max(this.#dueAt, nowMs - this.#creditMs) + n * this.#intervalMs
    this.#peakAt = Math.max(this.#peakAt, nowMs - BURST_MS) + (n * this.#intervalMs) / PEAK
    const slot = this.#newest & (SLOTS - 1)
    this.#counts[slot] = this.#counts[slot]! + n
    this.#sum += n
  }

  /**
   * Milliseconds until `available` is at least 1 and so many parts may leave at once; 0 when it is so. More than the rate has
   * a second may do so when nothing left for as long.
   */
  nextMs(nowMs: number, parts = 1): number {
    this.#advance(nowMs)
    const pace = Math.max(0, this.#dueAt - nowMs, this.#peakAt - nowMs)
    let sum = this.#sum
    const most = Math.max(0, this.#cap - parts)
    if (sum <= most) return pace
    let oldest = this.#oldest
    for (; oldest <= this.#newest; oldest++) {
      sum -= this.#counts[oldest & (SLOTS - 1)]!
      if (sum <= most) break
    }
    return Math.max(pace, oldest + SPAN_MS - nowMs)
  }

  /** Moves the ring to `nowMs` and drops what is older than the span. */
  #advance(nowMs: number): void {
    if (this.#dueAt < 0) {
      this.#dueAt = nowMs
      this.#peakAt = nowMs
    }
    const now = Math.floor(nowMs)
    if (now <= this.#newest) return
    this.#newest = now
    if (this.#sum === 0) {
      this.#oldest = now
      return
    }
    const last = Math.min(now - SPAN_MS, this.#oldest + SLOTS - 1)
    while (this.#oldest <= last) {
      const slot = this.#oldest & (SLOTS - 1)
      this.#sum -= this.#counts[slot]!
      this.#counts[slot] = 0
      this.#oldest++
    }
    if (this.#sum === 0) this.#oldest = now
  }
}
