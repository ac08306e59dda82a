/**
 * One batch of the outcome log while it is being written, and the way to read a stored one: entries, each behind the
 * number of its block (f64), and a CRC-32C over the batch in front.
 */
import { crc32c } from '../base/crc32c.js'
import { EngineError } from '../contract/errors.js'
import { blankEntry, ENTRY_MAX_BYTES, type Entry, readEntry, writeEntry } from './entry.js'

const HEAD_BYTES = 4

export class OutcomeBatch {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024)
  #length = HEAD_BYTES
  count = 0

  add(block: number, entry: Entry): void {
    if (this.#length + 8 + ENTRY_MAX_BYTES > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(this.#bytes.length * 2)
      this.#bytes.copy(grown, 0, 0, this.#length)
      this.#bytes = grown
    }
    this.#bytes.writeDoubleLE(block, this.#length)
    this.#length += 8 + writeEntry(this.#bytes, this.#length + 8, entry)
    this.count++
  }

  get length(): number {
    return this.#length
  }

  /** A fresh copy for the store, which keeps it until its commit; the batch is empty again. */
  seal(): Buffer {
    const bytes = Buffer.allocUnsafeSlow(this.#length)
    this.#bytes.copy(bytes, 0, 0, this.#length)
    bytes.writeUInt32LE(crc32c(bytes, HEAD_BYTES, bytes.length), 0)
    this.#length = HEAD_BYTES
    this.count = 0
    return bytes
  }
}

/** Calls `see` for each entry; the entry object is reused. @throws EngineError STORE_CORRUPT. */
export function eachOutcome(bytes: Buffer, see: (block: number, entry: Entry) => void): void {
  if (crc32c(bytes, HEAD_BYTES, bytes.length) !== bytes.readUInt32LE(0)) {
    throw new EngineError('STORE_CORRUPT', 'a batch of the outcome log does not match its checksum')
  }
  const entry = blankEntry()
  for (let at = HEAD_BYTES; at < bytes.length; ) {
    const block = bytes.readDoubleLE(at)
    at += 8 + readEntry(bytes, at + 8, entry)
    see(block, entry)
  }
}
