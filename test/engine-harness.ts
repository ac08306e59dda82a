/** The whole engine on a fresh data directory with a real simulated carrier, for the engine's tests. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseConfig } from '../src/engine/config/load.js'
import type { Config } from '../src/engine/config/schema.js'
import type { JobView, Principal } from '../src/engine/contract/api.js'
import type { JobSettings } from '../src/engine/contract/job.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../src/smpp/simulator/smsc-options.js'
import { type RunningServer, startServer } from '../src/start.js'

export interface Harness {
  server: RunningServer
  smsc: Smsc
  dataDir: string
  /** Of the account `acme`. */
  principal: Principal
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startHarness(options: { smsc?: Partial<SmscOptions>; carrier?: object } = {}): Promise<Harness> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-engine-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, countRepeats: true, ...options.smsc }, silentLog)
  const { port } = await smsc.listen()
  const config = configFor(dataDir, port, options.carrier ?? {})
  const start = (): Promise<RunningServer> => startServer(config, { log: silentLog })
  const server = await start()
  await server.engine.createAccount('acme', { defaultCountry: 'GB' })
  const harness: Harness = {
    server,
    smsc,
    dataDir,
    principal: { kind: 'account', account: 'acme', key: 'test' },
    async restart() {
      await harness.server.stop()
      harness.server = await start()
    },
    async stop() {
      await harness.server.stop()
      await smsc.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  return harness
}

export function configFor(dataDir: string, port: number, carrier: object): Config {
  return parseConfig(
    JSON.stringify({
      dataDir,
      http: { host: '127.0.0.1', port: 0 },
      threads: { ingest: 2 },
      logLevel: 'silent',
      shutdownSeconds: 5,
      carriers: [
        {
          id: 'sim',
          protocol: 'smpp',
          host: '127.0.0.1',
          port,
          systemId: 'test',
          password: 'x',
          window: 50,
          ...carrier,
        },
      ],
    }),
    { name: 'test', folder: dataDir, env: {} },
  )
}

/** A CSV of British mobiles: `to,name`, numbers from +447710000000 up. */
export function csvOf(rows: number): Buffer {
  const lines = ['to,name']
  for (let row = 0; row < rows; row++) lines.push(`+4477${String(10_000_000 + row).padStart(8, '0')},Name${row}`)
  return Buffer.from(`${lines.join('\n')}\n`)
}

export async function* chunksOf(bytes: Buffer, size = 64 * 1024): AsyncIterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function sendJob(harness: Harness, settings: JobSettings, file: Buffer): Promise<JobView> {
  const { engine } = harness.server
  const job = await engine.createJob(harness.principal, settings, null)
  return await engine.upload(harness.principal, job.id, chunksOf(file))
}

/** The job once it is in one of these states; looks again at each turn of a short timer, at most `seconds` long. */
export async function untilState(harness: Harness, id: string, states: string[], seconds = 60): Promise<JobView> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const job = harness.server.engine.job(harness.principal, id)
    assertSums(job)
    if (states.includes(job.state)) return job
    if (performance.now() > end) throw new Error(`still ${job.state}: ${JSON.stringify(job.counts)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The same for a single message; the time limit of the test ends it. */
export async function untilMessage(harness: Harness, id: string, state: string): Promise<void> {
  while ((await harness.server.engine.message(harness.principal, id)).state !== state) {
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The two equations of the contract, and that reasons and estimate are of the same rows. */
export function assertSums({ counts, rejectedByReason, estimate }: JobView): void {
  const { rows, accepted, rejected, suppressed, duplicate } = counts
  const states =
    counts.queued +
    counts.scheduled +
    counts.sending +
    counts.sent +
    counts.delivered +
    counts.undelivered +
    counts.failed +
    counts.expired +
    counts.canceled +
    counts.unknown
  if (rows !== accepted + rejected + suppressed + duplicate || accepted !== states) {
    throw new Error(`the counts do not add up: ${JSON.stringify(counts)}`)
  }
  const refused = Object.values(rejectedByReason).reduce((sum, count) => sum + count, 0)
  const priced = Object.values(estimate?.byCountry ?? {}).reduce((sum, share) => sum + share.parts, 0)
  if (refused !== rows - accepted || priced !== counts.parts) {
    throw new Error(`the estimate is of other rows: ${JSON.stringify({ counts, rejectedByReason, estimate })}`)
  }
}

export async function textOf(pieces: AsyncIterable<string | Buffer>): Promise<string> {
  let text = ''
  for await (const piece of pieces) text += piece.toString()
  return text
}
