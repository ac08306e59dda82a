/**
 * Messages of one carrier that may be sent once their authorisation is durable: refs with the commit each waits for, in order, and
 * those of high priority before the others.
 */
import type { MessageRef } from '../contract/message.js'

class Ring {
  size = 0
  #refs = new Float64Array(256)
  #sequences = new Float64Array(256)
  #at = 0

  push(ref: MessageRef, sequence: number): void {
    if (this.size === this.#refs.length) this.#grow()
    const slot = (this.#at + this.size++) & (this.#refs.length - 1)
    this.#refs[slot] = ref
    this.#sequences[slot] = sequence
  }

  /** Of the oldest one; only while `size` > 0. */
  get ref(): MessageRef {
    return this.#refs[this.#at] as MessageRef
  }
  get sequence(): number {
    return this.#sequences[this.#at]!
  }

  drop(): void {
    this.#at = (this.#at + 1) & (this.#refs.length - 1)
    this.size--
  }

  /** Place from the oldest; -1: it is not here. Looks through all of them. */
  placeOf(ref: MessageRef): number {
    const mask = this.#refs.length - 1
    for (let n = 0; n < this.size; n++) if (this.#refs[(this.#at + n) & mask] === ref) return n
    return -1
  }

  #grow(): void {
    const mask = this.#refs.length - 1
    const refs = new Float64Array(this.#refs.length * 2)
    const sequences = new Float64Array(this.#refs.length * 2)
    for (let n = 0; n < this.size; n++) {
      refs[n] = this.#refs[(this.#at + n) & mask]!
      sequences[n] = this.#sequences[(this.#at + n) & mask]!
    }
    this.#refs = refs
    this.#sequences = sequences
    this.#at = 0
  }
}

export class Pipeline {
  readonly #urgent = new Ring()
  readonly #others = new Ring()
  /** Where the next one is taken from. */
  #ring = this.#others
  /** Parts handed to the channel and not settled. */
  handed = 0

  get size(): number {
    return this.#urgent.size + this.#others.size
  }

  get urgent(): number {
    return this.#urgent.size
  }

  push(ref: MessageRef, sequence: number, isUrgent = false): void {
    const ring = isUrgent ? this.#urgent : this.#others
    ring.push(ref, sequence)
  }

  /** The next one, when its authorisation is durable; -1 otherwise. It is what `shift` and `turn` take then. */
  head(durable: number): number {
    const { size, sequence } = this.#urgent
    this.#ring = size > 0 && sequence <= durable ? this.#urgent : this.#others
    return this.#ring.size > 0 && this.#ring.sequence <= durable ? this.#ring.ref : -1
  }

  /** The one that the last `head` found. */
  get next(): MessageRef {
    return this.#ring.ref
  }

  /** Place from the next one; -1: it is not here. Looks through all of them. */
  placeOf(ref: MessageRef): number {
    const place = this.#urgent.placeOf(ref)
    if (place >= 0) return place
    const behind = this.#others.placeOf(ref)
    return behind < 0 ? -1 : this.#urgent.size + behind
  }

  /** What the last `head` found, or else any; only while `size` > 0. */
  shift(): MessageRef {
    const ring = this.#ringToTake()
    const { ref } = ring
    ring.drop()
    return ref
  }

  /** The same goes behind all others; one that cannot go now has no priority. */
  turn(): void {
    const ring = this.#ringToTake()
    const { ref, sequence } = ring
    ring.drop()
    this.#others.push(ref, sequence)
  }

  #ringToTake(): Ring {
    if (this.#ring.size > 0) return this.#ring
    return this.#urgent.size > 0 ? this.#urgent : this.#others
  }
}
