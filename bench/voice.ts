/**
 * Calls: so many at once through the whole engine for so long, and how many short ones in a second; then SIPp's own caller
 * against the same SIPp telephone as ours. Engine, gateways and SIPp are processes on the same cores.
 *
 *   node build/bench/voice.js [--calls N] [--seconds S] [--short N]
 *
 * Prints one JSON object. How far packets come from their 20 ms is measured by the gateways, which run on the same cores: it is an
 * upper bound of what the engine does.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { request } from 'undici'
import type { Counts } from '../src/engine/contract/job.js'
import type { GatewayStats } from '../src/sip/simulator/gateway-stats.js'
import { glidingTones, wavBytes } from '../test/voice-sound.js'
import type { BenchOptions, BenchRow } from './bench.js'
import { ADMIN_KEY, api, cpuSeconds, type EngineProcess, freePort, spawnEngine, spawnNode } from './processes.js'

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))
/** A carrier may have 100 calls a second and 300 lines: several of them share the load. */
const CARRIERS = 5
const PER_SECOND_EACH = 100
const SHORT_SECONDS = 0.2
const SIPP_ADDRESS = '127.0.8.200'

interface GatewayProcess {
  child: ChildProcess
  port: number
  stop(): Promise<GatewayStats>
}

async function spawnGateway(args: string[]): Promise<GatewayProcess> {
  const child = spawnNode([CLI, 'gateway', '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout! })
  const [first] = (await once(lines, 'line')) as [string]
  return {
    child,
    port: JSON.parse(first).listening.port,
    async stop() {
      const last = once(lines, 'line') as Promise<[string]>
      child.kill('SIGTERM')
      return JSON.parse((await last)[0]) as GatewayStats
    },
  }
}

interface Stand {
  engine: EngineProcess
  url: string
  key: string
}

/** An engine whose carrier `pbxN` takes the numbers +4420794NxxxN and has `port`; its recording `clip` lasts `seconds`. */
async function startEngine(
  folder: string,
  ports: readonly number[],
  { lines, seconds }: { lines: number; seconds: number },
): Promise<Stand> {
  const port = await freePort()
  const carriers = ports.map((each, n) => {
    const keys = `id: pbx${n}, protocol: sip, host: 127.0.0.1, port: ${each}, callerId: "+442079460000"`
    return `  - { ${keys}, maxCalls: ${lines}, callsPerSecond: ${PER_SECOND_EACH}, playDelayMs: 0, tailMs: 0, optionsSeconds: 0, attempts: 1 }`
  })
  const routes = ports.map((_, n) => `  - { channel: voice, prefix: "442079${n}", carriers: [pbx${n}] }`)
  const config = [
    `dataDir: ${path.join(folder, 'data')}`,
    `http: { port: ${port}, adminKey: ${ADMIN_KEY} }`,
    ...['logLevel: warn', 'carriers:', ...carriers, 'routes:', ...routes, ''],
  ].join('\n')
  const engine = await spawnEngine(folder, port, config)
  const url = engine.url
  const account = { id: 'bench', name: 'Bench', defaultCountry: 'GB', voice: { closing: [] } }
  const { key } = await api(url, ADMIN_KEY).post<{ key: string }>('/v1/accounts', account)
  const { statusCode, body } = await request(`${url}/v1/recordings/clip`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'audio/wav' },
    body: wavBytes(glidingTones(seconds, 1)),
  })
  if (statusCode >= 300) throw new Error(await body.text())
  await body.dump()
  return { engine, url, key }
}

interface JobResult {
  counts: Counts
  seconds: number
  cpuShare: number
}

