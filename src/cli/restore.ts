/** `trunkline restore`: a data directory from a backup. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { restoreBackup } from '../engine/backup/restore-backup.js'
import { systemClock } from '../engine/contract/clock.js'
import { type Command, CommandError, readArguments, UsageError } from './command.js'
import { CopyProgress } from './copy-progress.js'
import { dataDirHelp, dataDirOf, dataDirOptions, tryLock } from './data-dir.js'
import { print, printJson } from './output.js'

export const restore: Command = {
  help: `Usage: trunkline restore BACKUP [options]

Makes the data directory from the folder BACKUP. Every file of the backup is checked first. The directory must not exist, or be
empty, and no engine may run on it; it is there as a whole or not at all.

The engine then starts with all carriers paused: what was sent since the backup would be sent again, and who opted out
since is not known. Resume each with PATCH /v1/carriers/ID {"paused": false}, after what docs/operating.md says under Restore.

${dataDirHelp}
  --resume         carriers begin to send at the next start
  --json           one JSON document on stdout

Example:
  trunkline restore /var/backups/trunkline-monday --config trunkline.yaml`,

  async run(argv) {
    const options = { ...dataDirOptions, resume: { type: 'boolean' }, json: { type: 'boolean' } } as const
    const { values, positionals } = readArguments(argv, options, 1)
    if (positionals[0] === undefined) throw new UsageError('name the folder of the backup')
    const backup = path.resolve(positionals[0])
    const { dataDir } = dataDirOf(values)
    const resume = values.resume === true
    const lock = existsSync(dataDir) ? await tryLock(dataDir) : undefined
    if (lock === null) throw new CommandError(`an engine is running on ${dataDir}; stop it first`)
    const show = new CopyProgress()
    try {
      const progress = (bytes: number, bytesDone: number): void => show.show(bytes, bytesDone)
      const { instantAt, version } = await restoreBackup({ backup, dataDir, resume }, { clock: systemClock, progress })
      if (values.json === true) printJson({ dataDir, instantAt, version, carriersPaused: !resume })
      else
        print(
          `${dataDir} is as it was at ${instantAt}; ${resume ? 'carriers begin to send' : 'all carriers are paused'} at its start`,
        )
      return 0
    } finally {
      await lock?.release()
    }
  },
}
