/** The receiver of webhooks: verifies every delivery, writes down what it said yes to, and fails as it is told. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { LedgerWriter, nowMicros } from './ledger.js'

/** dead: connections are reset. slow: the answer takes a second. hang: no answer. 500, 429, 410: that is answered. */
export type SinkMode = 'ok' | 'dead' | 'slow' | 'hang' | '500' | '429' | '410'

/** One entry of a delivery that was answered with 204. */
export interface SinkEntry {
  id: string
  state: string
  final: boolean
}
/** A delivery; `status`: what was answered, 0: nothing. Entries of messages.updated alone. */
export interface DeliverySeen {
  e: 'delivery'
  t: number
  account: string
  id: string
  type: string
  status: number
  entries: SinkEntry[]
}
/** One whose signature was wrong, or that could not be read. */
export interface ForgedSeen {
  e: 'forged'
  t: number
  account: string
  id: string
}
export type SinkSeen = DeliverySeen | ForgedSeen

const SLOW_MS = 1_000

export class Sink {
  mode: SinkMode = 'ok'
  /** Deliveries that were answered with 2xx. */
  taken = 0
  readonly ledger: LedgerWriter
  readonly #server: Server
  readonly #secrets = new Map<string, string>()
  readonly #host: string

  constructor(ledgerPath: string, host = '127.0.0.1') {
    this.ledger = new LedgerWriter(ledgerPath)
    this.#host = host
    this.#server = createServer((request, response) => {
      this.#take(request, response).catch(() => response.destroy())
    })
  }

  listen(): Promise<number> {
    return new Promise((resolve) => this.#server.listen(0, this.#host, () => resolve(this.port)))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Where an account's webhook leads, on this host and the port of the sink or of a proxy before it. */
  pathOf(account: string): string {
    return `/hooks/${account}`
  }

  /** Without its secret the deliveries of an account count as forged. */
  setSecret(account: string, secret: string): void {
    this.#secrets.set(account, secret)
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
    this.ledger.close()
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { mode } = this
    if (mode === 'dead') {
      request.socket.resetAndDestroy()
      return
    }
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (mode === 'hang') return
    if (mode === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
    const status = mode === 'ok' || mode === 'slow' ? 204 : Number(mode)
    const account = (request.url ?? '').split('/').at(-1)!
    if (!this.#note(account, { request, body: Buffer.concat(chunks), status })) {
      response.writeHead(400).end()
      return
    }
    if (status === 204) this.taken++
    response.writeHead(status, status === 429 ? { 'retry-after': '1' } : {}).end()
  }

  /** In the ledger before the answer leaves. False: it is not genuine. */
  #note(account: string, got: { request: IncomingMessage; body: Buffer; status: number }): boolean {
    const headers = got.request.headers as Record<string, string>
    const id = String(headers['webhook-id'])
    const body = genuine(this.#secrets.get(account), headers, got.body)
    if (body === null) {
      this.ledger.writeNow({ e: 'forged', t: nowMicros(), account, id } satisfies ForgedSeen)
      return false
    }
    const { type, data } = body
    const entries =
      type === 'messages.updated' ? data.map(({ id, state, final }) => ({ id, state, final: final === true })) : []
    const seen: DeliverySeen = { e: 'delivery', t: nowMicros(), account, id, type, status: got.status, entries }
    this.ledger.writeNow(seen)
    return true
  }
}

interface Body {
  type: string
  data: { id: string; state: string; final?: boolean }[]
}

function genuine(secret: string | undefined, headers: Record<string, string>, body: Buffer): Body | null {
  try {
    return secret === undefined ? null : (new Webhook(secret).verify(body.toString(), headers) as Body)
  } catch {
    return null
  }
}