/** A job of so many numbers, evenly over the carriers; from its start to its last outcome. */
async function runJob({ engine, url, key }: Stand, calls: number, carriers: number): Promise<JobResult> {
  const client = api(url, key)
  const rows = Array.from(
    { length: calls },
    (_, n) => `+442079${n % carriers}${String(Math.floor(n / carriers)).padStart(5, '0')}`,
  )
  const settings = {
    name: 'bench',
    text: 'x',
    channel: 'voice',
    prompts: [{ recording: 'clip' }],
    columns: { to: 'phone' },
  }
  const { id } = await client.post<{ id: string }>('/v1/jobs', settings)
  const cpu = cpuSeconds(engine.child.pid!)
  const began = performance.now()
  const put = await request(`${url}/v1/jobs/${id}/recipients`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'text/csv' },
    body: `phone\n${rows.join('\n')}\n`,
  })
  if (put.statusCode >= 300) throw new Error(await put.body.text())
  await put.body.dump()
  for (;;) {
    const job = await client.get<{ state: string; counts: Counts }>(`/v1/jobs/${id}`)
    if (job.state === 'finished') {
      const seconds = (performance.now() - began) / 1_000
      return { counts: job.counts, seconds, cpuShare: (cpuSeconds(engine.child.pid!) - cpu) / seconds }
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

interface Measured extends JobResult {
  gateways: GatewayStats[]
}

async function throughGateways(
  calls: number,
  { lines, seconds, gateways }: { lines: number; seconds: number; gateways: number },
): Promise<Measured> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-bench-voice-'))
  const peers = await Promise.all(Array.from({ length: gateways }, () => spawnGateway(['--ring-ms', '0'])))
  const ports = Array.from({ length: CARRIERS }, (_, n) => peers[n % gateways]!.port)
  const stand = await startEngine(folder, ports, { lines, seconds })
  const result = await runJob(stand, calls, CARRIERS)
  stand.engine.child.kill('SIGTERM')
  await stand.engine.ended
  const stats = await Promise.all(peers.map((peer) => peer.stop()))
  rmSync(folder, { recursive: true })
  return { ...result, gateways: stats }
}

/** Calls that SIPp's own caller completes in a second with SIPp's own telephone, and CPU seconds that the caller takes a call. */
async function sippAlone(calls: number, perSecond: number): Promise<{ perSecond: number; failed: number }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-bench-sipp-'))
  const options = { cwd: folder, stdio: 'ignore' } as const
  const uas = spawn('sipp', ['-sn', 'uas', '-i', SIPP_ADDRESS, '-p', '5060', '-nostdin'], options)
  const args = [
    '-sn',
    'uac',
    '-i',
    '127.0.8.201',
    '-m',
    String(calls),
    '-r',
    String(perSecond),
    '-d',
    '200',
    '-l',
    '2000',
  ]
  const began = performance.now()
  const uac = spawn('sipp', [...args, '-nostdin', '-trace_stat', '-fd', '1', `${SIPP_ADDRESS}:5060`], options)
  await once(uac, 'exit')
  const seconds = (performance.now() - began) / 1_000
  uas.kill('SIGKILL')
  await once(uas, 'exit')
  const file = readdirSync(folder).find((name) => name.startsWith('uac_'))!
  const [names, ...rows] = readFileSync(path.join(folder, file), 'utf8').trim().split('\n')
  const last = rows.at(-1)!.split(';')
  const said = (name: string): number => Number(last[names!.split(';').indexOf(name)])
  rmSync(folder, { recursive: true })
  return { perSecond: said('SuccessfulCall(C)') / seconds, failed: said('FailedCall(C)') }
}

interface VoiceOptions {
  calls: number
  seconds: number
  short: number
}

async function run({ calls, seconds, short }: VoiceOptions): Promise<BenchRow[]> {
  const lines = Math.ceil(calls / CARRIERS)
  const long = await throughGateways(calls, { lines, seconds, gateways: 2 })
  const quick = await throughGateways(short, { lines: 100, seconds: SHORT_SECONDS, gateways: 1 })
  const sipp = await sippAlone(short, CARRIERS * PER_SECOND_EACH)
  const deviation = (name: 'p50' | 'p99' | 'p999' | 'max'): number =>
    Math.max(...long.gateways.map(({ rtpDeviationMs }) => rtpDeviationMs[name]))
  const atOnce = long.gateways.reduce((sum, { maxCalls }) => sum + maxCalls, 0)
  const lost = long.gateways.reduce((sum, { rtpLost }) => sum + rtpLost, 0)
  return [
    { name: `calls at once, ${seconds} s each`, value: atOnce, unit: 'calls' },
    { name: 'of them not delivered', value: calls - long.counts.delivered, unit: 'calls' },
    { name: 'packets lost', value: lost, unit: 'packets' },
    { name: 'deviation from 20 ms, median', value: deviation('p50'), unit: 'ms' },
    { name: 'deviation from 20 ms, 99.9 % below', value: deviation('p999'), unit: 'ms' },
    { name: 'deviation from 20 ms, most', value: deviation('max'), unit: 'ms' },
    { name: 'CPU of the engine with them', value: long.cpuShare, unit: 'cores' },
    { name: 'SIPp to SIPp, calls of 0.2 s', value: sipp.perSecond, unit: 'calls/s' },
    {
      name: 'whole engine to gateway, calls of 0.2 s',
      value: quick.counts.delivered / quick.seconds,
      unit: 'calls/s',
      ratioTo: 'SIPp to SIPp, calls of 0.2 s',
      ratio: quick.counts.delivered / quick.seconds / sipp.perSecond,
    },
  ]
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  return await run(
    options.quick === true ? { calls: 50, seconds: 2, short: 100 } : { calls: 500, seconds: 60, short: 5_000 },
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { calls: { type: 'string' }, seconds: { type: 'string' }, short: { type: 'string' } },
  })
  const rows = await run({
    calls: Number(values.calls ?? 500),
    seconds: Number(values.seconds ?? 60),
    short: Number(values.short ?? 5_000),
  })
  console.log(JSON.stringify(rows, null, 1))
}
