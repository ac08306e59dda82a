/**
 * How much of the engine requests may take at once: refused as soon as the key is known, before anything of a body is read, and
 * the cheapest to refuse first. What an account has too much of by itself is 429, what the engine has no more of is 503; both
 * say when to come again. Health, metrics, and what an admin does about it are let in beside all others. Main thread.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../../engine/config/schema.js'
import { EngineError } from '../../engine/contract/errors.js'
import { limits } from '../../engine/contract/limits.js'
import type { Counter, Gauge, Metrics } from '../../engine/contract/metrics.js'
import { type Connection, Connections } from './connections.js'
import { ReadTurns } from './read-turns.js'
import { Share, type Taken } from './share.js'
import { newTicket, type Ticket } from './ticket.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered also when the engine has all it can take: health, metrics, and what an admin does about it. */
    vital?: boolean
    /** The answer is a stream of any length. */
    download?: boolean
  }
  interface FastifyRequest {
    ticket: Ticket | null
  }
}

/** Of these, so many are open to anybody without a key. */
const NOBODY = ':open'
const ADMIN = ':admin'
const RETRY_SECONDS = 1
const RETRY_TRANSFER_SECONDS = 10
/** A body that is taken also when memory is scarce. */
const SMALL_BYTES = 16_384
/** Reading is refused from here on: what is sent goes before what is looked at. */
const READS_SHARE = 0.75

const OVERFLOW = JSON.stringify({
  type: 'urn:trunkline:problem:RATE_LIMITED',
  title: 'Too many requests for this key; wait as long as Retry-After says.',
  status: 429,
  code: 'RATE_LIMITED',
  detail: `more than ${limits.pipelined} requests of one connection wait for their answers; read these first`,
})

export interface LoadOptions {
  bounds: Config['http']['limits']
  metrics: Metrics
  /** Monotonic milliseconds. */
  now(): number
  /** Octets that bodies may take at once. */
  bodyBytes: number
  /** Of octets there are too few free. */
  isScarce(): boolean
}

export class LoadGate {
  readonly connections: Connections
  readonly #options: LoadOptions
  readonly #requests: Share
  readonly #vital = new Share(limits.vitalRequests, limits.vitalRequests)
  readonly #bodies: Share
  readonly #uploads: Share
  readonly #downloads = new Share(limits.downloads, limits.downloadsPerAccount)
  readonly #turns = new ReadTurns(limits.readsAtOnce)
  #answerBytes = 0
  readonly #gauges: { connections: Gauge; requests: Gauge; bodies: Gauge; answers: Gauge }
  readonly #dropped = new Map<string, Counter>()

