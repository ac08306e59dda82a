/** Conversations since the last commit, packed as talk.ts says: the hot table is rebuilt from these batches. */
import { TALK_BYTES, TALK_WORDS, type Talk } from './talk.js'

export class TalkLog {
  #words = new Float64Array(1024 * TALK_WORDS)
  #halves = new Uint32Array(this.#words.buffer)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(talk: Talk): void {
    const base = this.#count * TALK_WORDS
    if (base === this.#words.length) this.#grow()
    const words = this.#words
    words[base] = talk.sender
    words[base + 1] = talk.recipient
    words[base + 2] = talk.ref
    words[base + 3] = talk.sentMs
    this.#halves[base * 2 + 8] = talk.account
    this.#halves[base * 2 + 9] = talk.lockSeconds
    this.#count++
  }

  #grow(): void {
    const halves = this.#halves
    this.#words = new Float64Array(this.#words.length * 2)
    this.#halves = new Uint32Array(this.#words.buffer)
    this.#halves.set(halves)
  }

  clear(): void {
    this.#count = 0
  }

  /** The batch, which belongs to the caller; null: nothing happened. */
  take(): Buffer | null {
    if (this.#count === 0) return null
    const own = Buffer.allocUnsafeSlow(this.#count * TALK_BYTES)
    own.set(new Uint8Array(this.#words.buffer, 0, own.length))
    this.#count = 0
    return own
  }
}
