/** `trunkline verify`: reads every record and every sum of a data directory, or of a backup. */
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { buildUnpacked } from '../engine/backup/restore-backup.js'
import { systemClock } from '../engine/contract/clock.js'
import type { Finding } from '../engine/verify/findings.js'
import type { Verified } from '../engine/verify/verify-directory.js'
import { type Command, CommandError, type OptionValues, readArguments, textOption, UsageError } from './command.js'
import { CopyProgress } from './copy-progress.js'
import { dataDirHelp, dataDirOf, dataDirOptions, tryLock } from './data-dir.js'
import { print, printJson, whole } from './output.js'
import { verifyApart } from './verify-apart.js'

const SHOWN_MAX = 50

export const verify: Command = {
  help: `Usage: trunkline verify [options]

Reads every record of the data directory, and checks lengths, checksums, sums and the files beside the store. Names each
damaged record with its table, key and the messages that it concerns. Nothing is changed. Exit code 1: something is wrong.

No engine may run on it. To verify one that runs, make a backup and verify that: nothing of it stands still meanwhile.

${dataDirHelp}
  --backup FOLDER  a backup instead: its files by their SHA-256, then all that is in it; it is unpacked
                   beside itself for that, which takes as much room again
  --json           one JSON document on stdout

Examples:
  trunkline verify --config trunkline.yaml
  trunkline backup /var/backups/now && trunkline verify --backup /var/backups/now`,

  async run(argv) {
    const options = { ...dataDirOptions, backup: { type: 'string' }, json: { type: 'boolean' } } as const
    const { values } = readArguments(argv, options, 0)
    const verified = await (values.backup === undefined ? ofDirectory(values) : ofBackup(values))
    if (values.json === true) printJson(verified)
    else report(verified)
    return verified.ok ? 0 : 1
  },
}

async function ofDirectory(values: OptionValues): Promise<Verified> {
  const { dataDir } = dataDirOf(values)
  if (!existsSync(dataDir)) throw new CommandError(`there is no data directory ${dataDir}`)
  const lock = await tryLock(dataDir)
  if (lock === null) {
    throw new CommandError(
      `an engine is running on ${dataDir}. Verify a backup of it: trunkline backup FOLDER && trunkline verify --backup FOLDER`,
    )
  }
  try {
    return await verifyAll(dataDir)
  } finally {
    await lock.release()
  }
}

async function verifyAll(dataDir: string): Promise<Verified> {
  const show = new CopyProgress()
  return await verifyApart(dataDir, (bytes, bytesDone) => show.show(bytes, bytesDone))
}

async function ofBackup(values: OptionValues): Promise<Verified> {
  if (textOption(values, 'data-dir') !== undefined || textOption(values, 'config') !== undefined) {
    throw new UsageError('--backup stands alone: it names what is verified')
  }
  const backup = path.resolve(textOption(values, 'backup')!)
  const show = new CopyProgress()
  const steps = { clock: systemClock, progress: (bytes: number, done: number) => show.show(bytes, done) }
  const { place } = await buildUnpacked({ backup, dataDir: `${backup}.verifying` }, steps)
  try {
    return await verifyAll(place)
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

function report({ ok, records, problems, findings }: Verified): void {
  for (const finding of findings.slice(0, SHOWN_MAX)) print(line(finding))
  if (problems > SHOWN_MAX) print(`… and ${whole(problems - SHOWN_MAX)} more; --json names the first 1,000`)
  print(
    ok
      ? `${whole(records)} records: all are whole, and the sums add up`
      : `${whole(records)} records, ${whole(problems)} problems. What to do: docs/operating.md, Verify`,
  )
}

function line({ where, key, problem, concerns }: Finding): string {
  return `${where} ${key}: ${problem}${concerns.length === 0 ? '' : ` (${concerns.join(', ')})`}`
}
