/**
 * Keeps the parts of composed messages until all of a request are composed: the segmenter cuts the next text in the buffers of
 * the last one. One arena, used again by each request. Main thread.
 */
import type { NewRecord } from '../store/block.js'

const FIRST_BYTES = 256 * 1024

export class KeptRecords {
  #arena = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #used = 0

  /** What was kept before is given up. */
  begin(): void {
    this.#used = 0
  }

  /** The record has parts of its own until the next `begin`. */
  keep(record: NewRecord): void {
    const { bytes, partCount, partStarts, partLengths } = record
    const end = partStarts[partCount - 1]! + partLengths[partCount - 1]!
    this.#reserve(end)
    bytes.copy(this.#arena, this.#used, 0, end)
    const starts = new Uint32Array(partCount)
    const lengths = new Uint16Array(partCount)
    for (let part = 0; part < partCount; part++) {
      starts[part] = this.#used + partStarts[part]!
      lengths[part] = partLengths[part]!
    }
    this.#used += end
    record.bytes = this.#arena
    record.partStarts = starts
    record.partLengths = lengths
  }

  /** Records that were kept before stay in the arena that they were put in. */
  #reserve(size: number): void {
    if (this.#used + size <= this.#arena.length) return
    this.#arena = Buffer.allocUnsafeSlow(Math.max(this.#arena.length * 2, size))
    this.#used = 0
  }
}
