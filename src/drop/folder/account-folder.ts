/**
 * The folder of one account: makes it, looks which of its files are complete, and hands them out for reading, oldest first.
 * Main thread.
 */
import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { AREAS } from '../site/drop-names.js'
import { OpenFolder } from '../site/open-folder.js'
import { type Claims, OWN_FOLDER } from './claims.js'
import { hasItsEnd } from './dropped-file.js'
import { besideName, isLeftAlone, markerOf } from './dropped-names.js'
import { codeOf, look, makeFolder, pathIn, within, writeWhole } from './folder-files.js'
import { Settling } from './settling.js'
import { folderText } from './texts.js'

/** Of one account, watched at once; the others have their turn when these are gone. */
const WATCHED_MAX = 2_000
const LOOKED_AT_ONCE = 16

export interface Settled {
  name: Buffer
  mtimeMs: number
}

export interface AccountFolderDeps {
  number: number
  /** Absolute. */
  path: string
  claims: Claims
  settleMs: number
  /** Monotonic milliseconds. */
  now(): number
}

function keyOf(name: Uint8Array): string {
  return Buffer.from(name).toString('latin1')
}

export class AccountFolder {
  readonly number: number
  readonly path: string
  readonly #deps: AccountFolderDeps
  readonly #settling: Settling
  readonly #settled = new Map<string, Settled>()
  /** Being read; they are no more in the folder, or soon will not be. */
  readonly #handedOut = new Set<string>()
  /** Folders that were told of. */
  readonly #told = new Set<string>()
  #waiting = 0

  constructor(deps: AccountFolderDeps) {
    this.#deps = deps
    this.number = deps.number
    this.path = deps.path
    this.#settling = new Settling(deps.settleMs)
  }

  /** Files that are not taken yet. */
  get waiting(): number {
    return this.#waiting
  }
  /** Some of them are still watched. */
  get isUnsettled(): boolean {
    return this.#settling.size > 0
  }
  get hasSettled(): boolean {
    return this.#settled.size > 0
  }

  /** Throws what keeps it from being a folder with all that belongs into it. */
  async prepare(): Promise<void> {
    await makeFolder(this.path)
    await this.#inRoot(async (root) => {
      for (const area of AREAS) await within(root, area, async () => {})
      await this.#deps.claims.prepare(root)
    })
  }

  /** All that belongs into it is there and no link: looked at often, so in few calls. */
  async #isPrepared(): Promise<boolean> {
    try {
      return await this.#inRoot(async (root) => {
        const parts = await Promise.all([...AREAS, OWN_FOLDER].map((name) => look(root, name)))
        return parts.every((facts) => facts?.isDirectory())
      })
    } catch {
      return false
    }
  }

  async #inRoot<T>(work: (root: OpenFolder) => Promise<T>): Promise<T> {
    const root = await OpenFolder.at(this.path)
    try {
      return await work(root)
    } finally {
      await root.close()
    }
  }

  tell(name: Buffer): void {
    this.#settling.tell(keyOf(name))
  }

  /** Looks at every file once. true: it was gone or not whole, and was made anew. Throws what keeps it from looking. */
  async look(): Promise<boolean> {
    const isNew = !(await this.#isPrepared())
    if (isNew) await this.prepare()
    await this.#inRoot(async (root) => {
      const all = (await readdir(root.self, { encoding: 'buffer' })).filter((name) => !isLeftAlone(name))
      const names = all.filter((name) => !this.#handedOut.has(keyOf(name)))
      this.#waiting = names.length
      const watched = names.slice(0, WATCHED_MAX)
      const keys = new Set(watched.map(keyOf))
      this.#settling.keep(keys)
      for (const key of this.#settled.keys()) if (!keys.has(key)) this.#settled.delete(key)
      for (let at = 0; at < watched.length; at += LOOKED_AT_ONCE) {
        await Promise.all(watched.slice(at, at + LOOKED_AT_ONCE).map((name) => this.#lookAt(root, name)))
      }
    })
    return isNew
  }

  async #lookAt(root: OpenFolder, name: Buffer): Promise<void> {
    const facts = await look(root, name).catch(() => null)
    if (facts === null) return
    if (facts.isDirectory()) {
      this.#settling.forget(keyOf(name))
      this.#waiting--
      await this.#tellOfFolder(root, name)
    } else if (await this.#isComplete(root, name, facts)) {
      this.#settled.set(keyOf(name), { name, mtimeMs: facts.mtimeMs })
    } else {
      this.#settled.delete(keyOf(name))
    }
  }

  async #isComplete(root: OpenFolder, name: Buffer, facts: Stats): Promise<boolean> {
    const { ino, size, mtimeMs } = facts
    const quietMs = this.#settling.look(keyOf(name), { ino, size, mtimeMs }, this.#deps.now())
    if (quietMs === Number.POSITIVE_INFINITY || this.#settling.isQuietForLong(quietMs)) return true
    if (facts.isFile()) {
      const marker = await lstat(pathIn(root, markerOf(name))).catch(() => null)
      // One that is older than the file was left by another of its name.
      if (marker?.isFile() && marker.ctimeMs >= facts.ctimeMs) return true
    }
    if (!this.#settling.isQuiet(quietMs)) return false
    return !facts.isFile() || (await hasItsEnd(root, name, size))
  }

  /** Once, and not again while that text lies there. */
  async #tellOfFolder(root: OpenFolder, name: Buffer): Promise<void> {
    const key = keyOf(name)
    if (this.#told.has(key)) return
    this.#told.add(key)
    await within(root, 'error', async (folder) => {
      const beside = besideName(name, 'error')
      if ((await look(folder, beside)) !== null) return
      await this.#deps.claims.inWork(root, 'out', (work) =>
        writeWhole({ work, temporary: `folder-${this.#told.size}.txt`, folder, name: beside }, [folderText(name)]),
      )
    })
  }

  /** The oldest that is complete; to be given back by `done`. */
  handOut(): Settled | null {
    let oldest: Settled | null = null
    for (const one of this.#settled.values()) if (oldest === null || isBefore(one, oldest)) oldest = one
    if (oldest === null) return null
    const key = keyOf(oldest.name)
    this.#settled.delete(key)
    this.#settling.forget(key)
    this.#handedOut.add(key)
    this.#waiting = Math.max(0, this.#waiting - 1)
    return oldest
  }

  /** It is taken, or could not be: what lies there under this name is another file, or the same one anew. */
  done({ name }: Settled): void {
    this.#handedOut.delete(keyOf(name))
  }
}

function isBefore(one: Settled, other: Settled): boolean {
  return one.mtimeMs === other.mtimeMs ? Buffer.compare(one.name, other.name) < 0 : one.mtimeMs < other.mtimeMs
}

/** Why a folder cannot be used, for the log. */
export function folderProblem(error: unknown): string {
  const code = codeOf(error)
  if (code === 'ELOOP' || code === 'ENOTDIR')
    return 'it, or processed or error in it, is a link or a file where a folder is needed'
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return `the engine may not write there (${code})`
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'the disk is full'
  if (code === 'ENOENT') return 'the folder around it is gone'
  return code === '' ? String(error) : code
}
