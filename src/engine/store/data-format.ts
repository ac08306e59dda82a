/**
 * The format of a data directory: dataDir/format.json, so that an older Trunkline never opens what a newer one wrote. Main thread
 * and command line.
 *
 * 1: no such file (up to 0.1.0). 2: small records (documents, contacts, suppressions, texts of single messages) have a checksum; those that were written
 * before are read as they are.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { writeDurably } from '../base/durable-file.js'
import { EngineError } from '../contract/errors.js'

const FILE = 'format.json'
/** What this version writes; it reads all up to it. */
export const DATA_FORMAT = 2
const FIRST = 1

/** @throws EngineError CONFIG_INVALID: a later version wrote it, or the file is not what was written. */
export function readFormat(dataDir: string): number {
  const file = path.join(dataDir, FILE)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return FIRST
    throw error
  }
  const { format, writtenBy } = parsed(file, text)
  if (format <= DATA_FORMAT) return format
  throw new EngineError(
    'CONFIG_INVALID',
    `The data directory ${path.resolve(dataDir)} was written by Trunkline ${writtenBy} in format ${format}, and this version reads formats up to ${DATA_FORMAT}. Nothing was changed. Start version ${writtenBy} or a later one, or restore a backup that was made before the upgrade.`,
  )
}

/** From now on the directory is of this format. On disk when it returns. @throws as `readFormat`. */
export function keepFormat(dataDir: string, version: string): void {
  const isKnown = readFormat(dataDir) === DATA_FORMAT
  if (isKnown) return
  writeDurably(path.join(dataDir, FILE), `${JSON.stringify({ format: DATA_FORMAT, writtenBy: version })}\n`)
}

function parsed(file: string, text: string): { format: number; writtenBy: string } {
  try {
    const { format, writtenBy } = JSON.parse(text) as { format: number; writtenBy: string }
    if (Number.isInteger(format) && format >= FIRST) return { format, writtenBy: String(writtenBy) }
  } catch {
    // Told below.
  }
  throw new EngineError(
    'CONFIG_INVALID',
    `${file} is damaged; take that of a backup, or write {"format":${DATA_FORMAT}}`,
  )
}
