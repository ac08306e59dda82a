/**
 * Makes a backup of a data directory: the records of one instant, the files that they need, and the manifest last. Worker thread of
 * an engine that runs, or the command line where none does; the caller holds the directory's lock.
 *
 * While it runs, what is overwritten in the store cannot be used again: the files of the store grow by what is written meanwhile.
 * It ends by itself before that, or the backup, fills a disk.
 */
import { closeSync, mkdirSync, openSync, readSync, statfsSync } from 'node:fs'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import { readFormat } from '../store/data-format.js'
import { BackupFolder } from './backup-folder.js'
import { FilesBeside } from './files-beside.js'
import { bytesOf, type Instant, takeInstant } from './instant.js'
import { BACKUP_FORMAT, FILES, type Manifest, type ManifestFile, recordsOf, writeManifest } from './manifest.js'
import { HashedFile, writeRecords } from './records-file.js'
import { syncFile } from './sync-file.js'

const COPY_BYTES = 1 << 20

export interface BackupTask {
  dataDir: string
  /** Absolute. */
  folder: string
  /** Of Trunkline. */
  version: string
}

export interface BackupSteps {
  clock: Clock
  /** Octets that are to be copied, about, and that were. */
  progress(bytes: number, bytesDone: number): void
  /** Ends it: what was made is taken away. */
  signal: AbortSignal
}

/** @throws EngineError VALIDATION: the folder; STORE_FULL; CONFIG_INVALID: a link in the data directory; and what `signal` ended it with. */
export async function makeBackup(task: BackupTask, steps: BackupSteps): Promise<Manifest> {
  const folder = new BackupFolder(task.folder, task.dataDir)
  let beside: FilesBeside | null = null
  try {
    beside = new FilesBeside(task.dataDir)
    const manifest = await new Making(task, steps, { folder, beside }).make()
    folder.make('manifest.json.part')
    folder.make('manifest.json')
    writeManifest(folder.path, manifest)
    folder.leave()
    return manifest
  } finally {
    beside?.remove()
    folder.close()
  }
}

class Making {
  readonly #task: BackupTask
  readonly #steps: BackupSteps
  readonly #folder: BackupFolder
  readonly #beside: FilesBeside
  #bytes = 0
  #done = 0

  constructor(task: BackupTask, steps: BackupSteps, places: { folder: BackupFolder; beside: FilesBeside }) {
    this.#task = task
    this.#steps = steps
    this.#folder = places.folder
    this.#beside = places.beside
  }

  async make(): Promise<Manifest> {
    const { dataDir, version } = this.#task
    // Most links are made before the instant, which then only looks for what changed.
    this.#beside.look()
    await turn()
    const instant = takeInstant(dataDir, () => this.#beside.look())
    const instantAt = new Date(this.#steps.clock.now()).toISOString()
    try {
      this.#bytes = this.#size(instant)
      this.#requireRoom()
      const records = await this.#records(instant)
      await instant.release()
      const files = await this.#files()
      return {
        ...{ backup: BACKUP_FORMAT, format: readFormat(dataDir), version, instantAt },
        finishedAt: new Date(this.#steps.clock.now()).toISOString(),
        tables: records.tables,
        files: [...records.files, ...files],
      }
    } catch (error) {
      await instant.release()
      throw error
    }
  }

  #size({ environments }: Instant): number {
    const records = environments.reduce((sum, held) => sum + bytesOf(held), 0)
    return this.#beside.files.reduce((sum, { bytes }) => sum + bytes, records)
  }

  async #records({ environments }: Instant): Promise<{ tables: Manifest['tables']; files: ManifestFile[] }> {
    const tables: Manifest['tables'] = {}
    const files: ManifestFile[] = []
    for (const held of environments) {
      const name = recordsOf(held.name)
      const writing = writeRecords(held, this.#folder.make(name))
      let step = await writing.next()
      for (; step.done !== true; step = await writing.next()) await this.#copied(step.value)
      const { entries, bytes, sha256 } = step.value
      tables[held.name] = entries
      files.push({ path: name, bytes, sha256 })
    }
    return { tables, files }
  }

  async #files(): Promise<ManifestFile[]> {
    const folders = new Set<string>([this.#folder.make(FILES)])
    mkdirSync(this.#folder.make(FILES), { mode: 0o700 })
    const files: ManifestFile[] = []
    for (const { path: file } of this.#beside.files) {
      const name = `${FILES}/${file}`
      const to = this.#folder.make(name)
      mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 })
      folders.add(path.dirname(to))
      files.push({ path: name, ...(await this.#copy(this.#beside.linkOf(file), to)) })
    }
    for (const folder of folders) syncFile(folder)
    return files
  }

  async #copy(from: string, to: string): Promise<{ bytes: number; sha256: string }> {
    const source = openSync(from, 'r')
    try {
      const target = new HashedFile(to)
      try {
        const buffer = Buffer.allocUnsafe(COPY_BYTES)
        for (let count = readSync(source, buffer); count > 0; count = readSync(source, buffer)) {
          target.write(buffer.subarray(0, count))
          await this.#copied(count)
        }
        return target.finish()
      } finally {
        target.close()
      }
    } finally {
      closeSync(source)
    }
  }

  async #copied(bytes: number): Promise<void> {
    this.#done += bytes
    this.#steps.progress(Math.max(this.#bytes, this.#done), this.#done)
    // What ends it arrives between two pieces.
    await turn()
    this.#steps.signal.throwIfAborted()
    for (const place of [this.#task.dataDir, this.#folder.path]) {
      if (roomIn(place) < 0) throw full(place, 'while the backup was made')
    }
  }

  #requireRoom(): void {
    if (roomIn(this.#folder.path) >= this.#bytes) return
    throw full(this.#folder.path, `and the backup takes about ${Math.ceil(this.#bytes / 2 ** 20)} MiB`)
  }
}

/** Octets that may still be written there before the engine takes nothing new; below 0: none. */
function roomIn(place: string): number {
  const { bavail, blocks, bsize } = statfsSync(place)
  return (bavail - blocks * limits.storeFreeRatio) * bsize
}

function full(place: string, why: string): EngineError {
  const percent = Math.round(limits.storeFreeRatio * 100)
  return new EngineError('STORE_FULL', `The disk of ${place} would have less than ${percent} % left, ${why}.`)
}
