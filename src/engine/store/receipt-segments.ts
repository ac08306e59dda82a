/**
 * The older part of the receipt index: sorted segments in LMDB (sorted-chunks.ts), immutable. Rebuilt from the open blocks
 * at start, so they need no log of their own.
 *
 * Key [segment, chunk]; value: entries of u32 high, u32 low, f64 ref, u8 part, u32 end of the number, in order of high.
 */

import type { MessageRef } from '../contract/message.js'
import type { Environment } from './environment.js'
import { type Addresses, type Fingerprint, type Found, fitOf, type ReceiptIndex } from './receipt-index.js'
import { ChunkCutter, chunkFor, type EntryShape, entryFor, firstsOf } from './sorted-chunks.js'

const ENTRY_BYTES = 21
const SHAPE: EntryShape = { bytes: ENTRY_BYTES, key: (chunk, at) => chunk.readUInt32LE(at) }

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
    const cutter = new ChunkCutter(SHAPE)
    index.eachWaiting((entry) => {
      const at = cutter.next()
      const { bytes } = cutter
      bytes.writeUInt32LE(entry.high, at)
      bytes.writeUInt32LE(entry.low, at + 4)
      bytes.writeDoubleLE(entry.ref, at + 8)
      bytes[at + 16] = entry.part
      bytes.writeUInt32LE(entry.number, at + 17)
    })
    const segment = this.#firsts.length
    const chunks = cutter.finish()
    if (chunks.length > 0) this.#firsts.push(firstsOf(chunks, SHAPE))
    return chunks.map((bytes, chunk) => ({ key: [segment, chunk], bytes }))
  }

  /** Chunks that do not tell whose these messages were, in place of those that do. */
  forgetNumbers(refs: ReadonlySet<number>): SegmentChunk[] {
    const puts: SegmentChunk[] = []
    for (const { key, value } of this.#environment.segments.getRange({ snapshot: false })) {
      const bytes = withoutNumbers(value, refs)
      if (bytes !== null) puts.push({ key: key as number[], bytes })
    }
    return puts
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
    let isFound = false
    for (let chunk = chunkFor(firsts, print.high); chunk < firsts.length && firsts[chunk]! <= print.high; chunk++) {
      const bytes = this.#environment.segments.getBinaryFast([segment, chunk])
      if (bytes === undefined || !findIn(bytes, print, look)) continue
      isFound = true
      if (look.found.fits >= 0) return true
    }
    return isFound
  }
}

/** null: it has none of these messages. */
export function withoutNumbers(chunk: Buffer, refs: ReadonlySet<number>): Buffer | null {
  let made: Buffer | null = null
  for (let at = 0; at < chunk.length; at += ENTRY_BYTES) {
    if (!refs.has(chunk.readDoubleLE(at + 8)) || chunk.readUInt32LE(at + 17) === 0) continue
    made ??= Buffer.from(chunk)
    made.writeUInt32LE(0, at + 17)
  }
  return made
}

interface Look {
  addresses: Addresses
  found: Found
}

/** Entries are in order of `high` alone: those that share one are looked through, for the one whose number fits best. */
function findIn(bytes: Buffer, print: Fingerprint, { addresses, found }: Look): boolean {
  let isFound = false
  const first = entryFor(bytes, SHAPE, print.high)
  for (let at = first; at < bytes.length && bytes.readUInt32LE(at) === print.high; at += ENTRY_BYTES) {
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
