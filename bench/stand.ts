/** An engine with a carrier in C, an account, and files of rows: what benchmarks of the whole share. */
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { JobView } from '../src/engine/contract/api.js'
import { type Sink, type SinkOptions, startSink } from './limit.js'
import {
  ADMIN_KEY,
  type Api,
  api,
  cpuSeconds,
  type EngineProcess,
  freePort,
  residentBytes,
  spawnEngine,
} from './processes.js'

const LOOK_MS = 50
const ROWS_PER_FILE = 1_000_000
const TEXT =
  'Hello, your appointment with Dr Brown at the clinic in Park Street is on 2026-12-10 at 8:30. Please reply YES to confirm or call us now.'

export interface StandOptions extends SinkOptions {
  window?: number
  binds?: number
  /** `pipe`: what it does is kept, see `hasForgotten`. */
  log?: 'pipe' | 'inherit'
}

/** Moves the clock of the engines that start from now on, see proof/crashes/clock-ahead.ts. */
export function setClockAhead(ms: number): void {
  process.env.CLOCK_AHEAD_MS = String(ms)
  process.env.BENCH_NODE_ARGS = `--import ${new URL('../proof/crashes/clock-ahead.js', import.meta.url).href}`
}

/** Of an engine with one SMPP carrier, to be measured. `carrierPort`: on this machine. */
export function benchConfig(of: {
  folder: string
  port: number
  carrierPort: number
  binds: number
  window: number
  log?: 'pipe' | 'inherit'
}): string {
  return `
dataDir: ${of.folder}/data
logLevel: ${of.log === 'pipe' ? 'info' : 'error'}
http: { port: ${of.port}, adminKey: ${ADMIN_KEY} }
carriers:
  - { id: sim, protocol: smpp, host: 127.0.0.1, port: ${of.carrierPort}, systemId: bench, binds: ${of.binds}, window: ${of.window} }
routes: [{ channel: sms, carriers: [sim] }]
retention: { compactAtStart: false }
`
}

/** A new account of the engine, and what asks in its name. */
export async function benchAccount(url: string): Promise<Api> {
  const account = { id: 'bench', name: 'Bench', defaultCountry: 'GB' }
  const { key } = await api(url, ADMIN_KEY).post<{ key: string }>('/v1/accounts', account)
  return api(url, key)
}

export class Stand {
  readonly folder: string
  readonly sink: Sink
  client!: Api
  engine!: EngineProcess
  /** Most octets of its own memory that was seen. */
  bytesMax = 0
  readonly #port: number
  readonly #config: string
  readonly #log: 'pipe' | 'inherit'
  /** A file of so many rows, by their number. */
  readonly #files = new Map<number, string>()

  private constructor(parts: { folder: string; sink: Sink; port: number; config: string; log: 'pipe' | 'inherit' }) {
    this.#log = parts.log
    this.folder = parts.folder
    this.sink = parts.sink
    this.#port = parts.port
    this.#config = parts.config
  }

  static async open({ window = 1_000, binds = 2, log = 'inherit', ...sinkOptions }: StandOptions = {}): Promise<Stand> {
    const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-stand-'))
    const sink = await startSink(sinkOptions)
    const port = await freePort()
    const config = benchConfig({ folder, port, carrierPort: sink.port, binds, window, log })
    const stand = new Stand({ folder, sink, port, config, log })
    await stand.#start()
    stand.client = await benchAccount(stand.engine.url)
    return stand
  }

  async #start(): Promise<void> {
    this.engine = await spawnEngine(this.folder, this.#port, this.#config, this.#log)
  }

  /** kill -9 and a new start. @returns seconds until it answers, and until a message that is handed in then is submitted. */
  async restart(): Promise<{ answers: number; sends: number }> {
    this.engine.child.kill('SIGKILL')
    await this.engine.ended
    const startedAt = performance.now()
    await this.#start()
    const answers = (performance.now() - startedAt) / 1000
    const { submits } = await this.sink.stats()
    await this.client.post('/v1/messages', { to: '+447400000000', from: 'BENCH', text: TEXT, priority: 'high' })
    while ((await this.sink.stats()).submits === submits) await pause(LOOK_MS / 10)
    return { answers, sends: (performance.now() - startedAt) / 1000 }
  }

