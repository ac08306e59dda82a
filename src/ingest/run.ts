/**
 * The duplicate-index run of a range: which numbers it accepted and where they went, sorted by the bucket of the number
 * and then by row. A bucket is a hash: duplicates are looked for in one span of buckets after another, and the entries of
 * a span stand together in every run.
 *
 * Entry (little endian, RUN_BYTES): 0 f64 number · 8 u32 kind in the range's tally × 256 + place in the block · 12 u32 index of the
 * block in the range's list × 64 + scheduled × 32 + parts − 1. Small enough to hold for every row, and complete: taking a
 * duplicate out of the counts needs no look into its block.
 */
export const RUN_BYTES = 16
export const RUN_BUCKETS = 1024

export interface RunEntry {
  number: number
  /** Position in RangeRecord.tally.kinds. */
  kind: number
  place: number
  /** Position in RangeRecord.blocks. */
  blockIndex: number
  parts: number
  scheduled: boolean
}

/** Collects one range's entries; reused. */
export class RunBuilder {
  #numbers = new Float64Array(16 * 1024)
  #places = new Uint32Array(16 * 1024)
  #facts = new Uint32Array(16 * 1024)
  #blocks = new Float64Array(16 * 1024)
  #count = 0

  clear(): void {
    this.#count = 0
  }

  /** In the order of rows. */
  add(entry: Omit<RunEntry, 'blockIndex'> & { block: number }): void {
    // Beyond 2^53 two numbers could look alike: such a number (none is known) is never called a duplicate.
    if (!Number.isSafeInteger(entry.number)) return
    if (this.#count === this.#numbers.length) this.#grow()
    const index = this.#count++
    this.#numbers[index] = entry.number
    this.#places[index] = entry.kind * 256 + entry.place
    this.#facts[index] = (entry.scheduled ? 32 : 0) + entry.parts - 1
    this.#blocks[index] = entry.block
  }

  #grow(): void {
    const size = this.#count * 2
    this.#numbers = grown(this.#numbers, new Float64Array(size))
    this.#places = grown(this.#places, new Uint32Array(size))
    this.#facts = grown(this.#facts, new Uint32Array(size))
    this.#blocks = grown(this.#blocks, new Float64Array(size))
  }

  /** `blocks`: the range's block numbers, ascending. */
  toBuffer(blocks: readonly number[]): Buffer {
    const indexOf = new Map(blocks.map((block, index) => [block, index]))
    const next = this.#bucketStarts()
    const bytes = Buffer.allocUnsafeSlow(this.#count * RUN_BYTES)
    for (let index = 0; index < this.#count; index++) {
      const at = next[bucketOf(this.#numbers[index]!)]!++ * RUN_BYTES
      bytes.writeDoubleLE(this.#numbers[index]!, at)
      bytes.writeUInt32LE(this.#places[index]!, at + 8)
      bytes.writeUInt32LE(indexOf.get(this.#blocks[index]!)! * 64 + this.#facts[index]!, at + 12)
    }
    return bytes
  }

  #bucketStarts(): Uint32Array {
    const starts = new Uint32Array(RUN_BUCKETS + 1)
    for (let index = 0; index < this.#count; index++) starts[bucketOf(this.#numbers[index]!) + 1]!++
    for (let bucket = 0; bucket < RUN_BUCKETS; bucket++) starts[bucket + 1]! += starts[bucket]!
    return starts
  }
}

/** 32 bits that depend on all digits of the number. */
export function hashOf(number: number): number {
  const low = Math.imul((number % 0x1_0000_0000) | 0, 0x9e3779b1)
  const high = Math.imul((number / 0x1_0000_0000) | 0, 0x85ebca6b)
  const mixed = low ^ high ^ (low >>> 15)
  return Math.imul(mixed, 0xc2b2ae35) >>> 0
}

export function bucketOf(number: number): number {
  return hashOf(number) >>> 22
}

function grown<T extends Float64Array | Uint32Array>(from: T, to: T): T {
  to.set(from)
  return to
}

export function runCount(run: Buffer): number {
  return Math.floor(run.length / RUN_BYTES)
}

export function runNumber(run: Buffer, index: number): number {
  return run.readDoubleLE(index * RUN_BYTES)
}

export function runEntry(run: Buffer, index: number): RunEntry {
  const at = index * RUN_BYTES
  const place = run.readUInt32LE(at + 8)
  const facts = run.readUInt32LE(at + 12)
  return {
    number: run.readDoubleLE(at),
    kind: place >>> 8,
    place: place & 0xff,
    blockIndex: Math.floor(facts / 64),
    parts: (facts % 32) + 1,
    scheduled: (facts & 32) !== 0,
  }
}

/** Index of the first entry whose bucket is not below `bucket`. */
export function runLowerBound(run: Buffer, bucket: number): number {
  let low = 0
  let high = runCount(run)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (bucketOf(runNumber(run, middle)) < bucket) low = middle + 1
    else high = middle
  }
  return low
}
