/** A ring of message refs, first in first out: what waits at a lane costs eight octets a message. */
export class RefQueue {
  #refs = new Float64Array(16)
  #at = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(ref: number): void {
    if (this.#size === this.#refs.length) this.#grow()
    this.#refs[(this.#at + this.#size++) & (this.#refs.length - 1)] = ref
  }

  /** Oldest; only while `size` > 0. */
  peek(): number {
    return this.#refs[this.#at]!
  }

  /** Takes the oldest out; only while `size` > 0. */
  shift(): number {
    const ref = this.#refs[this.#at]!
    this.#at = (this.#at + 1) & (this.#refs.length - 1)
    this.#size--
    return ref
  }

  /** Place from the oldest; -1: it is not here. Looks through all of them. */
  indexOf(ref: number): number {
    const mask = this.#refs.length - 1
    for (let n = 0; n < this.#size; n++) if (this.#refs[(this.#at + n) & mask] === ref) return n
    return -1
  }

  clear(): void {
    this.#size = 0
  }

  #grow(): void {
    const old = this.#refs
    this.#refs = new Float64Array(old.length * 2)
    for (let n = 0; n < this.#size; n++) this.#refs[n] = old[(this.#at + n) & (old.length - 1)]!
    this.#at = 0
  }
}
