/**
 * The whole way, as processes: CSV over HTTP → fsynced queue → submit → response → receipt → delivered, counted by the API.
 * Engine and carrier share the machine's cores.
 *
 *   node build/bench/end-to-end.js [--rows N] [--window W] [--binds B] [--text plain|names] [--kills K] [--seed S]
 *
 * The texts have 130 characters and one part, or with `names` those of people of all countries and 1.8 parts. The carrier is the
 * one in C, which costs next to nothing. With --kills it is the simulator, which counts what comes twice: the engine is killed
 * (SIGKILL) K times at random moments and started again; an upload that broke is sent again, as a client would. Prints one
 * JSON object.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeRecipients } from '../scripts/make-recipients.js'
import { Random } from '../src/engine/base/random.js'
import type { Counts } from '../src/engine/contract/job.js'
import { type BenchOptions, type BenchRow, median } from './bench.js'
import { hasKannel, runKannel } from './kannel.js'
import { startSink } from './limit.js'
import { cpuSeconds, type EngineProcess, freePort, residentBytes, spawnEngine, spawnSmsc } from './processes.js'
import { benchAccount, benchConfig } from './stand.js'

const KILLS_OF_UPLOAD = 3

export interface RunOptions {
  rows: number
  window: number
  binds: number
  text: 'plain' | 'names'
  kills: number
  seed: number
  /** Longest pause before a kill. */
  killWithinMs: number
  /** Says on stderr every two seconds how far it is. */
  verbose?: boolean
}

export interface RunResult {
  counts: Counts
  state: string
  made: { rows: number; bad: number; duplicates: number }
  seconds: { upload: number; ingest: number; total: number }
  perSecond: number
  engineCpuSeconds: number
  engineBytesMax: number
  carrier: CarrierCounts
  kills: { at: string; delivered: number }[]
  uploads: number
}

const TEXT =
  ', your appointment with Dr Brown at the clinic in Park Street is on ~appointment~. Please reply YES to confirm or call us.'
const GREETINGS = { plain: 'Hello', names: 'Hi ~name~' }

/** Of the simulator also what came twice. */
interface CarrierCounts {
  submits: number
  distinct?: number
  repeats?: number
  protocolErrors: number
}

interface Carrier {
  port: number
  stats(): Promise<CarrierCounts>
  stop(): Promise<unknown>
}

interface JobAnswer {
  id: string
  state: string
  counts: Counts
}

/** One engine that is killed and started again on the same folder. */
class Run {
  readonly options: RunOptions
  readonly folder: string
  readonly random: Random
  engine!: EngineProcess
  config = ''
  port = 0
  bytesMax = 0
  cpuBefore = 0

  constructor(options: RunOptions, folder: string) {
    this.options = options
    this.folder = folder
    this.random = new Random(options.seed)
  }

  async start(): Promise<void> {
    this.engine = await spawnEngine(this.folder, this.port, this.config)
  }

  sample(): void {
    this.bytesMax = Math.max(this.bytesMax, residentBytes(this.engine.child.pid!))
  }

  async killAndRestart(): Promise<void> {
    this.cpuBefore += cpuSeconds(this.engine.child.pid!)
    this.engine.child.kill('SIGKILL')
    await this.engine.ended
    await this.start()
  }
}

