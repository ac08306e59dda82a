/** `trunkline compact`: rewrites the store's files, so that nothing of what was erased is left in them. */
import { existsSync } from 'node:fs'
import { armCrashPoint } from '../engine/base/crash-point.js'
import { clientEnvironment } from '../engine/config/client-environment.js'
import { compactStores } from '../engine/privacy/compaction.js'
import { type Command, CommandError, readArguments } from './command.js'
import { dataDirHelp, dataDirOf, dataDirOptions, tryLock } from './data-dir.js'
import { print, printJson } from './output.js'

export const compact: Command = {
  help: `Usage: trunkline compact [options]

Rewrites the store's files with nothing in them but what is stored now: of what was erased or forgotten before, not an octet is
left, and the files are no larger than they need to be. The engine must not run on the directory. It needs as much free
space as the largest file of the store. After an erasure the next start does this by itself.

${dataDirHelp}
  --json           one JSON document on stdout

Example:
  trunkline compact --data-dir /var/lib/trunkline`,

  async run(argv) {
    const { values } = readArguments(argv, { ...dataDirOptions, json: { type: 'boolean' } }, 0)
    const { dataDir } = dataDirOf(values)
    if (!existsSync(dataDir)) throw new CommandError(`there is no data directory ${dataDir}`)
    armCrashPoint(clientEnvironment().crashAt, 'main')
    const lock = await tryLock(dataDir)
    if (lock === null) throw new CommandError(`an engine is running on ${dataDir}; stop it first`)
    try {
      const done = await compactStores(dataDir)
      if (values.json === true) printJson({ dataDir, ...done })
      else print(`${dataDir}: ${mebibytes(done.bytesBefore)} before, ${mebibytes(done.bytesAfter)} now`)
      return 0
    } finally {
      await lock.release()
    }
  },
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
