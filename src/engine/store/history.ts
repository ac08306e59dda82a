/** The entries of one block's messages, end to end in a buffer that is used again for other blocks. See block-state.ts. */
import { BufferPool } from '../base/buffer-pool.js'
import { blankEntry, ENTRY_MAX_BYTES, type Entry, readEntry, writeEntry } from './entry.js'
import { redactHistory } from './redacted-history.js'

/** An accepted part and its receipt; with the reserve for one entry, 256 messages fit a 16 KiB buffer. */
const BYTES_PER_MESSAGE = 60
const NOTHING = Buffer.alloc(0)
const buffers = new BufferPool({ keptBytes: 16 << 20 })

export class History {
  #bytes: Buffer
  #length = 0

  constructor(messages: number) {
    this.#bytes = buffers.take(messages * BYTES_PER_MESSAGE + ENTRY_MAX_BYTES)
  }

  /** Octets of all entries. */
  get length(): number {
    return this.#length
  }

  keep(entry: Entry): void {
    if (this.#length + ENTRY_MAX_BYTES > this.#bytes.length) {
      const grown = buffers.take(this.#bytes.length * 2)
      this.#bytes.copy(grown, 0, 0, this.#length)
      buffers.give(this.#bytes)
      this.#bytes = grown
    }
    this.#length += writeEntry(this.#bytes, this.#length, entry)
  }

  /** Calls `see` with each entry in order; the entry object is reused. */
  each(see: (entry: Entry) => void): void {
    const entry = blankEntry()
    for (let at = 0; at < this.#length; ) {
      at += readEntry(this.#bytes, at, entry)
      see(entry)
    }
  }

  /** What names the recipient of the message is taken out. */
  redact(place: number): void {
    redactHistory(this.#bytes.subarray(0, this.#length), place)
  }

  copyTo(bytes: Buffer, at: number): void {
    this.#bytes.copy(bytes, at, 0, this.#length)
  }

  /** What `copyTo` wrote: everything from `at` on. */
  load(bytes: Buffer, at: number): void {
    this.#length = bytes.length - at
    if (this.#bytes.length < this.#length + ENTRY_MAX_BYTES) {
      buffers.give(this.#bytes)
      this.#bytes = buffers.take(this.#length + ENTRY_MAX_BYTES)
    }
    bytes.copy(this.#bytes, 0, at)
  }

  /** Gives the memory back; the history must not be used any more. */
  dispose(): void {
    buffers.give(this.#bytes)
    this.#bytes = NOTHING
  }
}
