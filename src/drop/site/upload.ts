/**
 * A file on its way in. A complete name appears only once all of it is on the disk: it is written under a name of our own
 * and renamed. A partial name (x.csv.filepart) is the client's own temporary file: it is written in place and stays when
 * the connection breaks, so that it can be gone on with. Site thread.
 */

import { constants, type Stats } from 'node:fs'
import { type FileHandle, lstat, open, rename, unlink } from 'node:fs/promises'
import { crashPoint } from '../../engine/base/crash-point.js'
import { isPartialName, pathOf, uploadName } from './drop-names.js'
import type { OpenFolder } from './open-folder.js'
import type { SharedRoot } from './shared-root.js'
import { asSiteError, SiteError } from './site-error.js'

/** Read and write for the owner and the group, less what the process's umask takes away: 0640 with the usual 022. */
const FILE_MODE = 0o660
/** Whether there is room is asked again after so many octets. */
const SPACE_EVERY_BYTES = 16 << 20

export interface UploadWish {
  name: string
  /** Refuse if it is there already. */
  exclusive: boolean
  /** Go on with what is there; only a partial name has something to go on with. */
  keep: boolean
}

export interface UploadPlace {
  shared: SharedRoot
  /** The account's root. */
  folder: OpenFolder
}

export class Upload {
  readonly name: string
  readonly #place: UploadPlace
  readonly #handle: FileHandle
  /** Under which it is written. */
  readonly #writtenAs: string
  #size: number
  #unchecked = 0
  #isOpen = true

  private constructor(place: UploadPlace, name: string, file: { handle: FileHandle; writtenAs: string; size: number }) {
    this.name = name
    this.#place = place
    this.#handle = file.handle
    this.#writtenAs = file.writtenAs
    this.#size = file.size
  }

  /** @throws SiteError. */
  static async begin(place: UploadPlace, wish: UploadWish): Promise<Upload> {
    const { shared, folder } = place
    await shared.requireSpace()
    const there = await lstat(folder.path(wish.name)).catch(() => null)
    if (there?.isDirectory()) throw new SiteError('denied', 'That is a folder.')
    if (there !== null && wish.exclusive) throw new SiteError('exists', 'A file of this name exists already.')
    if (isPartialName(wish.name)) return await Upload.#inPlace(place, wish)
    if (there !== null && wish.keep) {
      throw new SiteError('denied', 'The file is complete and waits to be sent; upload it again as a whole.')
    }
    const writtenAs = uploadName(shared.terms.token())
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
    const handle = await open(folder.path(writtenAs), flags, FILE_MODE)
    return new Upload(place, wish.name, { handle, writtenAs, size: 0 })
  }

  static async #inPlace(place: UploadPlace, { name, keep, exclusive }: UploadWish): Promise<Upload> {
    const { shared, folder } = place
    shared.beginWriting(pathOf([name]))
    try {
      // Not O_TRUNC: only once it is known to be a plain file of this folder. O_NONBLOCK: a pipe must not be waited for.
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK
      const handle = await open(folder.path(name), exclusive ? flags | constants.O_EXCL : flags, FILE_MODE)
      const facts = await handle.stat()
      const size = keep ? facts.size : 0
      if (!isPlain(facts)) {
        await handle.close()
        throw new SiteError('denied', 'That is no plain file.')
      }
      await handle.truncate(size)
      shared.grown(size - facts.size)
      return new Upload(place, name, { handle, writtenAs: name, size })
    } catch (error) {
      shared.endWriting(pathOf([name]))
      throw asSiteError(error)
    }
  }

  get size(): number {
    return this.#size
  }

  get #isInPlace(): boolean {
    return this.#writtenAs === this.name
  }

  /** @throws SiteError tooLarge, noSpace. */
  async write(position: number, octets: Uint8Array): Promise<void> {
    const end = position + octets.length
    await this.#admit(end)
    let at = 0
    while (at < octets.length) {
      const { bytesWritten } = await this.#handle.write(octets, at, octets.length - at, position + at)
      at += bytesWritten
    }
    crashPoint('site-written')
    this.#grow(end)
  }

  async #admit(end: number): Promise<void> {
    const { fileBytesMax } = this.#place.shared.terms
    if (end > fileBytesMax) {
      throw new SiteError('tooLarge', `The file is larger than ${fileBytesMax} octets, which is the most here.`)
    }
    this.#unchecked += Math.max(0, end - this.#size)
    if (this.#unchecked < SPACE_EVERY_BYTES) return
    this.#unchecked = 0
    await this.#place.shared.requireSpace()
  }

  #grow(end: number): void {
    if (end <= this.#size) return
    this.#place.shared.grown(end - this.#size)
    this.#size = end
  }

  /** Some clients read back what they wrote, to compare. */
  async read(position: number, length: number): Promise<Buffer> {
    const octets = Buffer.allocUnsafe(length)
    const { bytesRead } = await this.#handle.read(octets, 0, length, position)
    return octets.subarray(0, bytesRead)
  }

  async truncate(size: number): Promise<void> {
    await this.#admit(size)
    await this.#handle.truncate(size)
    this.#place.shared.grown(size - this.#size)
    this.#size = size
  }

  async sync(): Promise<void> {
    await this.#handle.sync()
  }

  /** It is whole: durable and in its place when this resolves. After an error nothing of it is left, as of abort. */
  async commit(): Promise<void> {
    if (!this.#isOpen) return
    try {
      await this.#handle.sync()
      crashPoint('site-synced')
      await this.#close()
      if (!this.#isInPlace) await this.#putInPlace()
    } catch (error) {
      if (this.#isOpen) await this.#close().catch(() => {})
      await this.#discard()
      throw asSiteError(error)
    }
  }

  async #putInPlace(): Promise<void> {
    const { shared, folder } = this.#place
    await shared.inTurn(() =>
      folder.use(async () => {
        await rename(folder.path(this.#writtenAs), folder.path(this.name))
        await folder.sync()
      }),
    )
    crashPoint('site-renamed')
    shared.terms.uploaded(shared.account, this.name)
  }

  /** It broke off: nothing of it is left, but for a partial name, which can be gone on with. Never throws. */
  async abort(): Promise<void> {
    if (!this.#isOpen) return
    await this.#close().catch(() => {})
    await this.#discard()
  }

  async #discard(): Promise<void> {
    if (this.#isInPlace) return
    const { folder, shared } = this.#place
    await folder.use(() => unlink(folder.path(this.#writtenAs))).catch(() => {})
    shared.grown(-this.#size)
  }

  async #close(): Promise<void> {
    this.#isOpen = false
    if (this.#isInPlace) this.#place.shared.endWriting(pathOf([this.name]))
    await this.#handle.close()
  }
}

/** A file that lies in this folder and nowhere else: no device, no pipe, and no second name of a file elsewhere. */
export function isPlain(facts: Stats): boolean {
  return facts.isFile() && facts.nlink === 1
}
