/** The admin key: from the configuration, or made at the first start and kept in dataDir/admin.key. Main thread. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { writeDurably } from '../base/durable-file.js'

/** @returns the key; a new one is on disk, mode 0600, before this returns. */
export function adminKey(dataDir: string, configured: string | undefined): string {
  if (configured !== undefined) return configured
  const file = path.join(dataDir, 'admin.key')
  try {
    const kept = readFileSync(file, 'utf8').trim()
    if (kept !== '') return kept
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const key = `sk_admin_${randomBytes(32).toString('base64url')}`
  writeDurably(file, `${key}\n`)
  return key
}
