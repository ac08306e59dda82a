/** manifest.json of a backup: what is in it, written last. A folder without one is no backup. Any process. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'
import type { BackupDone } from '../contract/backups.js'
import { EngineError } from '../contract/errors.js'
import { syncFile } from './sync-file.js'

export const MANIFEST = 'manifest.json'
/** Of the files beside the environments, within the backup. */
export const FILES = 'files'
/** Of the manifest and of how the folder is laid out. */
export const BACKUP_FORMAT = 1

export interface ManifestFile {
  /** Within the folder, with `/`. */
  path: string
  bytes: number
  /** In hexadecimal digits. */
  sha256: string
}

export interface Manifest {
  backup: typeof BACKUP_FORMAT
  /** Format of the data directory, see store/data-format.ts. */
  format: number
  /** Version of Trunkline that made it. */
  version: string
  /** RFC 3339: the moment that it shows, and when it was complete. */
  instantAt: string
  finishedAt: string
  /** Environment → table → entries. */
  tables: Record<string, Record<string, number>>
  files: ManifestFile[]
}

/** Name of the file with the records of an environment. */
export function recordsOf(environment: string): string {
  return `${environment}.records`
}

/** How much is in it. */
export function doneOf({ instantAt, tables, files }: Manifest): BackupDone {
  const counts = Object.values(tables).flatMap((table) => Object.values(table))
  return {
    instantAt,
    records: counts.reduce((sum, count) => sum + count, 0),
    files: files.length,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/** On disk when it returns. */
export function writeManifest(folder: string, manifest: Manifest): void {
  const file = path.join(folder, MANIFEST)
  const handle = openSync(`${file}.part`, 'wx', 0o600)
  try {
    writeSync(handle, `${JSON.stringify(manifest, null, 2)}\n`)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(`${file}.part`, file)
  syncFile(folder)
}

/** @throws EngineError CONFIG_INVALID: there is none, or it is of a later version; STORE_CORRUPT: it cannot be read. */
export function readManifest(folder: string): Manifest {
  const manifest = parsed(folder)
  if (!isManifest(manifest)) {
    throw new EngineError('STORE_CORRUPT', `${path.join(folder, MANIFEST)} is not the manifest of a backup`)
  }
  if (manifest.backup > BACKUP_FORMAT) {
    throw new EngineError(
      'CONFIG_INVALID',
      `${folder} was made by Trunkline ${manifest.version}, which writes backups that this one cannot read; use that version or a later one`,
    )
  }
  return manifest
}

/** null is JSON too. */
function isManifest(manifest: Manifest | null): manifest is Manifest {
  return (
    typeof manifest?.backup === 'number' &&
    Array.isArray(manifest.files) &&
    manifest.files.every((file) => typeof file?.path === 'string') &&
    typeof manifest.tables === 'object' &&
    manifest.tables !== null
  )
}

function parsed(folder: string): Manifest | null {
  const file = path.join(folder, MANIFEST)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    throw new EngineError(
      'CONFIG_INVALID',
      `${folder} is no backup, or one that was not completed: it has no ${MANIFEST}, which is written last`,
    )
  }
  try {
    return JSON.parse(text) as Manifest | null
  } catch {
    throw new EngineError('STORE_CORRUPT', `${file} is damaged: it is not JSON`)
  }
}
