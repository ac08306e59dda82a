/**
 * The programs in C beside us: the carrier that costs nothing, the client that is the physical limit, and what feeds gateways
 * over HTTP. Compiled with `cc` into the build, once for each change of a source.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'

const SOURCES = fileURLToPath(new URL('../../bench/limit/', import.meta.url))
const BUILT = fileURLToPath(new URL('./limit/', import.meta.url))

type Program = 'sink' | 'client' | 'feeder'

/** The executable. @throws Error: there is no compiler. */
function programOf(name: Program): string {
  const source = path.join(SOURCES, `${name}.c`)
  const built = path.join(BUILT, name)
  const madeAt = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (madeAt > statSync(source).mtimeMs) return built
  mkdirSync(BUILT, { recursive: true })
  try {
    execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', built, source], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw isMissing ? new Error('there is no C compiler: apt-get install gcc libc6-dev') : error
  }
  return built
}

/** Counters of the carrier since it began. */
export interface SinkStats {
  submits: number
  receiptsSent: number
  receiptsAcknowledged: number
  sessions: number
  protocolErrors: number
}

export interface Sink {
  port: number
  pid: number
  stats(): Promise<SinkStats>
  stop(): Promise<void>
}

/** A message from the sender that is watched. */
export interface Marked {
  to: string
  /** Of CLOCK_MONOTONIC, as process.hrtime. */
  ns: number
}

export interface SinkOptions {
  latencyMs?: number
  /** Asked for or not, none comes. */
  noReceipts?: boolean
  /** Of this sender each message is told. */
  mark?: { from: string; seen(marked: Marked): void }
}

/** A carrier's SMSC that answers after so many milliseconds, at once with 0, and sends a receipt for whatever asks for one. */
export async function startSink({ latencyMs = 0, noReceipts = false, mark }: SinkOptions = {}): Promise<Sink> {
  const marking = mark === undefined ? [] : ['--mark', mark.from]
  const args = ['--latency-ms', String(latencyMs), '--no-receipts', noReceipts ? '1' : '0', ...marking]
  const child = spawn(programOf('sink'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })
  const [line] = (await once(lines, 'line')) as [string]
  if (mark !== undefined) lines.on('line', (text) => mark.seen(JSON.parse(text) as Marked))
  const { port, statsPort } = JSON.parse(line).listening as { port: number; statsPort: number }
  return {
    port,
    pid: child.pid!,
    async stats() {
      const { body } = await request(`http://127.0.0.1:${statsPort}/`)
      return (await body.json()) as SinkStats
    },
    stop: () => ended(child),
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const over = once(child, 'exit')
  child.kill('SIGTERM')
  await over
}

export interface ClientSays {
  submits: number
  seconds: number
  receipts: number
  cpuSeconds: number
}

export interface LimitOptions {
  port: number
  window: number
  seconds: number
  receipts?: boolean
}

/** One session at the limit: PDUs of 160 octets of text, encoded before. */
export async function runLimit({ port, window, seconds, receipts = false }: LimitOptions): Promise<ClientSays> {
  const options = { port, window, seconds, receipts: receipts ? 1 : 0 }
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(programOf('client'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return JSON.parse(line) as ClientSays
}

/** Asks for `path` again and again on so many connections until it is stopped; then what it counted. */
export function startFeeder(port: number, connections: number, path: string) {
  const args = ['--port', String(port), '--connections', String(connections), '--path', path]
  const child = spawn(programOf('feeder'), args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const line = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>
  return {
    async stop(): Promise<{ answers: number; refused: number }> {
      await ended(child)
      return JSON.parse((await line)[0])
    },
  }
}
