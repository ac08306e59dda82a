/** `trunkline backup`: one moment of a data directory, also while the engine runs. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { makeBackup } from '../engine/backup/make-backup.js'
import { doneOf } from '../engine/backup/manifest.js'
import { clientEnvironment } from '../engine/config/client-environment.js'
import type { BackupDone, BackupView } from '../engine/contract/backups.js'
import { systemClock } from '../engine/contract/clock.js'
import { productVersion } from '../product-version.js'
import { ApiClient } from './client.js'
import {
  type Command,
  CommandError,
  clientHelp,
  clientOptions,
  type OptionValues,
  readArguments,
  type Target,
  targetOf,
  textOption,
  UsageError,
  untilInterrupted,
} from './command.js'
import { CopyProgress } from './copy-progress.js'
import { type DataDirAsked, dataDirHelp, dataDirOf, dataDirOptions, keptAdminKey, tryLock } from './data-dir.js'
import { print, printJson, whole } from './output.js'

const LOOK_MS = 500

export const backup: Command = {
  help: `Usage: trunkline backup FOLDER [options]

Copies one moment of the data directory into FOLDER, which must not exist yet, or be empty. Where an engine runs on the
directory, the engine makes it, while it goes on sending; else the command does. Then FOLDER is of the machine that the
engine runs on. Without a manifest.json, which is written last, a folder is no backup.

What lies outside the data directory is not in it: the configuration, its secrets and certificates, the drop folder.
Sounds of spoken texts are left out, since they are made again.

${dataDirHelp}
${clientHelp}
  --url and --key are needed only for an engine on another machine, or whose admin key is in its configuration

Examples:
  trunkline backup /var/backups/trunkline-monday
  trunkline backup /var/backups/monday --url http://10.0.0.5:8080 --key "$ADMIN_KEY"`,

  async run(argv) {
    const { values, positionals } = readArguments(argv, { ...clientOptions, ...dataDirOptions }, 1)
    if (positionals[0] === undefined) throw new UsageError('name the folder that the backup is made in')
    const isRemote = textOption(values, 'url') !== undefined
    const folder = isRemote ? positionals[0] : path.resolve(positionals[0])
    const show = new CopyProgress()
    const done = isRemote
      ? await fromEngine(targetOf(values), folder, show)
      : await fromHere(dataDirOf(values), { folder, values, show })
    if (values.json === true) printJson({ folder, ...done })
    else print(`${folder}: ${whole(done.records)} records and ${whole(done.files)} files as of ${done.instantAt}`)
    return 0
  },
}

interface Asked {
  folder: string
  values: OptionValues
  show: CopyProgress
}

async function fromHere(asked: DataDirAsked, { folder, values, show }: Asked): Promise<BackupDone> {
  const { dataDir } = asked
  if (!existsSync(dataDir)) throw new CommandError(`there is no data directory ${dataDir}`)
  const lock = await tryLock(dataDir)
  if (lock === null) return await fromEngine(ownEngine(asked, values), folder, show)
  const { signal } = untilInterrupted()
  const progress = (bytes: number, bytesDone: number): void => show.show(bytes, bytesDone)
  try {
    const task = { dataDir, folder, version: productVersion() }
    const done = doneOf(await makeBackup(task, { clock: systemClock, progress, signal }))
    show.end(done.bytes)
    return done
  } catch (error) {
    if (signal.aborted) throw new CommandError('ended; nothing of the backup is left')
    throw error
  } finally {
    await lock.release()
  }
}

/** The engine that holds the directory, by what its configuration and the environment say. */
function ownEngine({ dataDir, config }: DataDirAsked, values: OptionValues): Target {
  const env = clientEnvironment()
  const host = config === null ? '127.0.0.1' : config.http.host.replace(/^(0\.0\.0\.0|::)$/, '127.0.0.1')
  const url = env.url ?? `http://${host.includes(':') ? `[${host}]` : host}:${config?.http.port ?? 8080}`
  const key = textOption(values, 'key') ?? config?.http.adminKey ?? env.key ?? keptAdminKey(dataDir) ?? undefined
  return targetOf({ ...values, url, ...(key === undefined ? {} : { key }) })
}

async function fromEngine(target: Target, folder: string, show: CopyProgress): Promise<BackupDone> {
  const client = new ApiClient(target)
  const { signal } = untilInterrupted()
  let view = await client.json<BackupView>('POST', '/v1/backups', { folder })
  const place = `/v1/backups/${view.id}`
  while (view.state === 'running') {
    if (signal.aborted) {
      await client.json('POST', `${place}/cancel`)
      throw new CommandError('ended; nothing of the backup is left')
    }
    await delay(LOOK_MS, undefined, { signal }).catch(() => {})
    view = await client.json<BackupView>('GET', place)
    show.show(view.progress.bytes, view.progress.bytesDone)
  }
  const { instantAt, records, files, bytes, error } = view
  if (view.state !== 'finished') {
    throw new CommandError(error === null ? `the backup was ${view.state}` : `${error.code}: ${error.detail}`)
  }
  show.end(bytes!)
  return { instantAt: instantAt!, records: records!, files: files!, bytes: bytes! }
}
