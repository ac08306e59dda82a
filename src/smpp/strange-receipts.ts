/**
 * Receipts that could not be understood: counted each, and each kind of them logged once, so that an operator can teach the
 * word by `receipts.states` (carriers.md 10). One per carrier. They are answered all the same (26).
 */
import type { Log } from '../engine/contract/log.js'
import type { Counter, Metrics } from '../engine/contract/metrics.js'

/** Words that are logged; a carrier that sends random ones must not fill memory or log. */
const WORDS_MAX = 64

export class StrangeReceipts {
  readonly #carrier: string
  readonly #log: Log
  readonly #count: Counter
  readonly #words = new Set<string>()
  #saidIds = false

  constructor(carrier: string, deps: { log: Log; metrics: Metrics }) {
    this.#carrier = carrier
    this.#log = deps.log
    this.#count = deps.metrics.counter('trunkline_receipts_unrecognised_total', { carrier })
  }

  /** Nobody knows the word (`-`: there was none); the receipt counts as intermediate. */
  stat(word: string): void {
    this.#count.add(1)
    if (this.#words.has(word) || this.#words.size >= WORDS_MAX) return
    this.#words.add(word)
    this.#log.warn(
      { carrier: this.#carrier, stat: word },
      'unknown stat in a receipt: say what it means in receipts.states',
    )
  }

  /** The receipt names no message, or by an id that is longer than any. */
  id(length: number): void {
    this.#count.add(1)
    if (this.#saidIds) return
    this.#saidIds = true
    this.#log.warn({ carrier: this.#carrier, length }, 'a receipt without a usable id')
  }
}
