/** How far packets come from their 20 ms grid: a histogram of fixed size over any number of packets and calls. */
const BUCKETS_PER_MS = 4
const SPAN_MS = 500

export interface DeviationView {
  packets: number
  p50: number
  p99: number
  p999: number
  max: number
}

export class Deviation {
  readonly #buckets = new Uint32Array(SPAN_MS * BUCKETS_PER_MS + 1)
  #packets = 0
  #max = 0

  /** Whatever its sign. */
  add(ms: number): void {
    const size = Math.abs(ms)
    this.#buckets[Math.min(this.#buckets.length - 1, Math.floor(size * BUCKETS_PER_MS))]!++
    this.#packets++
    if (size > this.#max) this.#max = size
  }

  /** Milliseconds, to a quarter; each is an upper bound. */
  view(): DeviationView {
    const [p50, p99, p999] = [0.5, 0.99, 0.999].map((share) => this.#below(share))
    return { packets: this.#packets, p50: p50!, p99: p99!, p999: p999!, max: Math.round(this.#max * 100) / 100 }
  }

  #below(share: number): number {
    const wanted = Math.ceil(this.#packets * share)
    let seen = 0
    for (let at = 0; at < this.#buckets.length && wanted > 0; at++) {
      seen += this.#buckets[at]!
      if (seen >= wanted) return Math.min((at + 1) / BUCKETS_PER_MS, Math.max(this.#max, 0))
    }
    return 0
  }
}
