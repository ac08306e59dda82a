/**
 * A rate of our own, of a job or of an account, over all carriers: what may be authorised ahead of it, and which message may
 * leave now. The limiter is asked at the moment of the hand-over, so that nothing piles up behind a slow carrier or commit and
 * then leaves at once. Dispatcher thread; times are monotonic.
 */
import { RateLimiter } from '../base/rate.js'
import type { MessageRef } from '../contract/message.js'

/** Authorised ahead: lanes that found no room are looked at again within 100 ms, and a commit may take its time. */
const AHEAD_MS = 250
/** A message of several parts has the room to itself for as long as it takes the limiter to make it. */
const SAVING_MS = 1_100

export class Pace {
  readonly #limiter: RateLimiter
  /** Parts authorised and not handed over. */
  #ahead = 0
  /** The message that room is saved for, lest shorter ones take each bit of it. */
  #savingFor = -1
  #savingUntil = 0

  constructor(perSecond: number) {
    this.#limiter = new RateLimiter(perSecond)
  }

  get perSecond(): number {
    return this.#limiter.perSecond
  }
  set(perSecond: number): void {
    if (perSecond !== this.#limiter.perSecond) this.#limiter.set(perSecond)
  }

  /** Parts that may be authorised now. */
  room(nowMs: number): number {
    const restMs = AHEAD_MS - this.#limiter.nextMs(nowMs)
    const within = restMs < 0 ? 0 : 1 + Math.floor((restMs * this.#limiter.perSecond) / 1000)
    return within - this.#ahead
  }

  /** `parts` were authorised. */
  took(parts: number): void {
    this.#ahead += parts
  }

  /** A message was handed over, or its authorisation taken back. */
  left(ref: MessageRef, parts: number): void {
    this.#ahead = Math.max(0, this.#ahead - parts)
    if (ref === this.#savingFor) this.#savingFor = -1
  }

  /**
   * Milliseconds until the message may leave; 0: now. It leaves whole, so there must be room for all its parts; one of more
   * parts than the rate has a second leaves when nothing did for a second.
   */
  waitMs(ref: MessageRef, parts: number, nowMs: number): number {
    const isSaved = this.#savingFor >= 0 && this.#savingFor !== ref && nowMs < this.#savingUntil
    if (isSaved) return Math.max(1, this.#limiter.nextMs(nowMs))
    const waitMs = this.#limiter.nextMs(nowMs, parts)
    if (waitMs > 0 && parts > 1 && this.#savingFor !== ref) {
      this.#savingFor = ref
      this.#savingUntil = nowMs + SAVING_MS
    }
    return waitMs
  }

  sent(parts: number, nowMs: number): void {
    this.#limiter.take(parts, nowMs)
  }

  /** Milliseconds until a part may leave. */
  nextMs(nowMs: number): number {
    return this.#limiter.nextMs(nowMs)
  }
}
