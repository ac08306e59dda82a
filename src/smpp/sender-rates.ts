/**
 * A rate for each sender of a carrier. Bounded: a sender that has been silent for some seconds is forgotten, since a new
 * limiter then allows no more than the old one would. Dispatcher thread.
 */
import { RateLimiter } from '../engine/base/rate.js'

const SENDERS_MAX = 512
const IDLE_MS = 2_000

interface SenderRate {
  limiter: RateLimiter
  takenAt: number
}

export class SenderRates {
  #perSecond: number | null
  readonly #senders = new Map<string, SenderRate>()

  /** null: senders have no rate of their own. */
  constructor(perSecond: number | null) {
    this.#perSecond = perSecond
  }

  get isOn(): boolean {
    return this.#perSecond !== null
  }

  set(perSecond: number | null): void {
    this.#perSecond = perSecond
    if (perSecond === null) this.#senders.clear()
    else for (const { limiter } of this.#senders.values()) limiter.set(perSecond)
  }

  /** Parts that may leave now; 0 for a new sender while too many others are busy. */
  available(from: string, nowMs: number): number {
    if (this.#perSecond === null) return Number.POSITIVE_INFINITY
    const rate = this.#rate(this.#perSecond, from, nowMs)
    return rate === null ? 0 : rate.limiter.available(nowMs)
  }

  /** Parts that may leave within so many milliseconds, if none leaves meanwhile but them. */
  within(from: string, nowMs: number, ms: number): number {
    if (this.#perSecond === null) return Number.POSITIVE_INFINITY
    const rate = this.#rate(this.#perSecond, from, nowMs)
    if (rate === null) return 0
    const restMs = ms - rate.limiter.nextMs(nowMs)
    return restMs < 0 ? 0 : 1 + Math.floor((restMs * this.#perSecond) / 1000)
  }

  /** Milliseconds until a part of this sender may leave; 0: now. Infinity: too many others are busy. */
  waitMs(from: string, nowMs: number): number {
    if (this.#perSecond === null) return 0
    return this.#rate(this.#perSecond, from, nowMs)?.limiter.nextMs(nowMs) ?? Number.POSITIVE_INFINITY
  }

  take(from: string, nowMs: number): void {
    if (this.#perSecond === null) return
    const rate = this.#rate(this.#perSecond, from, nowMs)
    rate?.limiter.take(1, nowMs)
    if (rate !== null) rate.takenAt = nowMs
  }

  #rate(perSecond: number, from: string, nowMs: number): SenderRate | null {
    let rate = this.#senders.get(from)
    if (rate !== undefined) return rate
    if (this.#senders.size >= SENDERS_MAX) this.#forgetIdle(nowMs, perSecond)
    if (this.#senders.size >= SENDERS_MAX) return null
    rate = { limiter: new RateLimiter(perSecond), takenAt: nowMs }
    this.#senders.set(from, rate)
    return rate
  }

  /** Idle long enough that nothing it sent counts any more. */
  #forgetIdle(nowMs: number, perSecond: number): void {
    const idleMs = Math.max(IDLE_MS, 2_000 / perSecond)
    for (const [from, { takenAt }] of this.#senders) if (nowMs - takenAt > idleMs) this.#senders.delete(from)
  }
}
