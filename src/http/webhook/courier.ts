/**
 * Delivers webhooks. For every attempt the URL is checked, its host resolved once, every address checked, and the
 * connection made to one of these addresses and no other; so a name that changes between check and connection gains
 * nothing. Redirects are never followed, certificates always verified, and of an answer only its status counts: its body
 * is read up to a bound, so that the connection can be used again, and dropped. Main thread.
 */
import { Agent, buildConnector, request } from 'undici'
import type { Resolve } from '../../engine/base/resolver.js'
import type { Courier, Delivery, DeliveryAnswer } from '../../engine/contract/webhook-delivery.js'
import { isPublicAddress } from './public-address.js'
import { NOT_PUBLIC, type Receiver, receiverOf, type UrlRules } from './receiver-url.js'
import { retryAfterMs } from './retry-after.js'

const BODY_BYTES = 16 * 1024
const HEAD_BYTES = 16 * 1024
const KEEP_ALIVE_MS = 10_000
const CONNECTIONS = 8
/** A request that sets an endpoint is not kept waiting by a dead name server. */
const CHECK_MS = 2_000

export interface CourierDeps extends UrlRules {
  resolve: Resolve
  timeoutMs: number
  /** Epoch milliseconds: Retry-After may be a date. */
  now(): number
}

/** An endpoint's connections, and the address that the next one is made to. */
interface Line {
  agent: Agent
  address: string
  /** Which of the host's addresses is used: the next one after each failure. */
  turn: number
}

export function createCourier(deps: CourierDeps): Courier {
  return new UndiciCourier(deps)
}

class UndiciCourier implements Courier {
  readonly #deps: CourierDeps
  readonly #lines = new Map<string, Line>()
  readonly #underWay = new Set<Promise<unknown>>()
  #isClosed = false

  constructor(deps: CourierDeps) {
    this.#deps = deps
  }

  refusal(url: string): string | null {
    const receiver = receiverOf(url, this.#deps)
    return typeof receiver === 'string' ? receiver : null
  }

  async resolvedRefusal(url: string): Promise<string | null> {
    const receiver = receiverOf(url, this.#deps)
    if (typeof receiver === 'string') return receiver
    const addresses = await within(this.#addresses(receiver), CHECK_MS).catch(() => [])
    return addresses.every((address) => this.#mayReach(address)) ? null : NOT_PUBLIC
  }

  async #addresses({ host, isLiteral }: Receiver): Promise<string[]> {
    return isLiteral ? [host] : await this.#deps.resolve(host)
  }

  #mayReach(address: string): boolean {
    return this.#deps.allowPrivateAddresses || isPublicAddress(address)
  }

  async deliver(delivery: Delivery): Promise<DeliveryAnswer> {
    if (this.#isClosed) return { kind: 'failed', reason: 'the engine is stopping' }
    const work = this.#attempt(delivery).catch((error: unknown): DeliveryAnswer => {
      return { kind: 'failed', reason: reasonOf(error, this.#deps.timeoutMs) }
    })
    this.#underWay.add(work)
    try {
      return await work
    } finally {
      this.#underWay.delete(work)
    }
  }

  async #attempt({ endpoint, method, url, headers, body }: Delivery): Promise<DeliveryAnswer> {
    const { timeoutMs, now } = this.#deps
    const signal = AbortSignal.timeout(timeoutMs)
    const receiver = receiverOf(url, this.#deps)
    if (typeof receiver === 'string') return { kind: 'failed', reason: `the url ${receiver}` }
    const addresses = await within(this.#addresses(receiver), timeoutMs)
    if (!addresses.every((address) => this.#mayReach(address)))
      return { kind: 'failed', reason: `the url ${NOT_PUBLIC}` }
    const line = this.#line(endpoint)
    line.address = addresses[line.turn % addresses.length]!
    const options = { method, headers, body, signal, dispatcher: line.agent }
    const answer = await request(receiver.url, options).catch((error) => {
      line.turn++
      throw error
    })
    // Whatever becomes of the body, the status was given.
    await answer.body.dump({ limit: BODY_BYTES, signal }).catch(() => {})
    const asked = answer.headers['retry-after']
    return {
      kind: 'answered',
      status: answer.statusCode,
      retryAfterMs: typeof asked === 'string' ? retryAfterMs(asked, now()) : null,
    }
  }

  #line(endpoint: string): Line {
    let line = this.#lines.get(endpoint)
    if (line === undefined) {
      line = this.#open()
      this.#lines.set(endpoint, line)
    }
    return line
  }

  #open(): Line {
    const connect = buildConnector({ timeout: this.#deps.timeoutMs })
    const line = { address: '', turn: 0 } as Line
    line.agent = new Agent({
      connections: CONNECTIONS,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: HEAD_BYTES,
      headersTimeout: this.#deps.timeoutMs,
      bodyTimeout: this.#deps.timeoutMs,
      // The name stays in the Host header and in what the certificate must say; only the connection goes by address.
      connect: (options, callback) => connect({ ...options, hostname: line.address }, callback),
    })
    return line
  }

  forget(endpoint: string): void {
    const line = this.#lines.get(endpoint)
    this.#lines.delete(endpoint)
    line?.agent.close().catch(() => {})
  }

  async close(graceMs: number): Promise<void> {
    this.#isClosed = true
    await within(Promise.allSettled([...this.#underWay]), graceMs).catch(() => {})
    await Promise.all([...this.#lines.values()].map(({ agent }) => agent.destroy()))
    this.#lines.clear()
    await Promise.allSettled([...this.#underWay])
  }
}

/** Rejects when the work takes longer. */
async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException('', 'TimeoutError')), ms)
  })
  try {
    return await Promise.race([work, over])
  } finally {
    clearTimeout(timer)
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was reset',
  UND_ERR_SOCKET: 'the connection was closed before an answer',
  UND_ERR_CONNECT_TIMEOUT: 'no connection could be made in time',
  UND_ERR_HEADERS_TIMEOUT: 'no answer in time',
  UND_ERR_HEADERS_OVERFLOW: 'the head of the answer is too large',
  ETIMEDOUT: 'no connection could be made in time',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the host cannot be reached',
  ENOTFOUND: 'the name of the host does not resolve',
  ENODATA: 'the name of the host does not resolve',
  ESERVFAIL: 'the name of the host does not resolve',
  ETIMEOUT: 'the name of the host does not resolve',
  EREFUSED: 'the name of the host does not resolve',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the receiver does not speak TLS',
  EPROTO: 'the receiver does not speak TLS',
}

/** In our words: an error's own text could carry what the receiver sent. */
function reasonOf(error: unknown, timeoutMs: number): string {
  const { name, code = '' } = error as Error & { code?: string }
  if (name === 'TimeoutError' || name === 'AbortError') return `no answer within ${timeoutMs / 1000} s`
  if (name === 'HTTPParserError') return 'the answer is not HTTP'
  if (typeof code !== 'string') return 'the delivery failed'
  return (
    REASONS[code] ??
    (/CERT|SELF_SIGNED|SIGNATURE|ISSUER/.test(code) ? `the certificate is not valid (${code})` : 'the delivery failed')
  )
}