  /** SIGTERM, and a new start. */
  async startAgain(): Promise<void> {
    this.engine.child.kill('SIGTERM')
    await this.engine.ended
    await this.#start()
  }

  /** Messages that were sent, and whose receipts do not come. */
  async send(messages: number): Promise<void> {
    for (let left = messages; left > 0; left -= ROWS_PER_FILE) {
      const rows = Math.min(left, ROWS_PER_FILE)
      const id = await this.#begin(rows, {})
      await this.#until(id, ({ counts }) => counts.sent === rows)
    }
  }

  /** Jobs of which each has a lane, in which messages wait. */
  async fillLanes(lanes: number, messagesEach: number): Promise<void> {
    for (let lane = 0; lane < lanes; lane++) await this.fill(messagesEach)
  }

  /** Messages that wait: due, in lanes that let one go a second. Resolves when all are accepted. */
  async fill(messages: number): Promise<void> {
    for (let left = messages; left > 0; left -= ROWS_PER_FILE) {
      const rows = Math.min(left, ROWS_PER_FILE)
      const id = await this.#begin(rows, { ratePerSecond: 1 })
      await this.#until(id, ({ counts, state }) => state === 'running' && counts.accepted === rows)
    }
  }

  /** A job from the first octet of its file to the last receipt. @returns delivered messages per second, and the CPU of the engine. */
  async run(rows: number): Promise<{ perSecond: number; cpuSecondsPer100k: number }> {
    const cpuBefore = cpuSeconds(this.engine.child.pid!)
    await this.#file(rows)
    const startedAt = performance.now()
    const id = await this.#begin(rows, {})
    const { counts } = await this.#until(id, ({ state }) => state === 'finished')
    const seconds = (performance.now() - startedAt) / 1000
    if (counts.delivered !== rows) throw new Error(`delivered ${counts.delivered} of ${rows}`)
    const used = cpuSeconds(this.engine.child.pid!) - cpuBefore
    return { perSecond: rows / seconds, cpuSecondsPer100k: (used / rows) * 1e5 }
  }

  async #begin(rows: number, settings: object): Promise<string> {
    const job = { from: 'BENCH', text: TEXT, columns: { to: 'to' }, ...settings }
    const { id } = await this.client.post<JobView>('/v1/jobs', job)
    const status = await this.client.upload(`/v1/jobs/${id}/recipients`, await this.#file(rows))
    if (status !== 202) throw new Error(`the upload was answered with ${status}`)
    return id
  }

  async #until(id: string, is: (job: JobView) => boolean): Promise<JobView> {
    for (;;) {
      const job = await this.client.get<JobView>(`/v1/jobs/${id}`)
      this.bytesMax = Math.max(this.bytesMax, residentBytes(this.engine.child.pid!))
      if (job.state === 'failed') throw new Error(`the job failed: ${JSON.stringify(job)}`)
      if (is(job)) return job
      await pause(LOOK_MS)
    }
  }

  async #file(rows: number): Promise<string> {
    const known = this.#files.get(rows)
    if (known !== undefined) return known
    const file = path.join(this.folder, `${rows}.csv`)
    const out = createWriteStream(file)
    out.write('to\n')
    for (let row = 0, text = ''; row < rows; row++) {
      text += `+4474${String(row).padStart(8, '0')}\n`
      if (text.length < 1 << 20 && row + 1 < rows) continue
      if (!out.write(text)) await once(out, 'drain')
      text = ''
    }
    out.end()
    await finished(out)
    this.#files.set(rows, file)
    return file
  }

  /** The engine that was started last has forgotten what was over, and overwritten it. */
  get hasForgotten(): boolean {
    return this.engine.said().includes('were forgotten')
  }

  /** Octets on the disk that the stores take. */
  diskBytes(): number {
    const data = path.join(this.folder, 'data')
    return readdirSync(data, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, entry) => sum + statSync(path.join(entry.parentPath, entry.name)).blocks * 512, 0)
  }

  async close(): Promise<void> {
    this.engine.child.kill('SIGKILL')
    await this.engine.ended
    await this.sink.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
