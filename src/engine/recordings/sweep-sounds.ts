/**
 * Removes sounds that no recording has stood for in so long that no message waits for them any more. Main thread.
 */
import { readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Documents } from '../store/documents.js'
import { RECORDINGS, type RecordingRecord } from './recording-record.js'

/** A message planned further ahead than this plays a recording only while that has its name. */
const KEPT_MS = 400 * 86_400_000
/** What a killed process left half written. */
const PART_MS = 3_600_000
const SOUND = /^[0-9a-f]{64}$/

export interface SweepFacts {
  folder: string
  documents: Documents
  /** Whether there is an account of this number: what those had that are gone is used by nobody. */
  isAccount(account: number): boolean
}

/** Its time begins anew: a recording is about to stand for another sound, or for none. */
export async function startKeeping(folder: string, sha256: string, nowMs: number): Promise<void> {
  // One that is missing needs no keeping.
  await utimes(join(folder, sha256), nowMs / 1000, nowMs / 1000).catch(() => {})
}

/** Its age counts from the last time when it was written, or lost its name. How many were removed. */
export async function sweepSounds({ folder, documents, isAccount }: SweepFacts, nowMs: number): Promise<number> {
  const names = await readdir(folder).catch(() => [])
  if (names.length === 0) return 0
  const records = documents.list<RecordingRecord>(RECORDINGS).filter(({ key }) => isAccount(key[0] as number))
  const used = new Set(records.map(({ value }) => value.sha256))
  let removed = 0
  for (const name of names) {
    if (used.has(name)) continue
    const keptMs = SOUND.test(name) ? KEPT_MS : PART_MS
    const facts = await stat(join(folder, name)).catch(() => null)
    if (facts === null || nowMs - facts.mtimeMs < keptMs) continue
    await rm(join(folder, name), { force: true })
    removed++
  }
  return removed
}
