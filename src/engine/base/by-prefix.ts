/**
 * Longest-prefix lookup over the digits of a number: routes and prices, apart for each channel, and an account's lists of
 * prefixes. A trie in one typed array. Every thread; once per row.
 */
import type { ChannelName } from '../contract/message.js'

const FANOUT = 10
const ZERO = 0x30

export interface Prefixed {
  channel: ChannelName
  /** Digits; '' matches every number. */
  prefix: string
}

export class PrefixTrie<T extends { prefix: string }> {
  /** Child node by digit, 0 = none; node 0 is the root. */
  #children = new Uint32Array(FANOUT)
  readonly #entries: (T | null)[] = [null]

  add(entry: T): void {
    let node = 0
    for (const digit of entry.prefix) {
      const slot = node * FANOUT + digit.charCodeAt(0) - ZERO
      if (this.#children[slot] === 0) this.#grow(slot)
      node = this.#children[slot]!
    }
    // The first of two equal prefixes wins, as in the configuration.
    this.#entries[node] ??= entry
  }

  #grow(parentSlot: number): void {
    const node = this.#entries.push(null) - 1
    if (this.#entries.length * FANOUT > this.#children.length) {
      const grown = new Uint32Array(this.#children.length * 2)
      grown.set(this.#children)
      this.#children = grown
    }
    this.#children[parentSlot] = node
  }

  find(digits: string): T | null {
    let best = this.#entries[0]!
    let node = 0
    for (let at = 0; at < digits.length; at++) {
      node = this.#children[node * FANOUT + digits.charCodeAt(at) - ZERO]!
      if (node === 0) return best
      best = this.#entries[node] ?? best
    }
    return best
  }
}

export class ByPrefix<T extends Prefixed> {
  readonly #tries = new Map<ChannelName, PrefixTrie<T>>()

  constructor(entries: readonly T[]) {
    for (const entry of entries) {
      const trie = this.#tries.get(entry.channel) ?? new PrefixTrie<T>()
      this.#tries.set(entry.channel, trie)
      trie.add(entry)
    }
  }

  /** null: no prefix fits. */
  find(channel: ChannelName, digits: string): T | null {
    return this.#tries.get(channel)?.find(digits) ?? null
  }
}
