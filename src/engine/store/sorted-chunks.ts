/**
 * Entries of one size in order of an unsigned 32-bit key, cut into chunks: the form of index segments on disk. Where each
 * chunk begins stays in memory (four octets per 256 entries), so a look-up reads one chunk of a segment.
 */
const ENTRIES_PER_CHUNK = 256

export interface EntryShape {
  bytes: number
  /** Key of the entry at `at`. */
  key(chunk: Buffer, at: number): number
}

/** Takes entries in order and cuts them into chunks. */
export class ChunkCutter {
  /** Where the entry is to be written that `next` made room for. */
  readonly bytes: Buffer
  readonly #shape: EntryShape
  readonly #chunks: Buffer[] = []
  #length = 0

  constructor(shape: EntryShape) {
    this.#shape = shape
    this.bytes = Buffer.allocUnsafe(ENTRIES_PER_CHUNK * shape.bytes)
  }

  /** Offset for one more entry. */
  next(): number {
    if (this.#length === this.bytes.length) this.#cut()
    const at = this.#length
    this.#length += this.#shape.bytes
    return at
  }

  #cut(): void {
    if (this.#length === 0) return
    const own = Buffer.allocUnsafeSlow(this.#length)
    this.bytes.copy(own, 0, 0, this.#length)
    this.#chunks.push(own)
    this.#length = 0
  }

  /** The buffers belong to the caller. */
  finish(): Buffer[] {
    this.#cut()
    return this.#chunks
  }
}

/** Key of the first entry of each chunk. */
export function firstsOf(chunks: readonly Buffer[], shape: EntryShape): Uint32Array {
  return Uint32Array.from(chunks, (chunk) => shape.key(chunk, 0))
}

/** The first chunk that may hold `key`: entries that share one may begin at the end of the chunk before. */
export function chunkFor(firsts: Uint32Array, key: number): number {
  let first = 0
  let last = firsts.length
  while (first < last) {
    const middle = (first + last) >> 1
    if (firsts[middle]! < key) first = middle + 1
    else last = middle
  }
  return Math.max(0, first - 1)
}

/** Offset of the first entry of the chunk whose key is not below `key`. */
export function entryFor(chunk: Buffer, shape: EntryShape, key: number): number {
  let first = 0
  let last = Math.floor(chunk.length / shape.bytes)
  while (first < last) {
    const middle = (first + last) >> 1
    if (shape.key(chunk, middle * shape.bytes) < key) first = middle + 1
    else last = middle
  }
  return first * shape.bytes
}
