/**
 * For the acceptance tests: the engine and the simulated carrier as processes of their own, an account, and a client that
 * checks at every look that the counts add up.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  ADMIN_KEY,
  type Api,
  api,
  configFile,
  type EngineProcess,
  freePort,
  residentBytes,
  type SmscProcess,
  spawnEngine,
  spawnSmsc,
} from '../bench/processes.js'
import type { JobView, MessageView } from '../src/engine/contract/api.js'
import { assertSums } from './engine-harness.js'
import { seed } from './seed.js'

/** Printed by every acceptance test; handed in again as the first argument it repeats the run. */
export { seed }

/** Of one test, in milliseconds; tap's own limit for the file is above it. */
export const timeout = 580_000

const LOOK_MS = 15

export interface RigOptions {
  /** Options of `trunkline smsc`. */
  smsc?: string[]
  /** Keys of the carrier beside its address. */
  carrier?: Record<string, unknown>
  /** Further top-level keys of the config. */
  config?: Record<string, unknown>
}

/** As much of a tap test as is needed here. */
interface Owner {
  teardown(work: () => Promise<void>): void
}

export class Rig {
  readonly folder: string
  readonly smsc: SmscProcess
  readonly port: number
  /** Of the account `acme`, and its key. */
  client!: Api
  key = ''
  engine!: EngineProcess
  /** Most octets of own memory that a look has seen. */
  bytesMax = 0
  looks = 0
  isClosed = false
  /** Written anew at each start, so that a test may change it between two. */
  config: Record<string, unknown>

  constructor(parts: { folder: string; smsc: SmscProcess; port: number; config: Record<string, unknown> }) {
    this.folder = parts.folder
    this.smsc = parts.smsc
    this.port = parts.port
    this.config = parts.config
  }

  async start(): Promise<void> {
    this.engine = await this.spawn()
  }

  /** Of Node, for one more `serve` on the config as it was last written. */
  serveArguments(): string[] {
    return [fileURLToPath(new URL('../src/cli.js', import.meta.url)), 'serve', '--config', configFile(this.folder)]
  }

  /** A further `serve` on the same folder and config. */
  spawn(): Promise<EngineProcess> {
    // A test that ran into its time limit goes on behind its teardown, and must leave no engine.
    if (this.isClosed) throw new Error('the test is over')
    return spawnEngine(this.folder, this.port, JSON.stringify(this.config))
  }

  async kill(): Promise<void> {
    this.engine.child.kill('SIGKILL')
    await this.engine.ended
  }

  /** SIGTERM; its exit code and how long it took. */
  async terminate(): Promise<{ code: number | string; ms: number }> {
    const sentAt = performance.now()
    this.engine.child.kill('SIGTERM')
    return { code: await this.engine.ended, ms: performance.now() - sentAt }
  }

  async createJob(settings: object): Promise<string> {
    return (await this.client.post<JobView>('/v1/jobs', settings)).id
  }

  upload(id: string, file: string, stallAfter?: number): Promise<number | null> {
    return this.client.upload(`/v1/jobs/${id}/recipients`, file, stallAfter)
  }

  /** The job as the API shows it now; throws when its counts do not add up. */
  async look(id: string): Promise<JobView> {
    this.bytesMax = Math.max(this.bytesMax, residentBytes(this.engine.child.pid!))
    const job = await this.client.get<JobView>(`/v1/jobs/${id}`)
    assertSums(job)
    this.looks++
    return job
  }

  /** Looks again and again until the job fits. */
  async until(id: string, fits: (job: JobView) => boolean, seconds = 60): Promise<JobView> {
    const end = performance.now() + seconds * 1000
    for (;;) {
      const job = await this.look(id)
      if (fits(job)) return job
      if (performance.now() > end) throw new Error(`still ${job.state}: ${JSON.stringify(job.counts)}`)
      await pause(LOOK_MS)
    }
  }

  /** A single message, once its receipt is in. */
  async untilDelivered(id: string): Promise<void> {
    for (const end = performance.now() + 20_000; performance.now() < end; await pause(LOOK_MS)) {
      if ((await this.client.get<MessageView>(`/v1/messages/${id}`)).state === 'delivered') return
    }
    throw new Error(`message ${id} was not delivered`)
  }

  finished(id: string, seconds = 60): Promise<JobView> {
    return this.until(id, (job) => job.state === 'finished', seconds)
  }
}

/** Everything is stopped and removed at the end of the test. */
export async function startRig(t: Owner, options: RigOptions = {}): Promise<Rig> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-acceptance-'))
  const smsc = await spawnSmsc(['--count-repeats', ...(options.smsc ?? [])])
  const port = await freePort()
  const carrier = {
    id: 'sim',
    protocol: 'smpp',
    host: '127.0.0.1',
    port: smsc.port,
    systemId: 'acceptance',
    ...options.carrier,
  }
  const http = { port, adminKey: ADMIN_KEY }
  const config = {
    dataDir: path.join(folder, 'data'),
    logLevel: 'silent',
    http,
    carriers: [carrier],
    ...options.config,
  }
  const rig = new Rig({ folder, smsc, port, config })
  t.teardown(async () => {
    rig.isClosed = true
    rig.engine?.child.kill('SIGKILL')
    await rig.engine?.ended
    smsc.child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  })
  await rig.start()
  const admin = api(rig.engine.url, ADMIN_KEY)
  const { key } = await admin.post<{ key: string }>('/v1/accounts', { id: 'acme', defaultCountry: 'GB' })
  rig.client = api(rig.engine.url, key)
  rig.key = key
  return rig
}