export async function endToEnd(options: RunOptions): Promise<RunResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-run-'))
  const carrier = await startCarrier(options)
  const run = new Run(options, folder)
  run.port = await freePort()
  const { binds, window } = options
  run.config = benchConfig({ folder, port: run.port, carrierPort: carrier.port, binds, window })
  try {
    await run.start()
    return await drive(run, () => carrier.stats())
  } finally {
    run.engine?.child.kill('SIGTERM')
    await run.engine?.ended
    await carrier.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startCarrier({ kills, window }: RunOptions): Promise<Carrier> {
  if (kills === 0) return await startSink()
  return await spawnSmsc(['--dlr-delay-ms', '100', '--count-repeats', '--window', String(window)])
}

async function drive(run: Run, stats: Carrier['stats']): Promise<RunResult> {
  const { options } = run
  const file = path.join(run.folder, 'recipients.csv')
  const made = await makeRecipients(file, options.rows, options.seed)
  const url = run.engine.url
  const client = await benchAccount(url)
  const job = await client.post<JobAnswer>('/v1/jobs', {
    name: 'bench',
    from: 'BENCH',
    text: GREETINGS[options.text] + TEXT,
    columns: { to: 'mobile' },
  })
  const startedAt = performance.now()
  const kills: RunResult['kills'] = []
  let uploads = 0
  let uploadedAt = 0
  let uploading: Promise<void> | null = null
  const upload = () => {
    uploads++
    uploading = client.upload(`/v1/jobs/${job.id}/recipients`, file).then((status) => {
      uploading = null
      if (status === 202) uploadedAt = performance.now()
    })
  }
  upload()
  let releasedAt = 0
  let saidAt = 0
  let nextKillAt =
    options.kills > 0 ? performance.now() + 50 + run.random.below(options.killWithinMs) : Number.POSITIVE_INFINITY
  for (;;) {
    run.sample()
    const seen = await client.get<JobAnswer>(`/v1/jobs/${job.id}`).catch(() => null)
    if (options.verbose && performance.now() - saidAt > 2_000) {
      saidAt = performance.now()
      console.error(seen?.state, JSON.stringify(seen?.counts), `${Math.round(run.bytesMax / 2 ** 20)} MiB`)
    }
    if (seen !== null && releasedAt === 0 && !['receiving', 'ready'].includes(seen.state))
      releasedAt = performance.now()
    if (seen?.state === 'finished' || seen?.state === 'failed') {
      const total = (performance.now() - startedAt) / 1000
      const seconds = { upload: (uploadedAt - startedAt) / 1000, ingest: (releasedAt - startedAt) / 1000, total }
      return {
        counts: seen.counts,
        state: seen.state,
        made,
        seconds,
        perSecond: Math.round(seen.counts.delivered / total),
        engineCpuSeconds: run.cpuBefore + cpuSeconds(run.engine.child.pid!),
        engineBytesMax: run.bytesMax,
        carrier: await stats(),
        kills,
        uploads,
      }
    }
    // An upload is longer than most pauses: past the third kill it is left alone, so that the later stages get theirs.
    const spared = kills.length >= KILLS_OF_UPLOAD && uploadedAt === 0
    if (performance.now() >= nextKillAt && kills.length < options.kills && !spared) {
      kills.push({ at: seen?.state ?? 'unknown', delivered: seen?.counts.delivered ?? 0 })
      await run.killAndRestart()
      await uploading
      // A client whose upload was not answered sends it again.
      if (uploadedAt === 0) upload()
      nextKillAt = performance.now() + run.random.below(options.killWithinMs)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Rows of the rounds, and of the long one. */
const ROWS = { quick: 20_000, round: 500_000, long: 5_000_000 }
const ROUNDS = 3
const KANNEL_SECONDS = 4
const KANNEL = 'Kannel with its store file, a receipt each'

function plain(rows: number): Promise<RunResult> {
  return endToEnd({ rows, window: 500, binds: 2, text: 'plain', kills: 0, seed: 1, killWithinMs: 0 })
}

async function kannel(): Promise<number> {
  const sink = await startSink()
  const { perSecond } = await runKannel({ sink, window: 1_000, seconds: KANNEL_SECONDS, receipts: true, store: true })
  await sink.stop()
  return perSecond
}

function rowsOf(results: RunResult[], rows: number): BenchRow[] {
  const name = `end to end, durable, ${rows.toLocaleString('en-GB')} rows`
  const middle = (of: (result: RunResult) => number) => median(results.map(of))
  return [
    { name: `${name}: delivered`, value: middle(({ perSecond }) => perSecond), unit: 'messages/s' },
    {
      name: `${name}: CPU of the engine`,
      value: middle(({ engineCpuSeconds, counts }) => (engineCpuSeconds / counts.delivered) * 1e5),
      unit: 's per 100k',
    },
    {
      name: `${name}: memory (RssAnon + RssShmem)`,
      value: Math.max(...results.map(({ engineBytesMax }) => engineBytesMax)) / 2 ** 20,
      unit: 'MiB',
    },
  ]
}

export async function bench({ quick }: BenchOptions = {}): Promise<BenchRow[]> {
  if (quick) return rowsOf([await plain(ROWS.quick)], ROWS.quick)
  const ours: RunResult[] = []
  const theirs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await plain(ROWS.round))
    if (hasKannel) theirs.push(await kannel())
  }
  const rounds = rowsOf(ours, ROWS.round)
  const long = rowsOf([await plain(ROWS.long)], ROWS.long)
  if (!hasKannel) return [...rounds, ...long]
  const peer: BenchRow = { name: KANNEL, value: median(theirs), unit: 'messages/s' }
  for (const [delivered] of [rounds, long]) {
    Object.assign(delivered!, { ratioTo: KANNEL, ratio: delivered!.value / peer.value })
  }
  return [...rounds, ...long, peer]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const number = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      rows: number,
      window: number,
      binds: number,
      text: { type: 'string' },
      kills: number,
      seed: number,
      'kill-within-ms': number,
      verbose: { type: 'boolean' },
    },
  })
  const result = await endToEnd({
    rows: Number(values.rows ?? 1_000_000),
    window: Number(values.window ?? 1_000),
    binds: Number(values.binds ?? 2),
    text: values.text === 'names' ? 'names' : 'plain',
    kills: Number(values.kills ?? 0),
    seed: Number(values.seed ?? 1),
    killWithinMs: Number(values['kill-within-ms'] ?? 3_000),
    verbose: values.verbose === true,
  })
  console.log(JSON.stringify(result, null, 1))
}
