/** Whether the files of a backup are what its manifest says, octet by octet. Any process. */
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import path from 'node:path'
import { EngineError } from '../contract/errors.js'
import { ENVIRONMENTS } from './instant.js'
import { FILES, type Manifest, type ManifestFile, recordsOf } from './manifest.js'

const READ_BYTES = 1 << 20

/** Opened, never through a link; the caller closes it. @throws EngineError STORE_CORRUPT: it is not there. */
export function openOf(folder: string, file: ManifestFile): number {
  if (!isPathOfBackup(file.path)) {
    throw new EngineError('STORE_CORRUPT', `the manifest of ${folder} names ${file.path}, which is no file of a backup`)
  }
  const place = path.join(folder, file.path)
  try {
    const handle = openSync(place, constants.O_RDONLY | constants.O_NOFOLLOW)
    if (fstatSync(handle).isFile()) return handle
    closeSync(handle)
  } catch (error) {
    throw new EngineError('STORE_CORRUPT', `${place} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
  }
  throw new EngineError('STORE_CORRUPT', `${place} is no file`)
}

function isPathOfBackup(file: string): boolean {
  if (ENVIRONMENTS.some((name) => recordsOf(name) === file)) return true
  const parts = file.split('/')
  return parts[0] === FILES && parts.length > 1 && parts.every((part) => part !== '' && part !== '.' && part !== '..')
}

/** Yields the octets of each piece. Returns what is wrong, a line for each file; empty: nothing. */
export function* checkFiles(folder: string, { files }: Manifest): Generator<number, string[]> {
  const wrong: string[] = []
  for (const name of ENVIRONMENTS) {
    if (!files.some((file) => file.path === recordsOf(name))) wrong.push(`${recordsOf(name)} is not in the manifest`)
  }
  for (const file of files) {
    const problem = yield* problemOf(folder, file)
    if (problem !== null) wrong.push(problem)
  }
  return wrong
}

function* problemOf(folder: string, file: ManifestFile): Generator<number, string | null> {
  let handle: number
  try {
    handle = openOf(folder, file)
  } catch (error) {
    if (error instanceof EngineError) return error.message
    throw error
  }
  try {
    const { size } = fstatSync(handle)
    if (size !== file.bytes) return `${file.path} has ${size} octets, and had ${file.bytes} when the backup was made`
    const hash = createHash('sha256')
    const buffer = Buffer.allocUnsafe(READ_BYTES)
    for (let count = readSync(handle, buffer); count > 0; count = readSync(handle, buffer)) {
      hash.update(buffer.subarray(0, count))
      yield count
    }
    return hash.digest('hex') === file.sha256 ? null : `${file.path} is damaged: its SHA-256 is another one`
  } finally {
    closeSync(handle)
  }
}
