/**
 * The files beside the environments: uploads, imports, recordings, keys. Each is written before the commit that needs it and
 * removed behind the commit that does not, so a link that is made within the instant keeps what the instant needs, whatever the
 * engine removes meanwhile. Most links are made before it, so that the instant is short.
 */
import { constants, copyFileSync, linkSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { EngineError } from '../contract/errors.js'
import { ENVIRONMENTS } from './instant.js'

/** Within the data directory, while a backup is made: links to its files. */
export const LINKS = 'backup-links'
/** `speech`: sounds of texts that can be spoken again. */
const LEFT_OUT: ReadonlySet<string> = new Set([...ENVIRONMENTS, LINKS, 'speech', 'engine.sock'])

export interface BesideFile {
  /** Within the data directory, with `/`. */
  path: string
  bytes: number
}

export class FilesBeside {
  readonly #dataDir: string
  readonly #links: string
  /** Path → inode that its link has. */
  #linked = new Map<string, number>()
  #files: BesideFile[] = []

  /** A folder of links that a killed process left is emptied. */
  constructor(dataDir: string) {
    this.#dataDir = dataDir
    this.#links = path.join(dataDir, LINKS)
    this.remove()
    mkdirSync(this.#links, { mode: 0o700 })
  }

  /** Those of the last look. */
  get files(): readonly BesideFile[] {
    return this.#files
  }

  /** Where the content of a file of the last look is found, also if it was removed since. */
  linkOf(file: string): string {
    return path.join(this.#links, file)
  }

  /** Every file that is there now has a link, and no other. @throws EngineError CONFIG_INVALID: a link, or no regular file. */
  look(): void {
    const before = this.#linked
    this.#linked = new Map()
    this.#files = []
    this.#walk('', before)
    for (const gone of before.keys()) rmSync(this.linkOf(gone), { force: true })
  }

  #walk(folder: string, before: Map<string, number>): void {
    const place = path.join(this.#dataDir, folder)
    for (const name of readdirSync(place)) {
      if (folder === '' && LEFT_OUT.has(name)) continue
      const file = folder === '' ? name : `${folder}/${name}`
      const facts = lstatSync(path.join(place, name), { throwIfNoEntry: false })
      if (facts === undefined) continue
      if (facts.isDirectory()) {
        mkdirSync(this.linkOf(file), { recursive: true, mode: 0o700 })
        this.#walk(file, before)
      } else if (facts.isFile()) this.#link(file, facts, before)
      else throw odd(path.join(place, name))
    }
  }

  #link(file: string, { ino, size }: { ino: number; size: number }, before: Map<string, number>): void {
    const known = before.get(file)
    before.delete(file)
    if (known !== ino) {
      rmSync(this.linkOf(file), { force: true })
      if (!linked(path.join(this.#dataDir, file), this.linkOf(file))) return
    }
    this.#linked.set(file, ino)
    this.#files.push({ path: file, bytes: size })
  }

  remove(): void {
    rmSync(this.#links, { recursive: true, force: true })
  }
}

/** False: the file is gone. Where the file system knows no links, the content is copied at once. */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
  }
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

function odd(file: string): EngineError {
  return new EngineError(
    'CONFIG_INVALID',
    `${file} is neither a file nor a folder, and a backup follows no links; move what it stands for into the data directory`,
  )
}
