/**
 * Removes what uploads left that a killed engine had under way. Those of an engine that lives are younger than any idle
 * time, so two engines on one folder leave each other's alone. Site thread.
 */
import { lstat, readdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { isUploadName } from './drop-names.js'

/** @returns how many were removed. `beforeMs`: epoch; last written before. */
export async function sweepLeftovers(root: string, beforeMs: number): Promise<number> {
  let removed = 0
  const accounts = await readdir(root, { withFileTypes: true }).catch(() => [])
  for (const { name } of accounts.filter((entry) => entry.isDirectory())) {
    const files = await readdir(join(root, name)).catch(() => [])
    for (const file of files.filter(isUploadName)) {
      if (await removeOld(join(root, name, file), beforeMs)) removed++
    }
  }
  return removed
}

async function removeOld(path: string, beforeMs: number): Promise<boolean> {
  try {
    const facts = await lstat(path)
    if (!facts.isFile() || facts.mtimeMs >= beforeMs) return false
    await unlink(path)
    return true
  } catch {
    // Renamed or removed meanwhile.
    return false
  }
}
