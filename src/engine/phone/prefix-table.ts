/** Longest-prefix lookup over the digits of a number: a trie in one typed array. Once per row. */

const FANOUT = 10
const ZERO = 0x30

export class PrefixTable<T> {
  /** Child node by digit, 0 = none; node 0 is the root. */
  #children = new Uint32Array(FANOUT)
  readonly #values: (T | null)[] = [null]

  /** `prefix`: digits; '' fits every number. Of two equal prefixes the first wins. */
  add(prefix: string, value: T): void {
    let node = 0
    for (let at = 0; at < prefix.length; at++) {
      const slot = node * FANOUT + prefix.charCodeAt(at) - ZERO
      if (this.#children[slot] === 0) this.#grow(slot)
      node = this.#children[slot]!
    }
    this.#values[node] ??= value
  }

  #grow(parentSlot: number): void {
    const node = this.#values.push(null) - 1
    const needed = this.#values.length * FANOUT
    if (needed > this.#children.length) {
      const grown = new Uint32Array(Math.max(needed, this.#children.length * 2))
      grown.set(this.#children)
      this.#children = grown
    }
    this.#children[parentSlot] = node
  }

  /** Value of the longest prefix that fits, or null. */
  find(digits: string): T | null {
    let best = this.#values[0]!
    let node = 0
    for (let at = 0; at < digits.length; at++) {
      node = this.#children[node * FANOUT + digits.charCodeAt(at) - ZERO]!
      if (node === 0) return best
      best = this.#values[node] ?? best
    }
    return best
  }
}
