/**
 * The older part of the receipt index: sorted segments in LMDB, immutable, cut into chunks of which the lookup reads one
 * per segment. Rebuilt from the open blocks at start, so they need no log of their own.
 *
 * Key [segment, high fingerprint of the chunk's first entry, chunk]; value: entries of u32 high, u32 low, f64 ref, u8 part.
 */

import type { MessageRef } from '../contract/message.js'
import type { Environment } from './environment.js'
import type { Fingerprint, Found, IndexEntry } from './receipt-index.js'

const ENTRY_BYTES = 17
const ENTRIES_PER_CHUNK = 2_048

export interface SegmentChunk {
  key: number[]
  bytes: Buffer
}

export class ReceiptSegments {
  readonly #environment: Environment
  #segments = 0

  constructor(environment: Environment) {
    this.#environment = environment
  }

  get count(): number {
    return this.#segments
  }

  /** Drops all segments: before a rebuild at start. */
  clear(): void {
    this.#environment.segments.clearSync()
    this.#segments = 0
  }

  /** Chunks of a new segment, to be put in the transaction of the next commit. */
  chunks(entries: IndexEntry[]): SegmentChunk[] {
    if (entries.length === 0) return []
    const segment = this.#segments++
    const chunks: SegmentChunk[] = []
    for (let at = 0; at < entries.length; at += ENTRIES_PER_CHUNK) {
      const slice = entries.slice(at, at + ENTRIES_PER_CHUNK)
      const bytes = Buffer.allocUnsafeSlow(slice.length * ENTRY_BYTES)
      slice.forEach((entry, index) => {
        const to = index * ENTRY_BYTES
        bytes.writeUInt32LE(entry.high, to)
        bytes.writeUInt32LE(entry.low, to + 4)
        bytes.writeDoubleLE(entry.ref, to + 8)
        bytes[to + 16] = entry.part
      })
      chunks.push({ key: [segment, slice[0]!.high, chunks.length], bytes })
    }
    return chunks
  }

  /** Newest segment first. */
  find(print: Fingerprint, found: Found): boolean {
    for (let segment = this.#segments - 1; segment >= 0; segment--) {
      const range = {
        start: [segment, print.high, Number.MAX_SAFE_INTEGER],
        end: [segment, -1],
        reverse: true,
        limit: 2,
      }
      for (const { key, value } of this.#environment.segments.getRange(range)) {
        if (findIn(value, print, found)) return true
        // Entries of one `high` may straddle two chunks; otherwise the first chunk decides.
        if (key[1] !== print.high) break
      }
    }
    return false
  }
}

function findIn(bytes: Buffer, print: Fingerprint, found: Found): boolean {
  let first = 0
  let last = bytes.length / ENTRY_BYTES - 1
  while (first <= last) {
    const middle = (first + last) >> 1
    const at = middle * ENTRY_BYTES
    const order = bytes.readUInt32LE(at) - print.high || bytes.readUInt32LE(at + 4) - print.low
    if (order === 0) {
      found.ref = bytes.readDoubleLE(at + 8) as MessageRef
      found.part = bytes[at + 16]!
      return true
    }
    if (order < 0) first = middle + 1
    else last = middle - 1
  }
  return false
}
