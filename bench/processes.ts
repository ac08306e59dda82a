/** Engine and simulated carrier as processes of their own, driven as a user drives them: by command line and HTTP. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { request } from 'undici'
import type { SmscStats } from '../src/smpp/simulator/smsc-stats.js'

const CLI = fileURLToPath(new URL('../src/cli.js', import.meta.url))
export const ADMIN_KEY = 'an-admin-key-for-tests-0123456789'

export interface SmscProcess {
  port: number
  statsPort: number
  stats(): Promise<SmscStats>
  /** Ends it; gives its last counters. */
  stop(): Promise<SmscStats>
  child: ChildProcess
}

/**
 * Node without the loader that tap hangs on every child by NODE_OPTIONS, which costs seconds a start and 100 MB. tap puts it
 * into any environment that a child is given, so that `env` has to drop it.
 */
export function spawnNode(args: string[], options: SpawnOptions): ChildProcess {
  return spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...args], options)
}

function spawnCli(args: string[], stdout: 'pipe' | 'inherit', stderr: 'pipe' | 'inherit' = 'inherit'): ChildProcess {
  return spawnNode([...nodeArguments(), CLI, ...args], { stdio: ['ignore', stdout, stderr] })
}

/** Of every program of ours that a benchmark starts: `BENCH_NODE_ARGS="--cpu-prof" node build/bench/…`. */
function nodeArguments(): string[] {
  return process.env.BENCH_NODE_ARGS?.split(' ') ?? []
}

/** `args`: further options of `trunkline smsc`. */
export async function spawnSmsc(args: string[]): Promise<SmscProcess> {
  const child = spawnCli(['smsc', '--port', '0', '--stats-port', '0', ...args], 'pipe')
  const lines = createInterface({ input: child.stdout! })
  const [first] = (await once(lines, 'line')) as [string]
  const { port, statsPort } = JSON.parse(first).listening as { port: number; statsPort: number }
  return {
    port,
    statsPort,
    child,
    async stats() {
      const { body } = await request(`http://127.0.0.1:${statsPort}/`)
      return (await body.json()) as SmscStats
    },
    async stop() {
      const last = once(lines, 'line') as Promise<[string]>
      child.kill('SIGTERM')
      return JSON.parse((await last)[0]) as SmscStats
    },
  }
}

export interface EngineProcess {
  child: ChildProcess
  url: string
  /** Exit code; the signal's name when it was killed. */
  ended: Promise<number | string>
  /** Its stderr so far, and where it was asked for its log. */
  said(): string
}

/** A port that was free a moment ago: an engine that starts again must be found where it was. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORT_FIRST + Math.floor(Math.random() * PORTS)
    if (await isFree(port)) return port
  }
}

/** Below the ports that the system gives to outgoing connections: one of those could take it while a server restarts. */
const PORT_FIRST = 12_000
const PORTS = 20_000

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Where `spawnEngine` writes the config. */
export function configFile(folder: string): string {
  return path.join(folder, 'trunkline.yaml')
}

/**
 * Starts `trunkline serve` on a written config and resolves when it answers. `port`: fixed, so that a client finds it again. `log`:
 * where its log goes.
 */
export async function spawnEngine(
  folder: string,
  port: number,
  config: string,
  log: 'pipe' | 'inherit' = 'inherit',
): Promise<EngineProcess> {
  const file = configFile(folder)
  writeFileSync(file, config, { mode: 0o600 })
  const child = spawnCli(['serve', '--config', file], log, 'pipe')
  let said = ''
  for (const stream of [child.stderr, child.stdout]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  const ended = once(child, 'exit').then(([code, signal]) => (code ?? signal) as number | string)
  const url = `http://127.0.0.1:${port}`
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await request(`${url}/healthz`).catch(() => null)
    await answer?.body.dump()
    if (answer?.statusCode === 200) break
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { child, url, ended, said: () => said }
}

export interface Api {
  get<T>(path: string): Promise<T>
  post<T>(path: string, body: unknown): Promise<T>
  put<T>(path: string, body: unknown): Promise<T>
  /**
   * Streams a file to the path; the status code, or null when the connection broke. `stallAfter`: sends so many octets only,
   * and then keeps the connection open in silence.
   */
  upload(path: string, file: string, stallAfter?: number): Promise<number | null>
}

function pieces(file: string, bytes = Number.POSITIVE_INFINITY): Readable {
  return createReadStream(file, { highWaterMark: 256 * 1024, end: bytes - 1 })
}

async function* stalling(file: string, bytes: number): AsyncIterable<Buffer> {
  yield* pieces(file, bytes)
  await new Promise(() => {})
}

export function api(url: string, key: string): Api {
  const headers = { authorization: `Bearer ${key}` }
  const checked = async (answer: Awaited<ReturnType<typeof request>>) => {
    const body = (await answer.body.json()) as { detail?: string }
    if (answer.statusCode >= 400) throw new Error(`${answer.statusCode}: ${body.detail ?? JSON.stringify(body)}`)
    return body
  }
  const send =
    (method: 'POST' | 'PUT') =>
    async <T>(path: string, body: unknown) => {
      const options = {
        method,
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }
      return (await checked(await request(url + path, options))) as T
    }
  return {
    get: async <T>(path: string) => (await checked(await request(url + path, { headers }))) as T,
    post: send('POST'),
    put: send('PUT'),
    async upload(path, file, stallAfter) {
      const options = {
        method: 'PUT',
        headers: { ...headers, 'content-type': 'text/csv', 'content-length': String(statSync(file).size) },
        body: stallAfter === undefined ? pieces(file) : Readable.from(stalling(file, stallAfter)),
        bodyTimeout: 0,
        headersTimeout: 0,
      } as const
      try {
        const answer = await request(url + path, options)
        await answer.body.dump()
        return answer.statusCode
      } catch {
        return null
      }
    },
  }
}

/** Octets of memory that are the process's own: what the limit is on. 0 when it is gone. */
export function residentBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    const kilobytes = [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+)/gm)].reduce(
      (sum, match) => sum + Number(match[1]),
      0,
    )
    return kilobytes * 1024
  } catch {
    return 0
  }
}

/** CPU seconds that the process has used; 0 when it is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]!.split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return 0
  }
}
