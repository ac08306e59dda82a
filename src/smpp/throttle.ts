/**
 * How long a carrier rests after it answered "throttled". Pure: time is an argument.
 *
 * The rest follows the share of throttled answers: a carrier that refuses one in a hundred loses some milliseconds, one
 * that refuses all rests a second. It doubles up to 10 s while answers after a rest are throttled again without any
 * success between (carriers.md 75).
 */
const FULL_REST_MS = 1_000
const REST_MS_MAX = 10_000
/** Weight of one answer in the share: it remembers about the last 32. */
const WEIGHT = 1 / 32

export class ThrottleRest {
  #share = 0
  #level = 0
  #until = 0
  #succeeded = false

  throttled(nowMs: number): void {
    this.#share += (1 - this.#share) * WEIGHT
    if (nowMs >= this.#until && this.#until > 0 && !this.#succeeded) this.#level++
    if (this.#succeeded) this.#level = 0
    this.#succeeded = false
    const rest = Math.min(FULL_REST_MS * this.#share * 2 ** Math.min(this.#level, 16), REST_MS_MAX)
    this.#until = Math.max(this.#until, nowMs + rest)
  }

  succeeded(): void {
    this.#share -= this.#share * WEIGHT
    this.#succeeded = true
  }

  /** Milliseconds to wait before anything is sent; 0 = go. */
  remainingMs(nowMs: number): number {
    return nowMs >= this.#until ? 0 : this.#until - nowMs
  }
}
