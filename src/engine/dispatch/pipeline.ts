/** Messages of one carrier that may be sent once their authorisation is durable: a ring of refs with the commit each waits for. */
import type { MessageRef } from '../contract/message.js'

export class Pipeline {
  #refs = new Float64Array(256)
  #sequences = new Float64Array(256)
  #at = 0
  #size = 0
  /** Parts handed to the channel and not settled. */
  handed = 0

  get size(): number {
    return this.#size
  }

  push(ref: MessageRef, sequence: number): void {
    if (this.#size === this.#refs.length) this.#grow()
    const slot = (this.#at + this.#size++) & (this.#refs.length - 1)
    this.#refs[slot] = ref
    this.#sequences[slot] = sequence
  }

  /** The oldest one, when its authorisation is durable; -1 otherwise. */
  head(durable: number): number {
    return this.#size > 0 && this.#sequences[this.#at]! <= durable ? this.#refs[this.#at]! : -1
  }

  /** Place from the oldest; -1: it is not here. Looks through all of them. */
  placeOf(ref: MessageRef): number {
    const mask = this.#refs.length - 1
    for (let n = 0; n < this.#size; n++) if (this.#refs[(this.#at + n) & mask] === ref) return n
    return -1
  }

  /** The oldest one whatever is durable; only while `size` > 0. */
  shift(): MessageRef {
    const ref = this.#refs[this.#at]! as MessageRef
    this.#at = (this.#at + 1) & (this.#refs.length - 1)
    this.#size--
    return ref
  }

  /** The oldest one goes behind the others; only while `size` > 0. */
  turn(): void {
    const sequence = this.#sequences[this.#at]!
    this.push(this.shift(), sequence)
  }

  #grow(): void {
    const mask = this.#refs.length - 1
    const refs = new Float64Array(this.#refs.length * 2)
    const sequences = new Float64Array(this.#refs.length * 2)
    for (let n = 0; n < this.#size; n++) {
      refs[n] = this.#refs[(this.#at + n) & mask]!
      sequences[n] = this.#sequences[(this.#at + n) & mask]!
    }
    this.#refs = refs
    this.#sequences = sequences
    this.#at = 0
  }
}
