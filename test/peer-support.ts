/** Carriers that are not ours (npm smpp as SMSC), many at once behind one engine: a route by prefix for each of them. */
import { mkdtempSync, rmSync } from 'node:fs'
import type { Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import type { MessageView, Principal } from '../src/engine/contract/api.js'
import type { JobSettings } from '../src/engine/contract/job.js'
import { type Log, silentLog } from '../src/engine/contract/log.js'
import { type RunningServer, startServer } from '../src/start.js'

/** The little that is used of npm smpp, which has no types of its own. */
export interface NpmPdu {
  [field: string]: unknown
  command: string
  command_status: number
  sequence_number: number
  message_id: string
  source_addr: string
  destination_addr: string
  short_message: { message: string | Buffer; udh?: Buffer[] }
  message_payload?: { message: string | Buffer; udh?: Buffer[] }
  response(fields?: object): NpmPdu
  toBuffer(): Buffer
}
export interface NpmSession {
  socket: {
    write(bytes: Buffer): void
    destroy(): void
    pause(): void
    resume(): void
    end(): void
    remotePort: number
  }
  on(event: string, listener: (pdu: NpmPdu) => void): void
  send(pdu: NpmPdu): void
  bind_transceiver(fields: object, answered: (pdu: NpmPdu) => void): void
  bind_transmitter(fields: object, answered: (pdu: NpmPdu) => void): void
  bind_receiver(fields: object, answered: (pdu: NpmPdu) => void): void
  submit_sm(fields: object, answered: (pdu: NpmPdu) => void): void
  deliver_sm(fields: object, answered?: (pdu: NpmPdu) => void): void
  data_sm(fields: object, answered?: (pdu: NpmPdu) => void): void
  enquire_link(answered: (pdu: NpmPdu) => void): void
  unbind(answered: (pdu: NpmPdu) => void): void
  destroy(): void
  pause(): void
}
export interface NpmSmpp {
  connect(options: object): NpmSession
  createServer(options: object, onSession: (session: NpmSession) => void): Server
  encodings: { default: string }
  PDU: new (command: string, fields?: object) => NpmPdu
}
export const { default: smpp } = (await import('smpp' as string)) as { default: NpmSmpp }

export async function listen(t: Test, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

/** npm smpp as a carrier: binds, unbind and enquire_link are answered unless `manual`; `onSession` adds the rest. */
export async function startPeer(
  t: Test,
  onSession: (session: NpmSession) => void,
  options: { manual?: boolean; tls?: object } = {},
): Promise<number> {
  const sessions = new Set<NpmSession>()
  t.teardown(() => {
    for (const session of sessions) session.destroy()
  })
  const server = smpp.createServer(options.tls ?? {}, (session) => {
    sessions.add(session)
    session.on('error', () => {})
    session.on('close', () => sessions.delete(session))
    const polite = ['bind_transceiver', 'bind_transmitter', 'bind_receiver', 'unbind', 'enquire_link']
    for (const command of options.manual === true ? [] : polite) {
      session.on(command, (pdu) => session.send(pdu.response()))
    }
    onSession(session)
  })
  return await listen(t, server)
}

export interface Peers {
  server: RunningServer
  principal: Principal
  logged: string[]
}

/** One engine; `carriers` and `further` keys go into its configuration as they are, with defaults that suit tests. */
export async function startEngine(
  t: Test,
  carriers: object[],
  routes: object[] = [],
  further: object = {},
): Promise<Peers> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-peer-'))
  const logged: string[] = []
  const note = (fields: object | string, text?: string): void =>
    void logged.push(`${JSON.stringify(fields)} ${text ?? ''}`)
  const log = { ...silentLog, warn: note, error: note } as Log
  const config = parseConfig(
    JSON.stringify({
      dataDir,
      http: { host: '127.0.0.1', port: 0 },
      threads: { ingest: 1 },
      logLevel: 'silent',
      shutdownSeconds: 3,
      carriers: carriers.map((carrier) => ({
        protocol: 'smpp',
        host: '127.0.0.1',
        systemId: 'trunk',
        password: 'secret',
        window: 10,
        ...carrier,
      })),
      routes,
      ...further,
    }),
    { name: 'test', folder: dataDir, env: {} },
  )
  const exits: number[] = []
  const server = await startServer(config, { log, exit: (code) => exits.push(code) })
  t.teardown(async () => {
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
    if (exits.length > 0) throw new Error(`the engine ended itself with ${exits}`)
  })
  await server.engine.createAccount('acme', { defaultCountry: 'GB' })
  return { server, principal: { kind: 'account', account: 'acme', key: 'test' }, logged }
}

/** Recipient `n` behind route number `route`: a British mobile. */
export function numberOf(route: number, n: number): string {
  return `+447710${String(route).padStart(2, '0')}${String(n).padStart(4, '0')}`
}
export function prefixOf(route: number): string {
  return `447710${String(route).padStart(2, '0')}`
}

export async function startJob(
  { server, principal }: Peers,
  settings: JobSettings,
  recipients: { to: string; text?: string }[],
): Promise<string> {
  const job = await server.engine.createJob(principal, { from: 'TRUNK', text: '~text~', ...settings }, recipients)
  return job.id
}

/** All messages of a job once `fits` says so; looks again at each turn of a short timer. */
export async function untilMessages(
  { server, principal }: Peers,
  job: string,
  fits: (messages: MessageView[]) => boolean,
  seconds = 20,
): Promise<MessageView[]> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const { items } = await server.engine.jobMessages(principal, job, { limit: 200 })
    if (fits(items) || performance.now() > end) return items
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** Value of a sample in the engine's metrics; 0 when it is not there. */
export async function metric({ server }: Peers, name: string, labels: Record<string, string>): Promise<number> {
  const { body } = await server.engine.metrics()
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`)
  const line = body
    .split('\n')
    .find((each) => each.startsWith(`${name}{`) && wanted.every((label) => each.includes(label)))
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ') + 1))
}
