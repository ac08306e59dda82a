/**
 * Requests per second by key, or by address: a bucket of tokens each, one second deep, in memory.
 *
 * Time is an argument. Bounded: when more buckets exist than `bucketsMax`, those that are full again are dropped, since
 * a full bucket is the same as none. Runs in the main thread.
 */

interface Bucket {
  tokens: number
  filledAtMs: number
}

const bucketsMax = 10_000

export class RateLimiter {
  readonly #perSecond: number
  readonly #buckets = new Map<string, Bucket>()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** False: over the limit. `nowMs` is monotonic. */
  take(name: string, nowMs: number): boolean {
    const bucket = this.#filled(name, nowMs)
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }

  #filled(name: string, nowMs: number): Bucket {
    let bucket = this.#buckets.get(name)
    if (bucket === undefined) {
      if (this.#buckets.size >= bucketsMax) this.#dropFull(nowMs)
      bucket = { tokens: this.#perSecond, filledAtMs: nowMs }
      this.#buckets.set(name, bucket)
      return bucket
    }
    const earned = ((nowMs - bucket.filledAtMs) / 1000) * this.#perSecond
    bucket.tokens = Math.min(this.#perSecond, bucket.tokens + earned)
    bucket.filledAtMs = nowMs
    return bucket
  }

  #dropFull(nowMs: number): void {
    for (const [name, bucket] of this.#buckets) {
      if (nowMs - bucket.filledAtMs >= 1000) this.#buckets.delete(name)
    }
    // All of them in use within a second: forgetting them is kinder than growing without bound.
    if (this.#buckets.size >= bucketsMax) this.#buckets.clear()
  }
}
