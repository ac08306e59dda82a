/**
 * A claimed file, opened so that it can be nothing but a plain file of this folder, and read as often as need be. What it is
 * read as is what an upload is: gzip is unpacked. Main thread; a piece at a time.
 */
import { createHash } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { isGzip, plainBytes } from '../../engine/base/plain-bytes.js'
import type { DropContent } from '../../engine/contract/drop-keeper.js'
import type { DropError } from '../../engine/contract/drops.js'
import { EngineError } from '../../engine/contract/errors.js'
import type { OpenFolder } from '../site/open-folder.js'
import { codeOf, look, pathIn } from './folder-files.js'

const PIECE_BYTES = 256 * 1024
/** Such as would come again if it were tried again: the file is not to blame. */
const PASSING = ['EMFILE', 'ENFILE', 'ENOMEM']

export class DroppedFile {
  readonly size: number
  readonly #handle: FileHandle
  readonly #facts: Stats
  readonly #signal: AbortSignal

  private constructor(handle: FileHandle, facts: Stats, signal: AbortSignal) {
    this.#handle = handle
    this.#facts = facts
    this.#signal = signal
    this.size = facts.size
  }

  /** What is wrong with it, or the file; null: it is gone. `signal` ends its reading. */
  static async open(
    folder: OpenFolder,
    name: Uint8Array,
    signal: AbortSignal,
  ): Promise<DroppedFile | DropError | null> {
    const before = await look(folder, name)
    if (before === null) return null
    if (!before.isFile()) return notAFile(before)
    let handle: FileHandle
    try {
      // O_NONBLOCK: should it be a pipe by now, that must not be waited for.
      const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
      handle = await open(pathIn(folder, name), flags)
    } catch (error) {
      if (PASSING.includes(codeOf(error))) throw error
      return { code: 'FILE_UNREADABLE', detail: `The file cannot be read (${codeOf(error)}).` }
    }
    const facts = await handle.stat()
    if (facts.isFile() && facts.nlink === 1) return new DroppedFile(handle, facts, signal)
    await handle.close()
    return facts.isFile() ? secondName() : notAFile(facts)
  }

  /** Its octets as they lie there. @throws EngineError SHUTTING_DOWN. */
  async *raw(): AsyncGenerator<Buffer> {
    for (let at = 0; ; ) {
      if (this.#signal.aborted) throw new EngineError('SHUTTING_DOWN', 'The engine is stopping.')
      // Not used again: it may still be on its way when the next one is asked for.
      const piece = Buffer.allocUnsafe(PIECE_BYTES)
      const { bytesRead } = await this.#handle.read(piece, 0, PIECE_BYTES, at)
      if (bytesRead === 0) return
      at += bytesRead
      yield piece.subarray(0, bytesRead)
    }
  }

  /** @throws EngineError TOO_LARGE, FILE_NOT_CSV: of a gzip file; and errors of the disk. */
  async content(): Promise<DropContent> {
    const hash = createHash('sha256')
    let isFirst = true
    for await (const piece of plainBytes(this.raw())) {
      // An upload would unpack it once more.
      if (isFirst && isGzip(piece)) throw packedTwice()
      isFirst = false
      hash.update(piece)
    }
    return { size: this.size, sha256: hash.digest('hex') }
  }

  /** What is uploaded: this content and no other. @throws EngineError BAD_REQUEST: it changed since. */
  async *body(sha256: string): AsyncGenerator<Buffer> {
    const hash = createHash('sha256')
    for await (const piece of plainBytes(this.raw())) {
      hash.update(piece)
      yield piece
    }
    if (hash.digest('hex') !== sha256) {
      throw new EngineError(
        'BAD_REQUEST',
        'The file was changed while it was read; write it elsewhere and drop it whole.',
      )
    }
  }

  /** It was not written to since it was opened. */
  async isUnchanged(): Promise<boolean> {
    const { size, mtimeMs } = await this.#handle.stat()
    return size === this.#facts.size && mtimeMs === this.#facts.mtimeMs
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

function packedTwice(): EngineError {
  const detail = 'The file is gzip-compressed more than once; compress it once, or drop it as it is.'
  return new EngineError('FILE_NOT_CSV', detail)
}

function notAFile(facts: Stats): DropError {
  return { code: 'NOT_A_FILE', detail: `This is ${kindOf(facts)}, not a file; it was not opened.` }
}

function kindOf(facts: Stats): string {
  if (facts.isSymbolicLink()) return 'a link to another place'
  if (facts.isDirectory()) return 'a folder'
  if (facts.isFIFO()) return 'a pipe'
  if (facts.isSocket()) return 'a socket'
  return 'a device'
}

function secondName(): DropError {
  const detail =
    'The file has a second name elsewhere on the disk (a hard link), so it could be changed from there; it was not read.'
  return { code: 'FILE_HAS_SECOND_NAME', detail }
}

const TAIL_BYTES = 4
const LINE_FEED = 0x0a
const RETURN = 0x0d

/** A plain file that is not empty and whose last line is ended, in whatever encoding. Of anything else nothing is known. */
export async function hasItsEnd(folder: OpenFolder, name: Uint8Array, size: number): Promise<boolean> {
  if (size === 0) return false
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    const handle = await open(pathIn(folder, name), flags)
    try {
      if (!(await handle.stat()).isFile()) return true
      const tail = Buffer.alloc(TAIL_BYTES)
      const { bytesRead } = await handle.read(tail, 0, TAIL_BYTES, Math.max(0, size - TAIL_BYTES))
      const end = tail.subarray(0, bytesRead)
      // ^Z is how some old programs end a text; a compressed file has no lines.
      const last = [...end].reverse().find((octet) => octet !== 0 && octet !== 0x1a && octet !== 0x20)
      return last === LINE_FEED || last === RETURN || (await isPacked(handle))
    } finally {
      await handle.close()
    }
  } catch {
    // What cannot be read is said when it is taken.
    return true
  }
}

async function isPacked(handle: FileHandle): Promise<boolean> {
  const head = Buffer.alloc(2)
  await handle.read(head, 0, 2, 0)
  return head[0] === 0x1f && head[1] === 0x8b
}
