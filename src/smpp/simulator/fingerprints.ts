/** A set of 64-bit fingerprints by open addressing: counts repeats of tens of millions of messages in 16 octets each. */
const START = 1 << 16
const FILL_MAX = 0.6

export class FingerprintSet {
  #low = new Uint32Array(START)
  #high = new Uint32Array(START)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** True when it was not there before. */
  add(low: number, high: number): boolean {
    // Both zero marks a free place.
    const second = low === 0 && high === 0 ? 1 : high
    if (this.#size > this.#low.length * FILL_MAX) this.#grow()
    const at = this.#place(low, second)
    if (this.#low[at] === low && this.#high[at] === second) return false
    this.#low[at] = low
    this.#high[at] = second
    this.#size++
    return true
  }

  #place(low: number, high: number): number {
    const mask = this.#low.length - 1
    let at = (low ^ Math.imul(high, 0x9e3779b1)) & mask
    while ((this.#low[at] !== 0 || this.#high[at] !== 0) && (this.#low[at] !== low || this.#high[at] !== high)) {
      at = (at + 1) & mask
    }
    return at
  }

  #grow(): void {
    const low = this.#low
    const high = this.#high
    this.#low = new Uint32Array(low.length * 2)
    this.#high = new Uint32Array(low.length * 2)
    for (let from = 0; from < low.length; from++) {
      if (low[from] === 0 && high[from] === 0) continue
      const at = this.#place(low[from]!, high[from]!)
      this.#low[at] = low[from]!
      this.#high[at] = high[from]!
    }
  }
}

/** Result of `fingerprint`, reused. */
export const print = { low: 0, high: 0 }

/** Two lanes of FNV-1a over the octets of both places, left in `print`. */
export function fingerprint(
  bytes: Buffer,
  first: { start: number; length: number },
  second: { start: number; length: number },
): void {
  let low = 0x811c9dc5
  let high = 0x1b873593
  for (let at = first.start; at < first.start + first.length; at++) {
    low = Math.imul(low ^ bytes[at]!, 0x01000193)
    high = Math.imul(high ^ bytes[at]!, 0x85ebca6b)
  }
  low = Math.imul(low ^ 0x100, 0x01000193)
  for (let at = second.start; at < second.start + second.length; at++) {
    low = Math.imul(low ^ bytes[at]!, 0x01000193)
    high = Math.imul(high ^ bytes[at]!, 0x85ebca6b)
  }
  print.low = (low ^ (low >>> 15)) >>> 0
  print.high = (high ^ (high >>> 13)) >>> 0
}
