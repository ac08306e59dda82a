/**
 * Whether a sound on disk is as it was written: the sums of both laws are right; and whether it may have changed since that
 * was looked at. Speech thread.
 */
import { stat } from 'node:fs/promises'
import { readSound } from '../media/sound-file.js'

/** Reads all of it. False also when there is none. */
export async function isWhole(path: string): Promise<boolean> {
  try {
    await readSound(path, 'pcmu')
    await readSound(path, 'pcma')
    return true
  } catch {
    return false
  }
}

/** Another one after whatever was done to the file; null: there is none. Cheap: the sound is not read. */
export async function stampOf(path: string): Promise<string | null> {
  const facts = await stat(path).catch(() => null)
  return facts === null ? null : `${facts.ino} ${facts.size} ${facts.ctimeMs}`
}
