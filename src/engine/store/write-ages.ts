/** How long the oldest write to the store has been under way, in looks at an even pace. Of the whole process, in any one thread. */
import type { StorePulse } from './store-pulse.js'

interface Seen {
  ended: number
  /** Looks since the last write ended, while one was under way. */
  looks: number
}

export class WriteAges {
  readonly #pulse: StorePulse
  readonly #seen: Seen[] = []
  #oldest = 0

  constructor(pulse: StorePulse) {
    this.#pulse = pulse
  }

  /** Of the last look. */
  get oldest(): number {
    return this.#oldest
  }

  look(): number {
    this.#oldest = 0
    for (let slot = 0; slot < this.#pulse.slots; slot++) this.#oldest = Math.max(this.#oldest, this.#look(slot))
    return this.#oldest
  }

  #look(slot: number): number {
    const ended = this.#pulse.ended(slot)
    const seen = this.#seen[slot]
    if (seen === undefined || seen.ended !== ended || this.#pulse.begun(slot) === ended) {
      this.#seen[slot] = { ended, looks: 0 }
      return 0
    }
    seen.looks++
    return seen.looks
  }
}
