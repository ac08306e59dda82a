/** For the tests of backup and restore: the commands as an operator types them, and an engine on what was restored beside a carrier of its own. */
import assert from 'node:assert'
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import {
  ADMIN_KEY,
  type Api,
  api,
  configFile,
  freePort,
  type SmscProcess,
  spawnEngine,
  spawnSmsc,
} from '../bench/processes.js'
import type { BackupView } from '../src/engine/contract/backups.js'
import type { CarrierView } from '../src/engine/contract/channel.js'
import type { Rig } from './acceptance-run.js'
import { type Run, run } from './cli-run.js'
import { until } from './until.js'

/** `trunkline backup` beside the running engine; throws what it says when it fails. */
export async function backUp(rig: Rig, name: string): Promise<string> {
  const folder = path.join(rig.folder, name)
  succeeded(await run(['backup', folder, '--config', configFile(rig.folder)]))
  return folder
}

/** The same without a command: a process takes a while to begin. */
export async function backUpOverHttp(rig: Rig, name: string): Promise<string> {
  const folder = path.join(rig.folder, name)
  const admin = api(rig.engine.url, ADMIN_KEY)
  const { id } = await admin.post<BackupView>('/v1/backups', { folder })
  const view = await until(
    () => admin.get<BackupView>(`/v1/backups/${id}`),
    ({ state }) => state !== 'running',
  )
  assert(view.state === 'finished', JSON.stringify(view.error))
  return folder
}

export function succeeded(done: Run): Run {
  assert(done.code === 0, `exit ${done.code}: ${done.stderr}`)
  return done
}

/** As much of a tap test as is needed here. */
interface Owner {
  teardown(work: () => Promise<void>): void
}

export interface RestoredEngine {
  admin: Api
  /** With the key that the account had. */
  client: Api
  smsc: SmscProcess
  /** From now on the carrier may be sent to. */
  resume(): Promise<CarrierView>
  end(signal: NodeJS.Signals): Promise<void>
}

/** A data directory from the backup by `trunkline restore`, and an engine on it. `keyOf`: a client with the account's key. */
export async function restoreAndStart(
  t: Owner,
  rig: Rig,
  { backup, carrier }: { backup: string; carrier: object },
): Promise<RestoredEngine> {
  const folder = `${backup}-restored`
  mkdirSync(folder)
  const dataDir = path.join(folder, 'data')
  succeeded(await run(['restore', backup, '--data-dir', dataDir]))
  const smsc = await spawnSmsc(['--count-repeats'])
  const port = await freePort()
  const sim = { id: 'sim', protocol: 'smpp', host: '127.0.0.1', port: smsc.port, systemId: 'restored', ...carrier }
  const http = { port, adminKey: ADMIN_KEY }
  const engine = await spawnEngine(folder, port, JSON.stringify({ dataDir, logLevel: 'silent', http, carriers: [sim] }))
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    engine.child.kill(signal)
    await engine.ended
    smsc.child.kill('SIGKILL')
  }
  t.teardown(() => end('SIGKILL'))
  const admin = api(engine.url, ADMIN_KEY)
  return {
    admin,
    client: api(engine.url, rig.key),
    smsc,
    resume: () => patchCarrier(engine.url, { paused: false }),
    end,
  }
}

/** Changes the carrier `sim` while the engine runs. */
export async function patchCarrier(url: string, change: object): Promise<CarrierView> {
  const answer = await fetch(`${url}/v1/carriers/sim`, {
    method: 'PATCH',
    headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(change),
  })
  assert(answer.ok, await answer.clone().text())
  return (await answer.json()) as CarrierView
}
