/**
 * Makes a data directory of a backup: checks every file of it first, builds the directory beside its place, and moves it there
 * when it is complete. Nothing is left of a restore that fails; of one that was killed only a folder that the next one removes. Command line.
 */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import path from 'node:path'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import { DATA_FORMAT } from '../store/data-format.js'
import { adaptRestored } from './adapt-restored.js'
import { checkFiles, openOf } from './check-files.js'
import { ENVIRONMENTS, type EnvironmentName, openRaw, rawTable } from './instant.js'
import { FILES, type Manifest, type ManifestFile, readManifest, recordsOf } from './manifest.js'
import { HashedFile, readRecords } from './records-file.js'
import { syncFile } from './sync-file.js'

/** Says that the folder beside is one of ours, not complete. */
const MARK = 'restoring'
const COPY_BYTES = 1 << 20
/** Pages of a store that was filled in order, and their tree, to the octets of the records. */
const SPACE_FACTOR = 1.5

export interface RestoreTask {
  /** Folder of the backup. */
  backup: string
  /** Absolute; it must not exist, or be empty. */
  dataDir: string
  /** Carriers begin to send at once. */
  resume: boolean
}

export interface RestoreSteps {
  clock: Clock
  /** Octets of the backup that are to be read, each twice, and that were. */
  progress(bytes: number, bytesDone: number): void
}

/** @throws EngineError CONFIG_INVALID: no backup, of a later version, or there is something in its place; STORE_FULL: no room; STORE_CORRUPT: a file is damaged. */
export async function restoreBackup(task: RestoreTask, steps: RestoreSteps): Promise<Manifest> {
  requireRoom(task.dataDir)
  const { manifest, place } = await buildUnpacked(task, steps)
  try {
    const { backup: _backup, dataDir: _dataDir, ...how } = task
    await adaptRestored(place, { backupAtMs: Date.parse(manifest.instantAt), nowMs: steps.clock.now(), ...how })
    syncFile(place)
    moveThere(place, task.dataDir)
    syncFile(path.dirname(task.dataDir))
  } catch (error) {
    rmSync(place, { recursive: true, force: true })
    throw error
  }
  rmSync(path.join(task.dataDir, MARK), { force: true })
  return manifest
}

/** The data directory as it was at the moment of the backup, in a folder beside `dataDir`, which is the caller's to move or remove. @throws as above. */
export async function buildUnpacked(
  { backup, dataDir }: Pick<RestoreTask, 'backup' | 'dataDir'>,
  steps: RestoreSteps,
): Promise<{ manifest: Manifest; place: string }> {
  const manifest = readManifest(backup)
  if (manifest.format > DATA_FORMAT) {
    throw new EngineError(
      'CONFIG_INVALID',
      `The backup was made by Trunkline ${manifest.version} in format ${manifest.format}, and this version reads formats up to ${DATA_FORMAT}. Nothing was changed.`,
    )
  }
  requireSpace(path.dirname(dataDir), manifest)
  const progress = counted(manifest, steps)
  const wrong = drained(checkFiles(backup, manifest), progress)
  if (wrong.length > 0) throw new EngineError('STORE_CORRUPT', `The backup is damaged: ${wrong.join('; ')}.`)
  const place = buildingPlace(dataDir)
  try {
    await build(backup, { manifest, building: place }, progress)
  } catch (error) {
    rmSync(place, { recursive: true, force: true })
    throw error
  }
  return { manifest, place }
}

function counted({ files }: Manifest, steps: RestoreSteps): (bytes: number) => void {
  const total = 2 * files.reduce((sum, { bytes }) => sum + bytes, 0)
  let done = 0
  return (bytes) => {
    done += bytes
    steps.progress(total, done)
  }
}

function drained<T>(work: Generator<number, T>, progress: (bytes: number) => void): T {
  for (;;) {
    const step = work.next()
    if (step.done === true) return step.value
    progress(step.value)
  }
}

function requireRoom(dataDir: string): void {
  if (!existsSync(dataDir)) {
    if (existsSync(path.dirname(dataDir))) return
    throw new EngineError('CONFIG_INVALID', `There is no folder ${path.dirname(dataDir)} to restore into.`)
  }
  if (!statSync(dataDir).isDirectory()) throw new EngineError('CONFIG_INVALID', `${dataDir} is no folder.`)
  if (readdirSync(dataDir).length === 0) {
    if (statSync(dataDir).dev === statSync(path.dirname(dataDir)).dev) return
    throw mountPoint(dataDir)
  }
  throw new EngineError(
    'CONFIG_INVALID',
    `${dataDir} is not empty, and a restore overwrites nothing; move it away first, and keep it until all is well.`,
  )
}

