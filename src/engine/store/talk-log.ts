/** Conversations since the last commit, packed as they are stored: the hot table is rebuilt from these batches. */
import { TALK_BYTES, type Talk } from './talk.js'

export class TalkLog {
  #bytes = Buffer.allocUnsafeSlow(1024 * TALK_BYTES)
  #length = 0

  get count(): number {
    return this.#length / TALK_BYTES
  }

  add(talk: Talk): void {
    if (this.#length === this.#bytes.length) this.#grow()
    const bytes = this.#bytes
    const at = this.#length
    bytes.writeDoubleLE(talk.sender, at)
    bytes.writeDoubleLE(talk.recipient, at + 8)
    bytes.writeDoubleLE(talk.ref, at + 16)
    bytes.writeDoubleLE(talk.sentMs, at + 24)
    bytes.writeUInt32LE(talk.account, at + 32)
    bytes.writeUInt32LE(talk.lockSeconds, at + 36)
    this.#length += TALK_BYTES
  }

  #grow(): void {
    const grown = Buffer.allocUnsafeSlow(this.#bytes.length * 2)
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }

  clear(): void {
    this.#length = 0
  }

  /** The batch, which belongs to the caller; null: nothing happened. */
  take(): Buffer | null {
    if (this.#length === 0) return null
    const own = Buffer.allocUnsafeSlow(this.#length)
    this.#bytes.copy(own, 0, 0, this.#length)
    this.#length = 0
    return own
  }
}
