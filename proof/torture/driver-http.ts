/** Requests of a client that does not know whether the server lives: each is one try with an answer, or none. */
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, type Dispatcher, request } from 'undici'

export interface Try {
  key: string
  body?: string | Buffer | AsyncIterable<Buffer>
  type?: string
  idempotencyKey?: string
}

export interface Answered {
  status: number
  text: string
  retryAfterMs: number
}

const TIMEOUT_MS = 15_000
const SURELY_MS = 60_000
const AGAIN_MS = 100

export class Asker {
  /** Requests without an answer. */
  unanswered = 0
  readonly #urlOf: () => string
  readonly #agent = new Agent({
    connections: 64,
    connectTimeout: 5_000,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  })

  /** `urlOf`: where the engine is at this moment; it may move with each start. */
  constructor(urlOf: () => string) {
    this.#urlOf = urlOf
  }

  /** null: the connection broke, or nobody was there; it may have been done all the same. */
  async ask(method: Dispatcher.HttpMethod, path: string, what: Try): Promise<Answered | null> {
    const headers: Record<string, string> = { authorization: `Bearer ${what.key}` }
    if (what.body !== undefined) headers['content-type'] = what.type ?? 'application/json'
    if (what.idempotencyKey !== undefined) headers['idempotency-key'] = what.idempotencyKey
    try {
      const options = {
        method,
        headers,
        body: what.body as Dispatcher.DispatchOptions['body'],
        dispatcher: this.#agent,
      }
      const { statusCode, headers: answered, body } = await request(this.#urlOf() + path, options)
      const text = await body.text()
      return { status: statusCode, text, retryAfterMs: Number(answered['retry-after'] ?? 0) * 1_000 }
    } catch {
      this.unanswered++
      return null
    }
  }

  /** Of an engine that is up: asked again while it is busy. @throws Error when nobody answers for a minute */
  async surely(method: Dispatcher.HttpMethod, path: string, what: Try): Promise<Answered> {
    const askedAt = performance.now()
    for (;;) {
      const answer = await this.ask(method, path, what)
      if (answer !== null && answer.status !== 429 && answer.status !== 503) return answer
      if (performance.now() - askedAt > SURELY_MS)
        throw new Error(`${method} ${path}: ${answer?.status ?? 'no answer'}`)
      await pause(AGAIN_MS)
    }
  }

  /** @throws Error when it is not answered with 200 in the end */
  async get<T>(path: string, key: string): Promise<T> {
    const { status, text } = await this.surely('GET', path, { key })
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`)
    return JSON.parse(text) as T
  }

  /** Line by line; the answer may be of any length. @throws Error when it is not answered, or breaks off */
  async *lines(path: string, key: string): AsyncIterable<string> {
    const options = { headers: { authorization: `Bearer ${key}` }, dispatcher: this.#agent, method: 'GET' } as const
    const { statusCode, body } = await request(this.#urlOf() + path, options)
    if (statusCode !== 200) throw new Error(`GET ${path}: ${statusCode} ${await body.text()}`)
    let rest = ''
    for await (const piece of body.setEncoding('utf8')) {
      const lines = (rest + piece).split('\n')
      rest = lines.pop()!
      yield* lines
    }
    if (rest !== '') yield rest
  }

  /** All items of a list. */
  async *items<T>(path: string, key: string): AsyncIterable<T> {
    const join = path.includes('?') ? '&' : '?'
    let cursor: string | null = ''
    while (cursor !== null) {
      const at: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
      const page: { items: T[]; nextCursor: string | null } = await this.get(`${path}${join}limit=200${at}`, key)
      yield* page.items
      cursor = page.nextCursor
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }
}
