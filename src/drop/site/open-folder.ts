/**
 * Folders held open, so that what lies in them is named relative to the open folder and not by a path that could be
 * changed under our hands. Linux lets a path go through /proc/self/fd; each step is opened with O_NOFOLLOW, so a folder
 * that is swapped for a link at any moment leads nowhere. Where there is no /proc each step is checked as it is opened.
 * Site thread.
 */
import { constants, existsSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { SiteError } from './site-error.js'

const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
const hasDescriptorPaths = existsSync('/proc/self/fd')

export class OpenFolder {
  readonly #handle: FileHandle
  readonly #path: string
  #uses = 0
  #isClosed = false
  #onIdle: () => void = () => {}

  private constructor(handle: FileHandle, path: string) {
    this.#handle = handle
    this.#path = hasDescriptorPaths ? `/proc/self/fd/${handle.fd}` : path
  }

  /** @throws ENOENT, ENOTDIR (also for a link). */
  static async at(path: string): Promise<OpenFolder> {
    return new OpenFolder(await open(path, FOLDER_FLAGS), path)
  }

  /** Of a name in this folder, for one call of the file system. */
  path(name: string): string {
    return `${this.#path}/${name}`
  }

  /** Of the folder itself. */
  get self(): string {
    // A path that ends in a descriptor is a link; with a dot behind it is the folder.
    return `${this.#path}/.`
  }

  async enter(name: string): Promise<OpenFolder> {
    return await OpenFolder.at(this.path(name))
  }

  /** What was renamed or made in it survives a power cut. */
  async sync(): Promise<void> {
    await this.#handle.sync()
  }

  /**
   * Whatever names something in a folder that others may close goes in here. The number of a closed descriptor is soon that
   * of another folder, maybe another account's: so nothing begins after `close`, and `close` waits for what has begun.
   * @throws SiteError busy: it is closed.
   */
  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new SiteError('busy', 'The session has ended.')
    this.#uses++
    try {
      return await work()
    } finally {
      this.#uses--
      if (this.#uses === 0) this.#onIdle()
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#uses > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
      })
    }
    await this.#handle.close()
  }
}
