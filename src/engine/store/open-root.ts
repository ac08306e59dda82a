/**
 * Opens an LMDB environment the way all of ours are opened. Facts it rests on (lmdb 3.5.6): `overlappingSync: false`, or readers
 * see rows that a power cut takes away; `eventTurnBatching: false`, or each failed commit raises an unhandled rejection as well.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { open, type RootDatabase } from 'lmdb'
import { watched } from './store-writes.js'

/** `folder` within the data directory is made where there is none. */
export function openRoot(
  dataDir: string,
  folder: string,
  options: { maxDbs?: number; mapSize?: number; noSync?: boolean },
): RootDatabase {
  const place = path.join(dataDir, folder)
  mkdirSync(place, { recursive: true, mode: 0o700 })
  const terms = { encoding: 'binary', overlappingSync: false, eventTurnBatching: false, commitDelay: 0 }
  return watched(() => open({ path: place, ...terms, ...options } as Parameters<typeof open>[0]))
}