  constructor(options: LoadOptions) {
    const { bounds, bodyBytes, metrics, now } = options
    this.#options = options
    this.#requests = new Share(bounds.requests, bounds.requestsPerAccount)
    this.#bodies = new Share(bodyBytes, Math.ceil((bodyBytes * 3) / 4))
    this.#uploads = new Share(bounds.uploads, bounds.uploadsPerAccount)
    this.#gauges = {
      connections: metrics.gauge('trunkline_http_connections'),
      requests: metrics.gauge('trunkline_http_requests_open'),
      bodies: metrics.gauge('trunkline_http_body_bytes'),
      answers: metrics.gauge('trunkline_http_answer_bytes'),
    }
    this.connections = new Connections(bounds.connections, now, {
      changed: (open) => this.#gauges.connections.set(open),
      closed: (connection) => this.#closed(connection),
      dropped: (reason) => this.dropped(reason),
    })
  }

  /** A connection that was closed, by why. */
  dropped(reason: string): void {
    let counter = this.#dropped.get(reason)
    if (counter === undefined) {
      counter = this.#options.metrics.counter('trunkline_http_connections_dropped_total', { reason })
      this.#dropped.set(reason, counter)
    }
    counter.add(1)
  }

  get answerBytes(): number {
    return this.#answerBytes
  }

  /** The head of a request is there. False: it is not heard, and what there is to say was said. */
  begin(request: FastifyRequest, reply: FastifyReply): boolean {
    const connection = this.connections.of(request.raw.socket)
    if (connection.open.size >= limits.pipelined || connection.unheard > 0) {
      reply.hijack()
      if (connection.unheard++ === 0) overflow(reply)
      else if (connection.unheard > limits.pipelined) connection.socket.destroy()
      return false
    }
    const ticket = newTicket(connection, request.raw)
    request.ticket = ticket
    connection.open.add(ticket)
    reply.raw.once('close', () => this.#gone(ticket))
    return true
  }

  /** Who asks is known. @returns why it is refused; null: it is let in. */
  admit(request: FastifyRequest): EngineError | null {
    const { ticket, principal, routeOptions } = request
    if (ticket === null) return null
    const { config } = routeOptions
    ticket.holder = principal === null ? NOBODY : principal.kind === 'admin' ? ADMIN : principal.account
    const isVital = config.vital === true && (principal === null || isAdmin(request))
    if (isVital) return this.#count(ticket, 'vital', this.#vital.take(ticket.holder))
    const refusal = this.#refused(request) ?? this.#count(ticket, 'requests', this.#requests.take(ticket.holder))
    if (refusal !== null) return refusal
    if (config.streams && request.mediaType !== 'application/json' && request.method !== 'GET') {
      const taken = this.#uploads.take(ticket.holder)
      ticket.isUpload = taken === 'taken'
      if (!ticket.isUpload) return tooMuch('uploads', taken, 'uploads under way', RETRY_TRANSFER_SECONDS)
    }
    if (config.download) {
      const taken = this.#downloads.take(ticket.holder)
      ticket.isDownload = taken === 'taken'
      if (!ticket.isDownload) return tooMuch('downloads', taken, 'downloads under way', RETRY_TRANSFER_SECONDS)
    }
    return null
  }

  /** For what only looks: `begin` when its turn has come, with an error if nobody waits any more. All else begins at once. */
  inTurn({ ticket, method }: FastifyRequest, begin: (error?: EngineError) => void): void {
    if (ticket?.counted !== 'requests' || (method !== 'GET' && method !== 'HEAD')) {
      begin()
      return
    }
    const waiter = {
      begin: () => {
        ticket.hasTurn = true
        begin(ticket.isGone ? new EngineError('BAD_REQUEST', 'nobody waits for the answer any more') : undefined)
      },
    }
    this.#turns.take(ticket.holder, waiter)
  }

  #refused({ method }: FastifyRequest): EngineError | null {
    if (method !== 'GET' && method !== 'HEAD') return null
    if (this.#options.isScarce()) return overloaded('memory', 'octets in memory')
    if (this.#answerBytes > limits.answerBytes) return overloaded('answers', 'answers that nobody reads')
    const isFull = this.#requests.inUse >= this.#options.bounds.requests * READS_SHARE
    return isFull ? overloaded('requests', 'requests under way') : null
  }

  #count(ticket: Ticket, counted: 'requests' | 'vital', taken: Taken): EngineError | null {
    if (taken !== 'taken') return tooMuch('requests', taken, 'requests under way', RETRY_SECONDS)
    ticket.counted = counted
    this.#gauges.requests.set(this.#requests.inUse + this.#vital.inUse)
    return null
  }

  /** A body that is read as a whole begins. `bytesMax`: of this route. */
  bodyBegins(request: FastifyRequest, bytesMax: number): EngineError | null {
    const { ticket } = request
    const length = request.headers['content-length']
    const isBody = length !== undefined || request.headers['transfer-encoding'] !== undefined
    if (ticket === null || !isBody || ticket.counted === 'vital') return null
    const bytes = Math.min(length === undefined ? bytesMax : Number(length), bytesMax)
    if (bytes > SMALL_BYTES && this.#options.isScarce()) return overloaded('memory', 'octets in memory')
    const taken = this.#bodies.take(ticket.holder, bytes)
    if (taken !== 'taken') return tooMuch('bodies', taken, 'octets of bodies under way', RETRY_SECONDS)
    ticket.bodyBytes = bytes
    ticket.bodyFrom = ticket.connection.socket.bytesRead
    this.#gauges.bodies.set(this.#bodies.inUse)
    return null
  }

  /** It is there as a whole: of one without a length it is known only now. */
  bodyRead({ ticket, headers }: FastifyRequest): void {
    if (ticket === null || ticket.bodyBytes === 0 || headers['content-length'] !== undefined) return
    const rest = ticket.bodyBytes - (ticket.connection.socket.bytesRead - ticket.bodyFrom)
    if (rest <= 0) return
    this.#giveBody(ticket, rest)
  }

  #giveBody(ticket: Ticket, bytes: number): void {
    ticket.bodyBytes -= bytes
    this.#bodies.give(ticket.holder, bytes)
    this.#gauges.bodies.set(this.#bodies.inUse)
  }

  /** The work is done, and this is what is sent. */
  answered({ ticket }: FastifyRequest, payload: unknown): void {
    if (ticket === null || ticket.isAnswered) return
    ticket.isAnswered = true
    if (ticket.hasTurn) this.#turns.end()
    if (ticket.bodyBytes > 0) this.#giveBody(ticket, ticket.bodyBytes)
    if (typeof payload === 'string' || payload instanceof Uint8Array) {
      ticket.answerBytes = payload.length
      this.#addAnswer(payload.length)
    }
    if (ticket.isGone) this.#release(ticket)
  }

  #addAnswer(bytes: number): void {
    this.#answerBytes += bytes
    this.#gauges.answers.set(this.#answerBytes)
  }

  #closed(connection: Connection): void {
    for (const ticket of connection.open) this.#gone(ticket)
  }

  #gone(ticket: Ticket): void {
    if (ticket.isGone) return
    ticket.isGone = true
    const { connection } = ticket
    connection.open.delete(ticket)
    if (connection.open.size === 0) connection.idleSinceMs = this.#options.now()
    if (ticket.isAnswered) this.#release(ticket)
  }

  /** Somebody who went away keeps what his work still takes. */
  #release(ticket: Ticket): void {
    const { holder } = ticket
    if (ticket.answerBytes > 0) this.#addAnswer(-ticket.answerBytes)
    ticket.answerBytes = 0
    if (ticket.counted === 'requests') this.#requests.give(holder)
    if (ticket.counted === 'vital') this.#vital.give(holder)
    ticket.counted = null
    this.#gauges.requests.set(this.#requests.inUse + this.#vital.inUse)
    if (ticket.isUpload) this.#uploads.give(holder)
    ticket.isUpload = false
    if (ticket.isDownload) this.#downloads.give(holder)
    ticket.isDownload = false
  }
}

/** The admin itself, also where it acts for an account. */
function isAdmin({ principal }: FastifyRequest): boolean {
  return principal?.kind === 'admin' || principal?.key === 'admin'
}

function tooMuch(bound: string, taken: Taken, what: string, retryAfterSeconds: number): EngineError {
  if (taken === 'all') return overloaded(bound, what, retryAfterSeconds)
  const detail = `this account has as many ${what} as it may; wait for some of them`
  return new EngineError('RATE_LIMITED', detail, { members: { bound }, retryAfterSeconds })
}

function overloaded(bound: string, what: string, retryAfterSeconds = RETRY_SECONDS): EngineError {
  const detail = `the engine has as many ${what} as it can take; come again`
  return new EngineError('OVERLOADED', detail, { members: { bound }, retryAfterSeconds })
}

/** Without a word to the rest of the server: there may be thousands behind it in the same packet. */
function overflow({ raw }: FastifyReply): void {
  raw
    .writeHead(429, {
      'content-type': 'application/problem+json; charset=utf-8',
      'content-length': Buffer.byteLength(OVERFLOW),
      'retry-after': '1',
      connection: 'close',
    })
    .end(OVERFLOW)
}
