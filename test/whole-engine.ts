/**
 * The whole engine in the process of the test: store, threads, HTTP and a simulated carrier, all real, in a folder of its own.
 * A test says what is different about its configuration; the rest is the same for all.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../src/engine/config/load.js'
import type { JobView } from '../src/engine/contract/api.js'
import type { Clock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../src/smpp/simulator/smsc-options.js'
import { type RunningServer, startServer } from '../src/start.js'
import { assertSums } from './engine-harness.js'
import { type Answer, type CallOptions, send } from './http-engine.js'
import { until } from './until.js'

/** Key of the admin of every engine that is started here. */
export const admin = 'admin-key-of-this-test'

interface Owner {
  teardown(end: () => Promise<void>): void
  fail(message: string): unknown
}

/** Asks the engine with one key, if the options name no other. */
export type Call = (method: string, path: string, options?: CallOptions) => Promise<Answer>

/** How a carrier of the configuration reaches the simulator with this log-in; a login of its own gets its own receipts. */
type At = (login: string) => string

export interface WholeOptions {
  /** The configuration but for folder and HTTP. Absent: the simulator as the one carrier `sim`. */
  yaml?: (at: At) => string
  /** Further keys of `http`, in the braces of YAML. */
  http?: string
  simulator?: Partial<SmscOptions>
  clock?: Clock
}

export interface Customer {
  key: string
  call: Call
}

export interface Whole {
  /** dataDir of the engine, which goes with the test. */
  folder: string
  smsc: Smsc
  /** Of this moment: another one after a restart. */
  readonly server: RunningServer
  readonly url: string
  /** With the key of the admin. */
  call: Call
  /** Makes an account; throws if it is not made. */
  account(id: string, settings?: object): Promise<Customer>
  /** Stops in good order, does what is to be done meanwhile, and starts again. */
  restart(meanwhile?: () => void): Promise<void>
}

export async function startWhole(t: Owner, options: WholeOptions = {}): Promise<Whole> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-whole-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, ...options.simulator }, silentLog)
  const { port } = await smsc.listen()
  const config = parseConfig(yamlOf(folder, port, options), { name: 'test', folder, env: {} })
  const { clock } = options
  const exit = (code: number) => t.fail(`the engine stopped with ${code}`)
  const start = () => startServer(config, { log: silentLog, exit, ...(clock === undefined ? {} : { clock }) })
  let server = await start()
  t.teardown(async () => {
    await server.stop()
    await smsc.close()
    rmSync(folder, { recursive: true })
  })
  const callWith = (key: string): Call => {
    return (method, path, call = {}) => send(server.url + path, method, { key, ...call })
  }
  return {
    folder,
    smsc,
    get server() {
      return server
    },
    get url() {
      return server.url
    },
    call: callWith(admin),
    account: async (id, settings = { defaultCountry: 'GB' }) => {
      const { status, json, text } = await callWith(admin)('POST', '/v1/accounts', { body: { id, ...settings } })
      if (status !== 201) throw new Error(text)
      return { key: json.key, call: callWith(json.key) }
    },
    async restart(meanwhile = () => {}) {
      await server.stop()
      meanwhile()
      server = await start()
    },
  }
}

function yamlOf(folder: string, port: number, { yaml = simAlone, http = '' }: WholeOptions): string {
  const at: At = (login) => `protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: ${login}, password: secret`
  return `
dataDir: ${folder}
http: { port: 0, adminKey: ${admin}, ${http} }
${yaml(at)}
`
}

function simAlone(at: At): string {
  return `carriers: [{ id: sim, ${at('trunk')} }]`
}

/** The job once it is so; its counts add up whenever they are looked at. One that fails instead ends the test. */
export async function jobUntil(call: Call, id: string, isSo: (job: JobView) => boolean): Promise<JobView> {
  const look = async (): Promise<JobView> => {
    const { json, text } = await call('GET', `/v1/jobs/${id}`)
    if (json.state === undefined) throw new Error(text)
    assertSums(json)
    if (json.state === 'failed' && !isSo(json)) throw new Error(`${json.reason}: ${json.detail}`)
    return json
  }
  return await until(look, isSo)
}

/** The job once it is in one of these states. */
export async function reached(call: Call, id: string, ...states: string[]): Promise<JobView> {
  return await jobUntil(call, id, ({ state }) => states.includes(state))
}
