/** How much happened in the last second, by millisecond, and the most that any second held. */
const SPAN_MS = 1000

export class SecondCounter {
  #counts = new Uint32Array(SPAN_MS)
  #newest = -1
  #sum = 0
  #most = 0

  /** The most in any sliding second so far. */
  get most(): number {
    return this.#most
  }

  /** In the second that ends now. */
  recent(nowMs: number): number {
    this.#advance(nowMs)
    return this.#sum
  }

  add(count: number, nowMs: number): void {
    this.#advance(nowMs)
    this.#counts[this.#newest % SPAN_MS]! += count
    this.#sum += count
    if (this.#sum > this.#most) this.#most = this.#sum
  }

  #advance(nowMs: number): void {
    const now = Math.floor(nowMs)
    if (now <= this.#newest) return
    const from = Math.max(this.#newest + 1, now - SPAN_MS + 1)
    for (let ms = from; ms <= now; ms++) {
      this.#sum -= this.#counts[ms % SPAN_MS]!
      this.#counts[ms % SPAN_MS] = 0
    }
    this.#newest = now
  }
}
