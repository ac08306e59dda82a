/**
 * The folder that a backup is made in: new or empty, its owner's alone, and never through a link. What was made in it is taken away
 * when the backup does not come to its end. Worker thread of an engine, or a process of its own.
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync, type Stats } from 'node:fs'
import path from 'node:path'
import { EngineError } from '../contract/errors.js'

export class BackupFolder {
  readonly path: string
  readonly #isNew: boolean
  readonly #made = new Set<string>()
  #isLeft = false

  /** @throws EngineError VALIDATION: it cannot be that folder, and the detail says why. */
  constructor(folder: string, dataDir: string) {
    if (!path.isAbsolute(folder)) throw refused('it must be an absolute path')
    const parent = realParent(folder)
    this.path = path.join(parent, path.basename(folder))
    if (within(this.path, realpathSync(dataDir))) throw refused('it must not lie in the data directory')
    const facts = lstatSync(this.path, { throwIfNoEntry: false })
    this.#isNew = facts === undefined
    if (facts === undefined) mkdir(this.path)
    else requireEmpty(this.path, facts)
  }

  /** Path of something that is about to be made in it. */
  make(name: string): string {
    this.#made.add(name.split('/')[0]!)
    return path.join(this.path, name)
  }

  /** The backup is complete: nothing of it is taken away. */
  leave(): void {
    this.#isLeft = true
  }

  /** Takes away what was made in it, unless it is complete. */
  close(): void {
    if (this.#isLeft) return
    for (const name of this.#made) rmSync(path.join(this.path, name), { recursive: true, force: true })
    if (this.#isNew && readdirSync(this.path).length === 0) rmdirSync(this.path)
  }
}

function realParent(folder: string): string {
  try {
    return realpathSync(path.dirname(folder))
  } catch {
    throw refused(`there is no folder ${path.dirname(folder)}`)
  }
}

function within(folder: string, other: string): boolean {
  return folder === other || folder.startsWith(other + path.sep)
}

function mkdir(folder: string): void {
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    throw refused(`it cannot be made: ${(error as NodeJS.ErrnoException).code}`)
  }
}

function requireEmpty(folder: string, facts: Stats): void {
  if (!facts.isDirectory()) throw refused('it is there and is no folder')
  if (readdirSync(folder).length > 0) throw refused('it is not empty')
  chmodSync(folder, 0o700)
}

function refused(why: string): EngineError {
  return new EngineError('VALIDATION', `The backup cannot be made in this folder: ${why}.`, {
    fields: [{ pointer: '/folder', message: why }],
  })
}
