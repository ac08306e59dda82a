/** Whether a sound on disk is as it was written: the sums of both laws are right. Speech thread. */
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
