/**
 * Rewrites the stores' files with nothing in them but what is stored now: of what was erased before not an octet is left.
 * For a data directory on which no engine runs; the caller holds its lock. Main thread, or the command line.
 *
 * Each environment is copied into a file beside it, which takes its place by a rename once it is on disk: a kill at any moment
 * leaves the one or the other, whole.
 */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { crashPoint } from '../base/crash-point.js'
import type { Config } from '../config/schema.js'
import { EngineError } from '../contract/errors.js'
import type { Log } from '../contract/log.js'
import { openRoot } from '../store/open-root.js'

const ENVIRONMENTS = ['queue', 'documents', 'contacts'] as const
const TABLES_MAX = 64
/** Something is freed and perhaps still to be read in the stores' files. */
const MARK = 'erased.pending'
const COPY = 'compacted'

export interface Compacted {
  bytesBefore: number
  bytesAfter: number
}

/** Durable on return: the next start knows that something was erased. */
export function markErased(dataDir: string): void {
  const file = path.join(dataDir, MARK)
  if (existsSync(file)) return
  const handle = openSync(file, 'w', 0o600)
  fsyncSync(handle)
  closeSync(handle)
  syncFolder(dataDir)
}

export function isErasedMarked(dataDir: string): boolean {
  return existsSync(path.join(dataDir, MARK))
}

/** @throws EngineError STORE_FULL: the disk has no room for a copy of the largest file; STORE_FAILED. */
export async function compactStores(dataDir: string): Promise<Compacted> {
  removeCopies(dataDir)
  const compacted: Compacted = { bytesBefore: 0, bytesAfter: 0 }
  for (const name of ENVIRONMENTS) {
    const file = path.join(dataDir, name, 'data.mdb')
    if (!existsSync(file)) continue
    compacted.bytesBefore += statSync(file).size
    requireRoom(dataDir, statSync(file).size)
    await compactOne(dataDir, name)
    compacted.bytesAfter += statSync(file).size
  }
  crashPoint('compaction-ended')
  rmSync(path.join(dataDir, MARK), { force: true })
  syncFolder(dataDir)
  return compacted
}

/** What a kill left half written: it is of no use, takes room, and may name who is erased later. */
function removeCopies(dataDir: string): void {
  for (const name of ENVIRONMENTS) rmSync(path.join(dataDir, name, COPY), { recursive: true, force: true })
}

/** At a start, before the stores are opened. Without room for it the engine starts nevertheless, and says so. */
export async function compactErased(config: Pick<Config, 'dataDir' | 'retention'>, log: Log): Promise<void> {
  removeCopies(config.dataDir)
  if (!config.retention.compactAtStart || !isErasedMarked(config.dataDir)) return
  try {
    const { bytesBefore, bytesAfter } = await compactStores(config.dataDir)
    log.info({ bytesBefore, bytesAfter }, 'the store was compacted, since something had been erased')
  } catch (error) {
    if ((error as Partial<EngineError>).code !== 'STORE_FULL') throw error
    log.warn({ error }, 'the store was not compacted: traces of what was erased may be left in its files')
  }
}

async function compactOne(dataDir: string, name: string): Promise<void> {
  const folder = path.join(dataDir, name)
  const copy = path.join(folder, COPY)
  await mkdir(copy, { mode: 0o700 })
  try {
    await copyStore(dataDir, name, copy)
    crashPoint('compaction-copied')
    syncFile(path.join(copy, 'data.mdb'))
    crashPoint('compaction-synced')
    renameSync(path.join(copy, 'data.mdb'), path.join(folder, 'data.mdb'))
    crashPoint('compaction-renamed')
    syncFolder(folder)
  } finally {
    // Also of a copy that failed halfway, on a disk that may be full.
    rmSync(copy, { recursive: true, force: true })
  }
}

async function copyStore(dataDir: string, name: string, copy: string): Promise<void> {
  const root = openRoot(dataDir, name, { maxDbs: TABLES_MAX })
  try {
    await root.backup(copy, true)
  } catch (cause) {
    throw new EngineError('STORE_FAILED', `${path.join(dataDir, name)} could not be compacted: ${String(cause)}`, {
      cause,
    })
  } finally {
    await root.close()
  }
}

/** At most as much as the file that it stands for. */
function requireRoom(dataDir: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(dataDir)
  if (bavail * bsize > bytes) return
  throw new EngineError(
    'STORE_FULL',
    `A compaction needs ${Math.ceil(bytes / 2 ** 20)} MiB of free space beside the store.`,
  )
}

function syncFolder(folder: string): void {
  syncFile(folder)
}

function syncFile(file: string): void {
  const handle = openSync(file, 'r')
  fsyncSync(handle)
  closeSync(handle)
}
