/** A file that a client reads. Only plain files: see isPlain. Site thread. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { OpenFolder } from './open-folder.js'
import { SiteError } from './site-error.js'
import { isPlain } from './upload.js'

export class Download {
  readonly #handle: FileHandle
  readonly size: number
  readonly modifiedAtMs: number

  private constructor(handle: FileHandle, facts: { size: number; mtimeMs: number }) {
    this.#handle = handle
    this.size = facts.size
    this.modifiedAtMs = facts.mtimeMs
  }

  static async begin(folder: OpenFolder, name: string): Promise<Download> {
    // O_NONBLOCK: a pipe must not be waited for.
    const handle = await open(folder.path(name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const facts = await handle.stat()
    if (isPlain(facts)) return new Download(handle, facts)
    await handle.close()
    throw new SiteError('denied', facts.isDirectory() ? 'That is a folder.' : 'That is no plain file.')
  }

  /** Empty at the end. */
  async read(position: number, length: number): Promise<Buffer> {
    const octets = Buffer.allocUnsafe(length)
    const { bytesRead } = await this.#handle.read(octets, 0, length, position)
    return octets.subarray(0, bytesRead)
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}
