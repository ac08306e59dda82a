/** Keeps a log-in to its upload rate: what is taken now is waited for before more is read. Site thread. */

/** Half a second may be taken at once, so that small files do not wait. */
const BURST_SECONDS = 0.5

export class BytePace {
  readonly #perSecond: number
  /** Monotonic: when all that was taken so far is within the rate. */
  #clearAtMs = Number.NEGATIVE_INFINITY

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  /** Milliseconds to wait after these octets; 0: none. */
  take(octets: number, nowMs: number): number {
    this.#clearAtMs = Math.max(this.#clearAtMs, nowMs - BURST_SECONDS * 1_000) + (octets / this.#perSecond) * 1_000
    return Math.max(0, this.#clearAtMs - nowMs)
  }
}
