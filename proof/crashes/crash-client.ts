/** Requests to an engine that may die before it answers; whoever gets no answer asks again, as a client would. */
import { ADMIN_KEY, type EngineUnderTest } from '../torture/engine-under-test.js'

/** The engine answered, and said no. */
export class Refused extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, text: string) {
    super(`${status}: ${text}`)
    this.status = status
    this.code = (JSON.parse(text) as { code?: string }).code ?? ''
  }
}

export interface AskOptions {
  body?: object | Uint8Array
  /** Of a body of octets; default text/csv. */
  type?: string
  /** Idempotency-Key. */
  once?: string
  /** Default: that of the account. */
  key?: string
}

export class CrashClient {
  /** Of the account; that of the admin until there is one. */
  key = ADMIN_KEY
  readonly #engine: EngineUnderTest

  constructor(engine: EngineUnderTest) {
    this.#engine = engine
  }

  /** null: the engine died before it answered, or has not come back yet. @throws Refused. */
  async ask<T>(method: string, path: string, options: AskOptions = {}): Promise<T | null> {
    let answer: Response
    let text: string
    try {
      answer = await fetch(this.#engine.url + path, this.#request(method, options))
      text = await answer.text()
    } catch {
      return null
    }
    if (!answer.ok) throw new Refused(answer.status, text)
    return (text === '' ? {} : JSON.parse(text)) as T
  }

  /** Of an engine that is not to die. @throws Refused, and where there is no answer. */
  async get<T>(path: string, key?: string): Promise<T> {
    const answer = await this.ask<T>('GET', path, { key })
    if (answer === null) throw new Error(`${path} was not answered`)
    return answer
  }

  /** All pages of a list. */
  async all<T>(path: string, key?: string): Promise<T[]> {
    const items: T[] = []
    const sign = path.includes('?') ? '&' : '?'
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = `${sign}limit=200${cursor === '' ? '' : `&cursor=${cursor}`}`
      const page: { items: T[]; nextCursor: string | null } = await this.get(path + query, key)
      items.push(...page.items)
      cursor = page.nextCursor
    }
    return items
  }

  #request(method: string, { body, type = 'text/csv', once, key = this.key }: AskOptions): RequestInit {
    const isOctets = body instanceof Uint8Array
    const headers: Record<string, string> = { authorization: `Bearer ${key}` }
    if (key === ADMIN_KEY) headers['trunkline-account'] = 'acme'
    if (body !== undefined) headers['content-type'] = isOctets ? type : 'application/json'
    if (once !== undefined) headers['idempotency-key'] = once
    return {
      method,
      headers,
      body: isOctets ? new Uint8Array(body) : body === undefined ? undefined : JSON.stringify(body),
    }
  }
}
