/** A set of phone numbers in one typed array: open addressing, a fifth of what a Set of numbers takes. 0 is no number. */
import { hashOf } from './run.js'

const LOAD_MOST = 0.6

export class NumberSet {
  #slots: Float64Array
  #size = 0

  constructor(capacity = 1024) {
    this.#slots = new Float64Array(slotsFor(capacity))
  }

  /** False: it was in already. */
  add(number: number): boolean {
    if (this.#size >= this.#slots.length * LOAD_MOST) this.#grow()
    if (!this.#put(number)) return false
    this.#size++
    return true
  }

  #put(number: number): boolean {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = hashOf(number) & mask; ; slot = (slot + 1) & mask) {
      const there = slots[slot]!
      if (there === number) return false
      if (there === 0) {
        slots[slot] = number
        return true
      }
    }
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = new Float64Array(old.length * 2)
    for (const number of old) if (number !== 0) this.#put(number)
  }

  clear(): void {
    this.#slots.fill(0)
    this.#size = 0
  }
}

function slotsFor(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(16, capacity / LOAD_MOST)))
}
