/** The engine as a process that a test can kill, or whose disk it can make fail; driven over HTTP. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const CHILD = fileURLToPath(new URL('./engine-child.js', import.meta.url))

export class Child {
  process!: ChildProcess
  url = ''
  adminKey = ''
  /** Exit code of the process that was started last; null: ended by a signal. */
  exited!: Promise<number | null>
  readonly #args: string[]
  readonly #script: string

  /** `args`: dataDir and the carrier's port. `script`: of another engine than engine-child.ts. */
  constructor(args: string[], script = CHILD) {
    this.#args = args
    this.#script = script
  }

  /** `fileBytesMax`: writing a file beyond it fails (EFBIG), as on a full or broken disk. `environment` is added to ours. */
  async start(fileBytesMax?: number, environment: Record<string, string> = {}): Promise<void> {
    const blocks = fileBytesMax === undefined ? 'unlimited' : Math.ceil(fileBytesMax / 512)
    // tap hangs its loader on every child by NODE_OPTIONS, which costs seconds a start.
    const script = `unset NODE_OPTIONS; trap '' XFSZ; ulimit -f ${blocks}; exec "$0" "$@"`
    this.process = spawn('sh', ['-c', script, process.execPath, this.#script, ...this.#args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    })
    this.exited = once(this.process, 'exit').then(([code]) => code as number | null)
    const [line] = await once(createInterface(this.process.stdout!), 'line')
    Object.assign(this, JSON.parse(line))
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.process.kill(signal)
    return await this.exited
  }

  async call(method: string, route: string, key: string, body?: object | Buffer): Promise<Record<string, unknown>> {
    const isFile = Buffer.isBuffer(body)
    const type = isFile ? 'text/csv' : 'application/json'
    const response = await fetch(this.url + route, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': type }) },
      body: isFile ? new Uint8Array(body) : body === undefined ? undefined : JSON.stringify(body),
    })
    const answer = (await response.json()) as Record<string, unknown>
    if (!response.ok) throw Object.assign(new Error(JSON.stringify(answer)), { code: answer.code })
    return answer
  }
}
