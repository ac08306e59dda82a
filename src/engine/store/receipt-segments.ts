/**
 * The older part of the receipt index: sorted segments in LMDB, immutable, cut into chunks of which the lookup reads one
 * per segment; where each chunk begins stays in memory (four octets per 256 entries). Rebuilt from the open blocks at
 * start, so they need no log of their own.
 *
 * Key [segment, chunk]; value: entries of u32 high, u32 low, f64 ref, u8 part, u32 end of the number, in order of high.
 */

import type { MessageRef } from '../contract/message.js'
import type { Environment } from './environment.js'
import { type Addresses, type Fingerprint, type Found, fitOf, type ReceiptIndex } from './receipt-index.js'

const ENTRY_BYTES = 21
const ENTRIES_PER_CHUNK = 256

export interface SegmentChunk {
  key: number[]
  bytes: Buffer
}

export class ReceiptSegments {
  readonly #environment: Environment
  /** High fingerprint of the first entry of each chunk, by segment. */
  #firsts: Uint32Array[] = []
  /** Receipts come roughly in the order of their messages, so the next one is likely where the last one was. */
  #lastHit = 0

  constructor(environment: Environment) {
    this.#environment = environment
  }

  get count(): number {
    return this.#firsts.length
  }

  /** Drops all segments: before a rebuild at start. */
  clear(): void {
    this.#environment.segments.clearSync()
    this.#firsts = []
  }

  /** Chunks of a new segment with what the table still waits for, to be put in the next commit. */
  chunks(index: ReceiptIndex): SegmentChunk[] {
    const segment = this.#firsts.length
    const chunks: SegmentChunk[] = []
    const bytes = Buffer.allocUnsafe(ENTRIES_PER_CHUNK * ENTRY_BYTES)
    let length = 0
    const cut = () => {
      if (length === 0) return
      const own = Buffer.allocUnsafeSlow(length)
      bytes.copy(own, 0, 0, length)
      chunks.push({ key: [segment, chunks.length], bytes: own })
      length = 0
    }
    index.eachWaiting((entry) => {
      bytes.writeUInt32LE(entry.high, length)
      bytes.writeUInt32LE(entry.low, length + 4)
      bytes.writeDoubleLE(entry.ref, length + 8)
      bytes[length + 16] = entry.part
      bytes.writeUInt32LE(entry.number, length + 17)
      length += ENTRY_BYTES
      if (length === bytes.length) cut()
    })
    cut()
    if (chunks.length > 0) this.#firsts.push(Uint32Array.from(chunks, (chunk) => chunk.bytes.readUInt32LE(0)))
    return chunks
  }

  /** The segment of the last hit first, then the newest. A message whose recipient is another one is the last choice. */
  find(print: Fingerprint, addresses: Addresses, found: Found): boolean {
    let isFound = false
    if (this.#lastHit < this.#firsts.length && this.#findInSegment(this.#lastHit, print, { addresses, found })) {
      if (found.fits >= 0) return true
      isFound = true
    }
    for (let segment = this.#firsts.length - 1; segment >= 0; segment--) {
      if (segment === this.#lastHit || !this.#findInSegment(segment, print, { addresses, found })) continue
      isFound = true
      this.#lastHit = segment
      if (found.fits >= 0) return true
    }
    return isFound
  }

  #findInSegment(segment: number, print: Fingerprint, look: Look): boolean {
    const firsts = this.#firsts[segment]!
    let first = 0
    let last = firsts.length
    while (first < last) {
      const middle = (first + last) >> 1
      if (firsts[middle]! < print.high) first = middle + 1
      else last = middle
    }
    let isFound = false
    // Entries that share one `high` may begin at the end of the chunk before.
    for (let chunk = Math.max(0, first - 1); chunk < firsts.length && firsts[chunk]! <= print.high; chunk++) {
      const bytes = this.#environment.segments.getBinaryFast([segment, chunk])
      if (bytes === undefined || !findIn(bytes, print, look)) continue
      isFound = true
      if (look.found.fits >= 0) return true
    }
    return isFound
  }
}

interface Look {
  addresses: Addresses
  found: Found
}

/** Entries are in order of `high` alone: those that share one are looked through, for the one whose number fits best. */
function findIn(bytes: Buffer, print: Fingerprint, { addresses, found }: Look): boolean {
  let first = 0
  let last = Math.floor(bytes.length / ENTRY_BYTES)
  while (first < last) {
    const middle = (first + last) >> 1
    if (bytes.readUInt32LE(middle * ENTRY_BYTES) < print.high) first = middle + 1
    else last = middle
  }
  let isFound = false
  for (let at = first * ENTRY_BYTES; at < bytes.length && bytes.readUInt32LE(at) === print.high; at += ENTRY_BYTES) {
    if (bytes.readUInt32LE(at + 4) !== print.low) continue
    const fits = fitOf(bytes.readUInt32LE(at + 17), addresses)
    const ref = bytes.readDoubleLE(at + 8)
    if (isFound && (fits < found.fits || (fits === found.fits && ref < found.ref))) continue
    isFound = true
    found.ref = ref as MessageRef
    found.part = bytes[at + 16]!
    found.fits = fits
    found.waits = true
  }
  return isFound
}
