/** For the tests of overload: the real engine as a process whose memory is watched, a simulated carrier, and two accounts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Resident } from '../proof/overload/resident.js'
import { EngineUnderTest } from '../proof/torture/engine-under-test.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { type Answer, type CallOptions, send } from './http-engine.js'
import { until } from './until.js'

const HOST = '127.0.6.1'

interface Owner {
  teardown(end: () => Promise<void>): void
  fail(message: string): unknown
}

export interface OverloadOptions {
  /** Keys of the configuration; the simulator is `sim` if there are no carriers in it. */
  config?: Record<string, unknown>
  http?: Record<string, unknown>
  /** Arguments of Node. */
  node?: string[]
}

class Tight extends EngineUnderTest {
  node: string[] = []

  override get serveArguments(): string[] {
    return [...this.node, ...super.serveArguments]
  }
}

export interface Customer {
  id: string
  key: string
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
}

export interface OverloadStand {
  engine: EngineUnderTest
  resident: Resident
  smsc: Smsc
  smscPort: number
  target: { host: string; port: number }
  /** With the key of the admin. */
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  account(id: string): Promise<Customer>
  /** Of /metrics: all series of the name added up. */
  metric(name: string): Promise<number>
}

export async function overloadStand(t: Owner, options: OverloadOptions = {}): Promise<OverloadStand> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-overload-'))
  const smsc = new Smsc({ host: HOST, port: 0 }, silentLog)
  const { port } = await smsc.listen()
  const sim = { id: 'sim', protocol: 'smpp', host: HOST, port, systemId: 'trunk', password: 'secret' }
  const config = { carriers: [sim], ...options.config }
  const engine = new Tight({
    folder,
    host: HOST,
    config,
    ...(options.http === undefined ? {} : { http: options.http }),
  })
  engine.node = options.node ?? []
  const resident = new Resident(() => engine.pid)
  let isOver = false
  t.teardown(async () => {
    isOver = true
    resident.stop()
    await engine.kill()
    await smsc.close()
    rmSync(folder, { recursive: true })
  })
  await engine.start()
  void engine.exited.then((end) => {
    if (!isOver) t.fail(`the engine ended with ${end}: ${engine.said}`)
  })
  const callWith =
    (key: string) =>
    (method: string, path: string, call: CallOptions = {}) =>
      send(engine.url + path, method, { key, ...call })
  const call = callWith(engine.adminKey)
  return {
    engine,
    resident,
    smsc,
    smscPort: port,
    call,
    target: { host: HOST, port: Number(new URL(engine.url).port) },
    async account(id) {
      const { status, json, text } = await call('POST', '/v1/accounts', { body: { id, defaultCountry: 'GB' } })
      if (status !== 201) throw new Error(text)
      return { id, key: json.key, call: callWith(json.key) }
    },
    async metric(name) {
      const { text } = await call('GET', '/metrics')
      return sumOf(text, name)
    },
  }
}

export function sumOf(metrics: string, name: string): number {
  let sum = 0
  for (const line of metrics.split('\n')) {
    if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(' ') + 1))
  }
  return sum
}

/** Each message by itself, `atOnce` at a time; how many were answered 202, and what else was said. */
export async function sendSingles(
  { call }: Customer,
  { count, atOnce }: { count: number; atOnce: number },
): Promise<{ accepted: number; others: string[] }> {
  let next = 0
  let accepted = 0
  const others: string[] = []
  const one = async (): Promise<void> => {
    while (next < count) {
      const to = `+4477123${String(next++).padStart(5, '0')}`
      const { status, text } = await call('POST', '/v1/messages', { body: { to, from: 'Quiet', text: 'Hello' } })
      if (status === 202) accepted++
      else others.push(text)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, one))
  return { accepted, others }
}

/** Nothing of what was asked is left in the engine: neither requests nor octets of theirs. */
export async function calm({ call }: OverloadStand): Promise<void> {
  await until(
    async () => (await call('GET', '/metrics')).text,
    (text) =>
      // The one that asks is open.
      sumOf(text, 'trunkline_http_requests_open') <= 1 &&
      sumOf(text, 'trunkline_http_body_bytes') === 0 &&
      sumOf(text, 'trunkline_http_answer_bytes') === 0,
  )
}
