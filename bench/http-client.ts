/**
 * A small HTTP client in a process of its own, so that it is not the limit: raw sockets, one prepared request each, answers
 * found by their length. It is told by IPC what to do and answers with what it saw.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

export interface ClientTask {
  port: number
  path: string
  /** One per key; connections take them in turn. */
  keys: string[]
  /** A body for each connection in turn; `{n}` in it becomes eight digits that differ. */
  body: string
  connections: number
  seconds: number
  /** Milliseconds that a connection waits after each answer. */
  pauseMs: number
  /** Requests before the clock starts. */
  warmUp: number
}

export interface ClientResult {
  requests: number
  seconds: number
  cpuSeconds: number
  refused: number
  p50Ms: number
  p99Ms: number
  maxMs: number
}

const MARK = '{n}'
const HEAD_END = Buffer.from('\r\n\r\n')
const LATENCIES_MAX = 2_000_000

/** What all connections of a task come to. */
class Tally {
  readonly latencies = new Float64Array(LATENCIES_MAX)
  requests = 0
  refused = 0
  serial = 0

  add(ms: number, isAccepted: boolean): void {
    if (this.requests < LATENCIES_MAX) this.latencies[this.requests] = ms
    this.requests++
    if (!isAccepted) this.refused++
  }

  /** Forgets the warm-up. */
  clear(): void {
    this.requests = 0
    this.refused = 0
  }
}

class Connection {
  readonly #socket: Socket
  readonly #request: Buffer
  /** Where the digits stand that differ. */
  readonly #marks: number[] = []
  readonly #tally: Tally
  readonly #pauseMs: number
  #rest: Buffer = Buffer.alloc(0)
  #sentAt = 0
  isStopping = false

  constructor(task: ClientTask, key: string, tally: Tally) {
    const body = task.body.replaceAll(MARK, '00000000')
    const head = [
      `POST ${task.path} HTTP/1.1`,
      'host: 127.0.0.1',
      `authorization: Bearer ${key}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
    ]
    const start = head.join('\r\n').length + 4
    let at = -1
    for (let found = task.body.indexOf(MARK); found >= 0; found = task.body.indexOf(MARK, found + 1)) {
      this.#marks.push(start + found + this.#marks.length * (8 - MARK.length))
      at = found
    }
    if (at >= 0 && Buffer.byteLength(task.body) !== task.body.length) throw new Error('bodies with numbers are ASCII')
    this.#request = Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
    this.#tally = tally
    this.#pauseMs = task.pauseMs
    this.#socket = connect({ host: '127.0.0.1', port: task.port, noDelay: true })
    this.#socket.on('data', (chunk) => this.#read(chunk))
  }

  get ready(): Promise<unknown> {
    return once(this.#socket, 'connect')
  }

  send(): void {
    for (const mark of this.#marks) {
      let rest = ++this.#tally.serial
      for (let digit = 7; digit >= 0; digit--) {
        this.#request[mark + digit] = 48 + (rest % 10)
        rest = Math.floor(rest / 10)
      }
    }
    this.#sentAt = performance.now()
    this.#socket.write(this.#request)
  }

  #read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const end = this.#rest.indexOf(HEAD_END)
    if (end < 0) return
    const head = this.#rest.latin1Slice(0, end).toLowerCase()
    const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0)
    if (this.#rest.length < end + 4 + length) return
    this.#rest = this.#rest.subarray(end + 4 + length)
    this.#tally.add(performance.now() - this.#sentAt, head.startsWith('http/1.1 20'))
    if (this.isStopping) this.#socket.destroy()
    else if (this.#pauseMs > 0) setTimeout(() => this.send(), this.#pauseMs)
    else this.send()
  }

  get closed(): Promise<unknown> {
    return this.#socket.destroyed ? Promise.resolve() : once(this.#socket, 'close')
  }
}

async function run(task: ClientTask): Promise<ClientResult> {
  const tally = new Tally()
  const { keys } = task
  const connections = Array.from(
    { length: task.connections },
    (_, n) => new Connection(task, keys[n % keys.length]!, tally),
  )
  await Promise.all(connections.map(({ ready }) => ready))
  for (const connection of connections) connection.send()
  while (tally.requests < task.warmUp) await new Promise((resolve) => setTimeout(resolve, 5))
  tally.clear()
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await new Promise((resolve) => setTimeout(resolve, task.seconds * 1000))
  const { requests, refused } = tally
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  for (const connection of connections) connection.isStopping = true
  await Promise.all(connections.map(({ closed }) => closed))
  const sorted = tally.latencies.slice(0, Math.min(requests, LATENCIES_MAX)).sort()
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return {
    requests,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    refused,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
  }
}

process.on('message', (task: ClientTask) => {
  run(task).then((result) => process.send!(result))
})
