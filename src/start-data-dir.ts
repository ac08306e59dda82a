/** What a start does to a data directory before its stores are opened. Composition, main thread. */
import { rmSync } from 'node:fs'
import path from 'node:path'
import { LINKS } from './engine/backup/files-beside.js'
import { keepFormat } from './engine/store/data-format.js'
import { productVersion } from './product-version.js'

/** The caller holds its lock. @throws EngineError CONFIG_INVALID: a later version wrote it; nothing was changed. */
export function prepareDataDir(dataDir: string): void {
  keepFormat(dataDir, productVersion())
  // Of a backup during which the process was killed: what is removed must be gone.
  rmSync(path.join(dataDir, LINKS), { recursive: true, force: true })
}
