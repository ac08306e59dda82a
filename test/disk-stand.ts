/**
 * An engine on a disk that a test makes fail, with a carrier: what it said yes to is written down here, and asked for again
 * after each fault.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { JobView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { FaultyDisk } from './disk-faults.js'
import { assertSums, csvOf } from './engine-harness.js'
import { Child } from './engine-process.js'

/** Far more than an end or a start takes, far less than for ever. */
const STILL_MS = 120_000
const LOOK_MS = 20

interface Owner {
  teardown(end: () => Promise<void>): void
}

export interface DiskStandOptions {
  /** What was not synced is kept, for cuts. */
  cuts?: boolean
  /** Rows of a file. */
  rows?: number
  /** How long the carrier takes over an answer. */
  answerMs?: number
  /** Of another engine than engine-child.ts. */
  script?: string
  /** Where the data lies; absent: in a folder of its own, which goes with the test. */
  dataDir?: string
}

export class DiskStand {
  readonly dataDir: string
  readonly disk: FaultyDisk
  readonly child: Child
  readonly smsc: Smsc
  readonly rows: number
  key = ''
  /** What the engine said yes to. */
  readonly messages: string[] = []
  readonly jobs: string[] = []
  /** Jobs whose file it has. */
  readonly files: string[] = []
  readonly #cuts: boolean

  private constructor(dataDir: string, beside: string, smsc: Smsc, options: DiskStandOptions & { port: number }) {
    this.dataDir = dataDir
    this.smsc = smsc
    this.disk = new FaultyDisk(dataDir, beside)
    this.child = new Child([dataDir, String(options.port)], options.script)
    this.rows = options.rows ?? 300
    this.#cuts = options.cuts === true
  }

  static async open(t: Owner, options: DiskStandOptions = {}): Promise<DiskStand> {
    const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-disk-'))
    const dataDir = options.dataDir ?? path.join(folder, 'data')
    mkdirSync(dataDir, { recursive: true })
    const smsc = new Smsc(
      { host: '127.0.0.1', port: 0, countRepeats: true, latencyMs: options.answerMs ?? 0 },
      silentLog,
    )
    const { port } = await smsc.listen()
    const on = new DiskStand(dataDir, folder, smsc, { ...options, port })
    t.teardown(async () => {
      await on.close()
      rmSync(folder, { recursive: true, force: true })
    })
    await on.start()
    const { key } = await on.child.call('POST', '/v1/accounts', on.child.adminKey, { id: 'acme', defaultCountry: 'GB' })
    on.key = key as string
    return on
  }

  async close(): Promise<void> {
    if (this.child.process?.exitCode === null) this.child.process.kill('SIGKILL')
    await this.smsc.close()
  }

  /** False: it ended instead, with a code above 0 or by a signal. Throws when neither comes. */
  async start(): Promise<boolean> {
    const started = this.child.start(undefined, this.disk.environment(this.#cuts)).then(() => true)
    const ended = started.then(() => true).catch(() => false)
    const isUp = await Promise.race([ended, this.gone(), pause(STILL_MS, null, { ref: false })])
    if (isUp === null) throw new Error('the engine neither starts nor ends')
    return isUp
  }

  /** Resolves with false when the engine has ended by itself; it must not have ended well. */
  async gone(): Promise<false> {
    const code = await this.child.exited
    if (code === 0) throw new Error('the engine ended with 0')
    return false
  }

  /** False: the engine has ended. Throws when the work neither comes to its end nor the engine to its own. */
  async during(work: () => Promise<void>): Promise<boolean> {
    let cause: unknown
    // A refused or broken-off call is followed by the end of the engine.
    const worked = work().then(
      () => true,
      (error) => {
        cause = error
        return this.gone()
      },
    )
    const is = await Promise.race([worked, this.gone(), pause(STILL_MS, null, { ref: false })])
    if (is === null) throw new Error(`the engine stands still, after: ${cause ?? 'nothing was refused'}`, { cause })
    return is
  }

  async message(): Promise<void> {
    const body = { to: '+447710000000', from: 'ACME', text: 'Hi' }
    const { id } = await this.child.call('POST', '/v1/messages', this.key, body)
    this.messages.push(id as string)
  }

  /** A job with its file; gives its id. */
  async upload(): Promise<string> {
    const { id } = await this.child.call('POST', '/v1/jobs', this.key, { from: 'ACME', text: 'Hi ~name~' })
    this.jobs.push(id as string)
    await this.child.call('PUT', `/v1/jobs/${id}/recipients`, this.key, csvOf(this.rows))
    this.files.push(id as string)
    return id as string
  }

  async job(id: string): Promise<JobView> {
    const job = (await this.child.call('GET', `/v1/jobs/${id}`, this.key)) as unknown as JobView
    assertSums(job)
    return job
  }

  /** The job when all of it was sent. */
  async finished(id: string): Promise<JobView> {
    for (;;) {
      const job = await this.job(id)
      if (job.state === 'finished') return job
      await pause(LOOK_MS)
    }
  }

  /** What was accepted and is not there any more; the rest adds up. `from`: of the messages, those before were looked at. */
  async missing(from = 0): Promise<string[]> {
    const gone: string[] = []
    for (const id of this.messages.slice(from)) {
      const found = await this.child.call('GET', `/v1/messages/${id}`, this.key).catch(() => null)
      if (found === null) gone.push(id)
    }
    for (const id of this.jobs) {
      const job = await this.child.call('GET', `/v1/jobs/${id}`, this.key).catch(() => null)
      if (job === null) gone.push(id)
      else assertSums(job as unknown as JobView)
    }
    return gone
  }
}
