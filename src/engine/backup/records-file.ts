/**
 * The records of one environment as a file of a backup. A plain file and no second LMDB environment: a write of it that fails
 * (a full disk) is an error like any other, and not one after which the engine's process cannot go on.
 *
 * Layout (little endian): 'TLR1', then pieces: u8 kind · u32 length · u32 CRC-32C of the content · content. Kinds: 1 a table begins, its
 * name; 2 entries of it in the order of their keys: u16 length of key · u32 length of value · key · value; 3 the end, empty.
 */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { crc32c } from '../base/crc32c.js'
import { EngineError } from '../contract/errors.js'
import type { HeldEnvironment } from './instant.js'

const MAGIC = Buffer.from('TLR1')
const HEAD_BYTES = 9
const ENTRY_HEAD_BYTES = 6
const TABLE = 1
const ENTRIES = 2
const END = 3
const PIECE_BYTES = 1 << 20

export interface WrittenFile {
  bytes: number
  sha256: string
}

export interface Entry {
  key: Buffer
  value: Buffer
}

/** What was read of a file: entries of a table, or (without entries) that it begins. */
export interface Piece {
  table: string
  entries: Entry[]
}

/** Writes in order, counts and hashes; on disk when it is closed. */
export class HashedFile {
  readonly #handle: number
  readonly #hash: Hash = createHash('sha256')
  #bytes = 0

  /** @throws when the file is there. */
  constructor(file: string) {
    this.#handle = openSync(file, 'wx', 0o600)
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#handle, bytes, at)
    this.#hash.update(bytes)
    this.#bytes += bytes.length
  }

  finish(): WrittenFile {
    fsyncSync(this.#handle)
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }

  close(): void {
    closeSync(this.#handle)
  }
}

/** Yields the octets of each piece. Returns what was written, and entries by table. */
export async function* writeRecords(
  { tables, transaction }: HeldEnvironment,
  file: string,
): AsyncGenerator<number, WrittenFile & { entries: Record<string, number> }> {
  const out = new HashedFile(file)
  const entries: Record<string, number> = {}
  try {
    out.write(MAGIC)
    for (const { name, table } of tables) {
      out.write(piece(TABLE, Buffer.from(name)))
      const content = new Content()
      let count = 0
      for (const { key, value } of table.getRange({ transaction })) {
        content.add(key, value)
        count++
        if (content.length < PIECE_BYTES) continue
        out.write(content.take())
        yield PIECE_BYTES
      }
      entries[name] = count
      if (content.length === 0) continue
      const last = content.take()
      out.write(last)
      yield last.length
    }
    out.write(piece(END, Buffer.alloc(0)))
    return { ...out.finish(), entries }
  } finally {
    out.close()
  }
}

function piece(kind: number, content: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + content.length)
  bytes.set(content, HEAD_BYTES)
  return headed(bytes, kind)
}

function headed(bytes: Buffer, kind: number): Buffer {
  bytes[0] = kind
  bytes.writeUInt32LE(bytes.length - HEAD_BYTES, 1)
  bytes.writeUInt32LE(crc32c(bytes, HEAD_BYTES, bytes.length), 5)
  return bytes
}

/** Entries on their way into a piece, in memory that is used again. */
class Content {
  #bytes = Buffer.allocUnsafe(2 * PIECE_BYTES)
  #end = HEAD_BYTES

  get length(): number {
    return this.#end - HEAD_BYTES
  }

  add(key: Buffer, value: Buffer): void {
    const end = this.#end + ENTRY_HEAD_BYTES + key.length + value.length
    if (end > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(2 * end)
      this.#bytes.copy(grown, 0, 0, this.#end)
      this.#bytes = grown
    }
    let at = this.#bytes.writeUInt16LE(key.length, this.#end)
    at = this.#bytes.writeUInt32LE(value.length, at)
    this.#bytes.set(key, at)
    this.#bytes.set(value, at + key.length)
    this.#end = end
  }

  /** Valid until the next `add`. */
  take(): Buffer {
    const bytes = headed(this.#bytes.subarray(0, this.#end), ENTRIES)
    this.#end = HEAD_BYTES
    return bytes
  }
}

/** Reads it piece by piece. @throws EngineError STORE_CORRUPT: the file is damaged or cut off. */
export function* readRecords(file: string): Generator<Piece> {
  const handle = openSync(file, 'r')
  try {
    if (!read(handle, MAGIC.length, file).equals(MAGIC)) throw damaged(file)
    let table = ''
    for (;;) {
      const head = read(handle, HEAD_BYTES, file)
      const content = read(handle, head.readUInt32LE(1), file)
      if (crc32c(content, 0, content.length) !== head.readUInt32LE(5)) throw damaged(file)
      if (head[0] === END) return
      if (head[0] === TABLE) {
        table = content.toString()
        yield { table, entries: [] }
      } else yield { table, entries: entriesOf(content) }
    }
  } finally {
    closeSync(handle)
  }
}

function read(handle: number, bytes: number, file: string): Buffer {
  const buffer = Buffer.allocUnsafeSlow(bytes)
  for (let at = 0; at < bytes; ) {
    const count = readSync(handle, buffer, at, bytes - at, null)
    if (count === 0) throw damaged(file)
    at += count
  }
  return buffer
}

function entriesOf(content: Buffer): Entry[] {
  const entries: Entry[] = []
  for (let at = 0; at < content.length; ) {
    const keyAt = at + ENTRY_HEAD_BYTES
    const valueAt = keyAt + content.readUInt16LE(at)
    const end = valueAt + content.readUInt32LE(at + 2)
    entries.push({ key: content.subarray(keyAt, valueAt), value: content.subarray(valueAt, end) })
    at = end
  }
  return entries
}

function damaged(file: string): EngineError {
  return new EngineError('STORE_CORRUPT', `${file} is damaged or cut off`)
}