/** What is built beside it cannot be moved onto it. */
function mountPoint(dataDir: string): EngineError {
  const folder = path.join(dataDir, 'trunkline-data')
  return new EngineError(
    'CONFIG_INVALID',
    `${dataDir} is a mount point, which cannot be replaced as a whole: name a folder in it as the data directory, such as ${folder}.`,
  )
}

function moveThere(place: string, dataDir: string): void {
  try {
    renameSync(place, dataDir)
  } catch (error) {
    // A mount of the same file system shows itself only here.
    if ((error as NodeJS.ErrnoException).code === 'EBUSY') throw mountPoint(dataDir)
    throw error
  }
}

/** A disk that fills up while LMDB writes says only that something went wrong. */
function requireSpace(parent: string, { files }: Manifest): void {
  const bytes = SPACE_FACTOR * files.reduce((sum, file) => sum + file.bytes, 0)
  const { bavail, bsize } = statfsSync(parent)
  if (bavail * bsize >= bytes) return
  const needed = Math.ceil(bytes / 2 ** 20)
  throw new EngineError(
    'STORE_FULL',
    `The disk of ${parent} has no room for what the backup holds: about ${needed} MiB.`,
  )
}

/** Beside the data directory, so that it can be moved there at once. */
function buildingPlace(dataDir: string): string {
  const place = `${dataDir}.restoring`
  if (existsSync(path.join(place, MARK))) rmSync(place, { recursive: true })
  try {
    mkdirSync(place, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new EngineError('CONFIG_INVALID', `The folder ${place} is needed and cannot be made: ${code}.`)
  }
  closeSync(openSync(path.join(place, MARK), 'wx', 0o600))
  return place
}

async function build(
  backup: string,
  { manifest, building }: { manifest: Manifest; building: string },
  progress: (bytes: number) => void,
): Promise<void> {
  for (const name of ENVIRONMENTS) {
    const entries = await load(path.join(backup, recordsOf(name)), { building, name }, progress)
    const wanted = manifest.tables[name] ?? {}
    for (const table of Object.keys(wanted)) {
      if (entries[table] === wanted[table]) continue
      throw new EngineError(
        'STORE_CORRUPT',
        `${recordsOf(name)} has ${entries[table]} entries of ${table}, and had ${wanted[table]}`,
      )
    }
  }
  for (const file of manifest.files) {
    if (file.path.startsWith(`${FILES}/`)) copy(backup, { file, building }, progress)
  }
}

/** Entries by table. */
async function load(
  file: string,
  { building, name }: { building: string; name: EnvironmentName },
  progress: (bytes: number) => void,
): Promise<Record<string, number>> {
  const root = openRaw(building, name, { noSync: true })
  const entries: Record<string, number> = {}
  for (const { table, entries: piece } of readRecords(file)) {
    const into = rawTable(root, table)
    let bytes = 0
    // Braces: transactionSync must not see what put returns, or it does not commit.
    root.transactionSync(() => {
      for (const { key, value } of piece) {
        into.put(key, value, { append: true } as unknown as number)
        bytes += key.length + value.length
      }
    })
    entries[table] = (entries[table] ?? 0) + piece.length
    progress(bytes)
  }
  await root.close()
  syncFile(path.join(building, name, 'data.mdb'))
  syncFile(path.join(building, name))
  return entries
}

function copy(
  backup: string,
  { file, building }: { file: ManifestFile; building: string },
  progress: (bytes: number) => void,
): void {
  const to = path.join(building, file.path.slice(FILES.length + 1))
  mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 })
  const source = openOf(backup, file)
  const target = new HashedFile(to)
  try {
    const buffer = Buffer.allocUnsafe(COPY_BYTES)
    for (let count = readSync(source, buffer); count > 0; count = readSync(source, buffer)) {
      target.write(buffer.subarray(0, count))
      progress(count)
    }
    if (target.finish().sha256 !== file.sha256)
      throw new EngineError('STORE_CORRUPT', `${file.path} changed while it was read`)
  } finally {
    closeSync(source)
    target.close()
  }
  syncFile(path.dirname(to))
}
