/** The secrets of a data directory belong to whoever runs the engine: a copy or a backup often lets others read them. Main thread. */
import { chmodSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Log } from '../contract/log.js'

const SECRETS = ['admin.key', 'secret.key']
const OF_OTHERS = 0o077
const MINE_ALONE = 0o600

/** Takes away what others may do with them, and says so: a key that others could read may have to be changed. */
export function keepPrivate(dataDir: string, log: Log): void {
  for (const name of SECRETS) {
    const file = path.join(dataDir, name)
    const { mode } = statSync(file, { throwIfNoEntry: false }) ?? { mode: 0 }
    if (process.platform === 'win32' || (mode & OF_OTHERS) === 0) continue
    chmodSync(file, MINE_ALONE)
    log.warn({ file }, 'others could read this secret; now only its owner can')
  }
}
