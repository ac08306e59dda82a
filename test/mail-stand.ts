/** The whole server over HTTP with a real mail server as its relay, and a simulated SMS carrier where a test wants one. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import type { JobView, MessageView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { type RunningServer, startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'
import { MailPeer } from './mail-peer.js'

export const ADMIN = 'admin-key-of-this-test'

export interface MailStand {
  server: RunningServer
  peer: MailPeer
  key: string
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
  /** Asks until the message or job is in one of these states. */
  message(id: string, ...states: string[]): Promise<MessageView>
  job(id: string, ...states: string[]): Promise<JobView>
}

export interface StandOptions {
  /** Of the relay. */
  relay?: object
  /** Beside the relay. */
  carriers?: object[]
  config?: object
  account?: object
  peer?: MailPeer
}

export async function mailStand(t: Test, options: StandOptions = {}): Promise<MailStand> {
  const dataDir = mkdtempSync(join(tmpdir(), 'trunkline-mail-'))
  const peer = options.peer ?? new MailPeer()
  const port = await peer.listen()
  const config = parseConfig(mailConfig(dataDir, port, options), { name: 'test', folder: dataDir, env: {} })
  const server = await startServer(config, {
    log: silentLog,
    exit: (code) => t.fail(`the engine stopped with ${code}`),
  })
  t.teardown(async () => {
    await server.stop()
    await peer.close()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const body = { id: 'acme', defaultCountry: 'GB', ...options.account }
  const made = await send(`${server.url}/v1/accounts`, 'POST', { key: ADMIN, body })
  const key = made.json.key as string
  const call = (method: string, path: string, asked: CallOptions = {}): Promise<Answer> =>
    send(server.url + path, method, { key, ...asked })
  const reached = async (path: string, states: string[]): Promise<never> => {
    for (;;) {
      const { json } = await call('GET', path)
      if (states.includes(json.state)) return json as never
      if (json.state === 'failed') throw new Error(`${json.reason}: ${json.detail}`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  return {
    ...{ server, peer, key, call },
    message: (id, ...states) => reached(`/v1/messages/${id}`, states),
    job: (id, ...states) => reached(`/v1/jobs/${id}`, states),
  }
}

export function mailConfig(dataDir: string, port: number, { relay, carriers = [], config }: StandOptions): string {
  const from = 'Clinic <clinic@acme.example>'
  return JSON.stringify({
    dataDir,
    http: { port: 0, adminKey: ADMIN, publicUrl: 'https://m.acme.example' },
    logLevel: 'silent',
    shutdownSeconds: 5,
    carriers: [{ id: 'relay', protocol: 'smtp', host: '127.0.0.1', port, tls: 'none', from, ...relay }, ...carriers],
    ...config,
  })
}
