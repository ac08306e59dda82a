/**
 * The real `trunkline serve` as a process that can be killed, stopped, frozen and started again on the same folder. It ends
 * with the process that started it, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../src/cli.js', import.meta.url))
const SETPRIV = '/usr/bin/setpriv'

export const ADMIN_KEY = 'an-admin-key-for-torture-0123456789'

/** How a process ended: its exit code, or the name of the signal. */
export type End = number | string

export interface EngineOptions {
  /** Gets the configuration, the log of all starts (engine.log) and the data. */
  folder: string
  /** Keys of the configuration beside `dataDir`, `logLevel` and `http`. */
  config?: Record<string, unknown>
  /** Further keys of `http`. */
  http?: Record<string, unknown>
  host?: string
  /** Kept over all starts; absent: any free one, found anew by each start. */
  port?: number
  /** Of each start: LD_PRELOAD and what belongs to it. */
  environment?: Record<string, string>
  logLevel?: string
  /** A module that the process loads before anything else. */
  preload?: string
}

/** It ended before it listened. */
export class StartFailed extends Error {
  readonly end: End
  constructor(end: End, said: string) {
    super(`the engine ended with ${end} before it listened: ${said.trim()}`)
    this.end = end
  }
}

export class EngineUnderTest {
  readonly folder: string
  readonly dataDir: string
  readonly adminKey = ADMIN_KEY
  /** Written into the file at each start, so that it may be changed between two. */
  config: Record<string, unknown>
  environment: Record<string, string>
  /** Where it listens now; of the former start while it does not. */
  url = ''
  /** How often it was started. */
  starts = 0
  /** From the start of the process to the line that says that it listens, of the latest start. */
  startMs = 0
  /** Of the latest process. */
  exited: Promise<End> = Promise.resolve(0)
  readonly #options: EngineOptions
  #process: ChildProcess | null = null
  #said = ''

  constructor(options: EngineOptions) {
    this.#options = options
    this.folder = options.folder
    this.dataDir = path.join(options.folder, 'data')
    this.config = options.config ?? {}
    this.environment = options.environment ?? {}
    mkdirSync(this.dataDir, { recursive: true })
  }

  get isRunning(): boolean {
    return this.#process !== null
  }

  /** Of the running process; 0: there is none. */
  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** What the latest process said on stderr. */
  get said(): string {
    return this.#said
  }

  /** The end of the log of all starts. */
  get logged(): string {
    return readFileSync(path.join(this.folder, 'engine.log'), 'utf8').slice(-4_096)
  }

  get configFile(): string {
    return path.join(this.folder, 'trunkline.yaml')
  }

  /** Arguments of Node for one more `serve` on this configuration. */
  get serveArguments(): string[] {
    const { preload } = this.#options
    return [...(preload === undefined ? [] : ['--import', preload]), CLI, 'serve', '--config', this.configFile]
  }

  /**
   * Resolves when it listens. `environment`: of this start alone, such as CRASH_AT.
   * @throws StartFailed when it ended before
   */
  async start(environment: Record<string, string> = {}): Promise<void> {
    this.writeConfig()
    const startedAt = performance.now()
    const child = this.#spawn(environment)
    this.#process = child
    this.starts++
    this.#said = ''
    this.exited = once(child, 'exit').then(([code, signal]) => {
      if (this.#process === child) this.#process = null
      return (code ?? signal) as End
    })
    const url = await Promise.race([this.#listens(child), this.exited.then(() => null)])
    if (url === null) throw new StartFailed(await this.exited, this.#said)
    this.url = url
    this.startMs = performance.now() - startedAt
  }

  /** kill -9; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL')
    await this.exited
  }

  /** SIGTERM; its end, and how long that took. */
  async stop(): Promise<{ end: End; ms: number }> {
    const askedAt = performance.now()
    this.#process?.kill('SIGTERM')
    return { end: await this.exited, ms: performance.now() - askedAt }
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name)
  }

  /** Kills it if it runs, and starts it again. */
  async restart(environment: Record<string, string> = {}): Promise<void> {
    await this.kill()
    await this.start(environment)
  }

  writeConfig(): void {
    const { http, host = '127.0.0.1', port = 0, logLevel = 'warn' } = this.#options
    const config = {
      dataDir: this.dataDir,
      logLevel,
      ...this.config,
      http: { host, port, adminKey: ADMIN_KEY, ...http },
    }
    writeFileSync(this.configFile, JSON.stringify(config, null, 1), { mode: 0o600 })
  }

  #spawn(environment: Record<string, string>): ChildProcess {
    const log = openSync(path.join(this.folder, 'engine.log'), 'a')
    const [command, args] = nodeCommand(this.serveArguments)
    const child = spawn(command!, args, {
      stdio: ['ignore', log, 'pipe'],
      env: { ...process.env, ...this.environment, ...environment },
    })
    closeSync(log)
    return child
  }

  #listens(child: ChildProcess): Promise<string> {
    return new Promise((resolve) => {
      child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        this.#said = (this.#said + text).slice(-16_384)
        const [, url] = /^trunkline listens on (\S+)$/m.exec(this.#said) ?? []
        if (url !== undefined) resolve(url)
      })
    })
  }
}

/**
 * Node with these arguments, such that it dies with its parent, and without the loader that tap hangs on every child by
 * NODE_OPTIONS, which costs seconds a start.
 */
export function nodeCommand(args: string[]): [string, string[]] {
  const plain = ['-u', 'NODE_OPTIONS', process.execPath, ...args]
  return existsSync(SETPRIV) ? [SETPRIV, ['--pdeathsig', 'KILL', '--', 'env', ...plain]] : ['env', plain]
}
