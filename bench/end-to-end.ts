/**
 * The whole way, as processes: CSV over HTTP → fsynced queue → submit → response → receipt → delivered, counted by the API.
 * Engine and simulated carrier share the machine's cores.
 *
 *   node build/bench/end-to-end.js [--rows N] [--window W] [--binds B] [--kills K] [--seed S]
 *
 * With --kills the engine is killed (SIGKILL) K times at random moments and started again; an upload that broke is sent
 * again, as a client would. Prints one JSON object.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeRecipients } from '../scripts/make-recipients.js'
import { Random } from '../src/engine/base/random.js'
import type { Counts } from '../src/engine/contract/job.js'
import type { BenchOptions, BenchRow } from './bench.js'
import {
  ADMIN_KEY,
  api,
  cpuSeconds,
  type EngineProcess,
  freePort,
  residentBytes,
  spawnEngine,
  spawnSmsc,
} from './processes.js'

const KILLS_OF_UPLOAD = 3

export interface RunOptions {
  rows: number
  window: number
  binds: number
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
  smsc: { submits: number; distinct: number; repeats: number; maxInFlight: number; protocolErrors: number }
  kills: { at: string; delivered: number }[]
  uploads: number
}

const TEXT =
  'Hi ~name~, your appointment with Dr Brown at the clinic in Park Street is on ~appointment~. Please reply YES to confirm or call us.'

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
  const smsc = await spawnSmsc(['--dlr-delay-ms', '100', '--count-repeats', '--window', String(options.window)])
  const run = new Run(options, folder)
  run.port = await freePort()
  run.config = configText(run, smsc.port)
  try {
    await run.start()
    return await drive(run, smsc.stats)
  } finally {
    run.engine?.child.kill('SIGTERM')
    await run.engine?.ended
    await smsc.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

function configText(run: Run, smscPort: number): string {
  const { binds, window } = run.options
  return [
    `dataDir: ${run.folder}/data`,
    'logLevel: error',
    `http: { port: ${run.port}, adminKey: ${ADMIN_KEY} }`,
    'carriers:',
    `  - { id: sim, protocol: smpp, host: 127.0.0.1, port: ${smscPort}, systemId: bench, binds: ${binds}, window: ${window} }`,
    'routes: [{ channel: sms, carriers: [sim] }]',
    '',
  ].join('\n')
}

async function drive(run: Run, stats: () => Promise<RunResult['smsc']>): Promise<RunResult> {
  const { options } = run
  const file = path.join(run.folder, 'recipients.csv')
  const made = await makeRecipients(file, options.rows, options.seed)
  const url = run.engine.url
  const { key } = await api(url, ADMIN_KEY).post<{ key: string }>('/v1/accounts', {
    id: 'bench',
    name: 'Bench',
    defaultCountry: 'GB',
  })
  const client = api(url, key)
  const job = await client.post<JobAnswer>('/v1/jobs', {
    name: 'bench',
    from: 'BENCH',
    text: TEXT,
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
        smsc: await stats(),
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

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const rows = options.quick ? 20_000 : 200_000
  const result = await endToEnd({ rows, window: 1000, binds: 2, kills: 0, seed: 1, killWithinMs: 0 })
  return [
    {
      name: `end to end, durable, ${rows.toLocaleString('en-GB')} rows: delivered`,
      value: result.perSecond,
      unit: 'messages/s',
    },
    {
      name: 'end to end: CPU of the engine',
      value: (result.engineCpuSeconds / result.counts.delivered) * 1e5,
      unit: 's per 100k',
    },
    {
      name: 'end to end: memory (RssAnon + RssShmem)',
      value: Math.round(result.engineBytesMax / 2 ** 20),
      unit: 'MiB',
    },
  ]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const number = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      rows: number,
      window: number,
      binds: number,
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
    kills: Number(values.kills ?? 0),
    seed: Number(values.seed ?? 1),
    killWithinMs: Number(values['kill-within-ms'] ?? 3_000),
    verbose: values.verbose === true,
  })
  console.log(JSON.stringify(result, null, 1))
}
