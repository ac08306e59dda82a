/**
 * How fast messages are accepted over HTTP: one by one and a thousand at a time, each answered when it is on disk, beside an empty
 * route of fastify in the same run; and how long one waits while a large file is ingested and dispatched.
 *
 *   node build/bench/http.js [--quick] [--seconds S] [--rounds R] [--rows N]
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeRecipients } from '../scripts/make-recipients.js'
import { type BenchOptions, type BenchRow, median } from './bench.js'
import type { ClientResult, ClientTask } from './http-client.js'
import { ADMIN_KEY, api, cpuSeconds, type EngineProcess, freePort, spawnEngine, spawnSmsc } from './processes.js'

/** A key has a limit of 5,000 requests a second. */
const ACCOUNTS = 8
const CONNECTIONS = 64
const BATCH = 1_000
const TEXT =
  'Hi Anna, your appointment with Dr Brown at the clinic in Park Street is on 12 December. Reply YES to confirm.'

export interface HttpBenchOptions {
  seconds: number
  rounds: number
  rows: number
}

export interface Seen extends ClientResult {
  serverCpuSeconds: number
}

interface Stand {
  engine: EngineProcess
  port: number
  keys: string[]
  empty: { child: ChildProcess; port: number }
  client: ChildProcess
  folder: string
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

function message(): object {
  return { to: '+4474{n}', from: 'ACME', text: TEXT }
}
const SINGLE = JSON.stringify(message())
const THOUSAND = JSON.stringify({ messages: Array.from({ length: BATCH }, message) })

async function open(folder: string, smscPort: number): Promise<Stand> {
  const port = await freePort()
  const engine = await spawnEngine(folder, port, configText(folder, port, smscPort))
  const keys: string[] = []
  const admin = api(engine.url, ADMIN_KEY)
  for (let n = 0; n < ACCOUNTS; n++) {
    keys.push((await admin.post<{ key: string }>('/v1/accounts', { id: `bench${n}`, defaultCountry: 'GB' })).key)
  }
  const child = fork(here('empty-server.js'))
  const [emptyPort] = (await once(child, 'message')) as [number]
  return { engine, port, keys, folder, empty: { child, port: emptyPort }, client: fork(here('http-client.js')) }
}

function configText(folder: string, port: number, smscPort: number): string {
  return [
    `dataDir: ${folder}/data`,
    'logLevel: error',
    `http: { port: ${port}, adminKey: ${ADMIN_KEY} }`,
    'carriers:',
    `  - { id: sim, protocol: smpp, host: 127.0.0.1, port: ${smscPort}, systemId: bench, binds: 2, window: 500 }`,
    'routes: [{ channel: sms, carriers: [sim] }]',
    '',
  ].join('\n')
}

async function close(stand: Stand): Promise<void> {
  stand.client.kill()
  stand.empty.child.kill()
  stand.engine.child.kill('SIGTERM')
  await stand.engine.ended
}

/** One measurement against the engine, or against the empty route. */
async function measure(stand: Stand, change: Partial<ClientTask> & { empty?: boolean }): Promise<Seen> {
  const { empty = false, ...rest } = change
  const task: ClientTask = {
    port: empty ? stand.empty.port : stand.port,
    path: empty ? '/' : '/v1/messages',
    keys: stand.keys,
    body: SINGLE,
    connections: CONNECTIONS,
    seconds: 2,
    pauseMs: 0,
    warmUp: 200,
    ...rest,
  }
  const pid = empty ? stand.empty.child.pid! : stand.engine.child.pid!
  const before = cpuSeconds(pid)
  stand.client.send(task)
  const [result] = (await once(stand.client, 'message')) as [ClientResult]
  return { ...result, serverCpuSeconds: cpuSeconds(pid) - before }
}

export interface HttpFound {
  empty: Seen[]
  emptyBatch: Seen[]
  single: Seen[]
  batch: Seen[]
  /** One by one, while the file is ingested and sent. */
  beside: Seen
  /** Rows of the file that were delivered when the measurement ended. */
  besideRows: number
}

export async function measureHttp({ seconds, rounds, rows }: HttpBenchOptions): Promise<HttpFound> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-http-bench-'))
  const smsc = await spawnSmsc(['--dlr-delay-ms', '100', '--window', '500'])
  const stand = await open(folder, smsc.port)
  try {
    const found: HttpFound = { empty: [], emptyBatch: [], single: [], batch: [], beside: BLANK, besideRows: 0 }
    const batches = { body: THOUSAND, connections: 4, warmUp: 4, seconds }
    for (let round = 0; round < rounds; round++) {
      found.empty.push(await measure(stand, { empty: true, seconds }))
      found.single.push(await measure(stand, { seconds }))
      found.emptyBatch.push(await measure(stand, { ...batches, empty: true }))
      found.batch.push(await measure(stand, batches))
    }
    Object.assign(found, await measureBeside(stand, rows))
    return found
  } finally {
    await close(stand)
    await smsc.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** 500 messages a second, one by one, from the start of an upload until all its rows are accepted and a while longer. */
async function measureBeside(stand: Stand, rows: number): Promise<{ beside: Seen; besideRows: number }> {
  const file = path.join(stand.folder, 'recipients.csv')
  await makeRecipients(file, rows, 1)
  const client = api(stand.engine.url, stand.keys[0]!)
  const job = { from: 'ACME', text: TEXT.replace('Anna', '~name~'), columns: { to: 'mobile' } }
  const { id } = await client.post<{ id: string }>('/v1/jobs', job)
  const uploaded = client.upload(`/v1/jobs/${id}/recipients`, file)
  const seconds = Math.max(1, rows / 80_000)
  const beside = await measure(stand, { keys: stand.keys.slice(1), pauseMs: 16, connections: 8, seconds, warmUp: 20 })
  await uploaded
  const { counts } = await client.get<{ counts: { accepted: number; queued: number } }>(`/v1/jobs/${id}`)
  return { beside, besideRows: counts.accepted - counts.queued }
}

const BLANK: Seen = {
  requests: 0,
  seconds: 1,
  cpuSeconds: 0,
  refused: 0,
  p50Ms: 0,
  p99Ms: 0,
  maxMs: 0,
  serverCpuSeconds: 0,
}

function perSecond({ requests, refused, seconds }: Seen): number {
  return (requests - refused) / seconds
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const quick = options.quick === true
  const found = await measureHttp(
    quick ? { seconds: 0.5, rounds: 1, rows: 20_000 } : { seconds: 2, rounds: 3, rows: 1_000_000 },
  )
  const empty = median(found.empty.map(perSecond))
  const emptyBatch = median(found.emptyBatch.map(perSecond)) * BATCH
  const single = median(found.single.map(perSecond))
  const batch = median(found.batch.map(perSecond)) * BATCH
  const ceiling = 'an empty route of fastify'
  return [
    { name: ceiling, value: empty, unit: 'requests/s' },
    {
      name: 'accepted one by one, 64 connections',
      value: single,
      unit: 'messages/s',
      ratioTo: ceiling,
      ratio: single / empty,
    },
    { name: 'the same, slowest of a hundred', value: median(found.single.map(({ p99Ms }) => p99Ms)), unit: 'ms' },
    { name: 'the empty route with a thousand in a body', value: emptyBatch, unit: 'messages/s' },
    {
      name: 'accepted a thousand at a time',
      value: batch,
      unit: 'messages/s',
      ratioTo: ceiling,
      ratio: batch / emptyBatch,
    },
    { name: 'the same beside a file of a million rows, 500 a second', value: found.beside.p99Ms, unit: 'ms' },
  ]
}

function line(name: string, seen: Seen[], each = 1): string {
  const rates = seen.map((one) => perSecond(one) * each).sort((a, b) => a - b)
  const shown = [rates[0]!, median(rates), rates.at(-1)!].map((rate) => Math.round(rate).toLocaleString('en-GB'))
  const cpu = seen.reduce((sum, { serverCpuSeconds }) => sum + serverCpuSeconds, 0)
  const client = seen.reduce((sum, one) => sum + one.cpuSeconds, 0)
  const p99 = median(seen.map(({ p99Ms }) => p99Ms)).toFixed(1)
  const p50 = median(seen.map(({ p50Ms }) => p50Ms)).toFixed(1)
  const refused = seen.reduce((sum, one) => sum + one.refused, 0)
  return `${name}: ${shown.join(' / ')} per s; p50 ${p50} ms, p99 ${p99} ms, max ${Math.max(...seen.map(({ maxMs }) => maxMs)).toFixed(0)} ms; CPU server ${cpu.toFixed(1)} s, client ${client.toFixed(1)} s; refused ${refused}`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '3' },
      rows: { type: 'string', default: '1000000' },
    },
  })
  const found = await measureHttp({
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    rows: Number(values.rows),
  })
  console.log(line('empty route', found.empty))
  console.log(line('one by one', found.single))
  console.log(line('empty route, thousands', found.emptyBatch, BATCH))
  console.log(line('thousands', found.batch, BATCH))
  console.log(line(`one by one beside a file (${found.besideRows} rows handed out)`, [found.beside]))
}
