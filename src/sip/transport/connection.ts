/**
 * One connection over TCP or TLS (RFC 3261 §18), opened by us or by the far end: messages in and out, and the keepalives of
 * RFC 5626 §3.5.1. Dispatcher thread; time comes by `tick`.
 *
 * A ping is sent when nothing went over it for a while, so that firewalls keep it open. A far end that has answered one
 * and then answers no more is gone; of one that never did nothing is concluded.
 */
import type { Socket } from 'node:net'
import { connectionProblem } from '../../engine/base/connection-problem.js'
import type { Clock } from '../../engine/contract/clock.js'
import { StreamFramer } from './framer.js'
import type { Peer } from './transport.js'

/** What the far end did wrong: garbage: it sent no SIP; slow: it sent nothing, or reads nothing; '': nothing. */
export type Fault = 'garbage' | 'slow' | ''

export interface ConnectionEvents {
  /** A whole message, valid during the call only. */
  message(bytes: Buffer, connection: Connection): void
  /** Once, and the last. */
  closed(connection: Connection, why: string, fault: Fault): void
}

const CONNECT_MS = 4_000
/** A connection of somebody else's that has brought no message by then is no use. */
const FIRST_MESSAGE_MS = 10_000
/** Longer than a call: its BYE may come over the connection of its INVITE. */
const IDLE_MS = 3_900_000
const PING_MS = 25_000
const PONG_MS = 10_000
/** Halves of a ping come together. */
const HALF_PING_MS = 1_000
/** Octets that may wait for the connection to open, or for the far end to read. */
const QUEUED_BYTES_MOST = 1 << 20

const PING = Buffer.from('\r\n\r\n')
const PONG = Buffer.from('\r\n')

export class Connection {
  readonly peer: Peer
  /** The far end opened it. */
  readonly isInbound: boolean
  /** Monotonic ms of its last message, in or out. */
  usedAtMs: number
  /** Has brought a message. */
  isKnown = false
  readonly #socket: Socket
  readonly #events: ConnectionEvents
  readonly #clock: Clock
  readonly #framer: StreamFramer
  readonly #openedAtMs: number
  #queue: Buffer[] = []
  #queuedBytes = 0
  #isOpen: boolean
  #isClosed = false
  #lastOctetsMs: number
  /** When a ping went out that is not answered; 0: none. */
  #pingAtMs = 0
  #answersPings = false
  #halfPingAtMs = Number.NEGATIVE_INFINITY

  constructor(socket: Socket, peer: Peer, isInbound: boolean, { events, clock }: ConnectionParts) {
    this.#socket = socket
    this.peer = peer
    this.isInbound = isInbound
    this.#events = events
    this.#clock = clock
    this.#openedAtMs = clock.monotonic()
    this.#lastOctetsMs = this.#openedAtMs
    this.usedAtMs = this.#openedAtMs
    this.#isOpen = isInbound
    this.#framer = new StreamFramer({
      message: (bytes) => this.#received(bytes),
      ping: () => this.#pinged(),
      pong: () => this.#ponged(),
    })
    this.#listen()
  }

  #listen(): void {
    const socket = this.#socket
    let why = 'the connection was closed by the far end'
    socket.setNoDelay(true)
    socket.on('error', (error) => {
      why = connectionProblem(error, 'tlsOptions')
    })
    socket.on('end', () => this.close(why))
    socket.on('close', () => this.close(why))
    socket.on('data', (chunk: Buffer) => {
      this.#lastOctetsMs = this.#clock.monotonic()
      const problem = this.#framer.push(chunk)
      if (problem !== '') this.close(problem, 'garbage')
    })
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** It can be written to: TLS has verified the far end. */
  opened(): void {
    if (this.#isClosed) return
    this.#isOpen = true
    this.#lastOctetsMs = this.#clock.monotonic()
    for (const bytes of this.#queue) this.#socket.write(bytes)
    this.#queue = []
    this.#queuedBytes = 0
  }

  /** Queued until it is open. Too much for one that opens or reads too slowly ends it. */
  send(bytes: Buffer): void {
    if (this.#isClosed) return
    this.usedAtMs = this.#clock.monotonic()
    if (this.#isOpen) this.#write(bytes)
    else {
      this.#queue.push(bytes)
      this.#queuedBytes += bytes.length
    }
    if (this.#queuedBytes > QUEUED_BYTES_MOST) this.close('the connection does not open in time')
  }

  #write(bytes: Buffer): void {
    if (this.#isClosed) return
    this.#lastOctetsMs = this.#clock.monotonic()
    this.#socket.write(bytes)
    if (this.#socket.writableLength > QUEUED_BYTES_MOST) this.close('the far end does not read what it is sent', 'slow')
  }

  #received(bytes: Buffer): void {
    this.isKnown = true
    this.usedAtMs = this.#lastOctetsMs
    this.#pingAtMs = 0
    this.#events.message(bytes, this)
  }

  #pinged(): void {
    this.#pingAtMs = 0
    this.#write(PONG)
  }

  /** CRLF. Two of them in short order that nobody asked for are a ping whose halves came apart. */
  #ponged(): void {
    if (this.#pingAtMs > 0) {
      this.#pingAtMs = 0
      this.#answersPings = true
      return
    }
    const nowMs = this.#lastOctetsMs
    const isSecondHalf = nowMs - this.#halfPingAtMs < HALF_PING_MS
    this.#halfPingAtMs = isSecondHalf ? Number.NEGATIVE_INFINITY : nowMs
    if (isSecondHalf) this.#write(PONG)
  }

  tick(nowMs: number): void {
    if (this.#isClosed) return
    if (!this.#isOpen) {
      if (nowMs - this.#openedAtMs >= CONNECT_MS) this.close(`no connection within ${CONNECT_MS / 1000} s`)
      return
    }
    if (this.isInbound && !this.isKnown && nowMs - this.#openedAtMs >= FIRST_MESSAGE_MS) {
      this.close('it brought no message', 'slow')
    } else if (nowMs - this.usedAtMs >= IDLE_MS) this.close('it was idle')
    else this.#keepAlive(nowMs)
  }

  #keepAlive(nowMs: number): void {
    if (this.#pingAtMs > 0 && this.#answersPings && nowMs - this.#pingAtMs >= PONG_MS) {
      this.close('the far end answers no keepalive any more')
      return
    }
    // Whoever opened it keeps it open.
    if (this.isInbound || nowMs - this.#lastOctetsMs < PING_MS) return
    this.#write(PING)
    if (this.#pingAtMs === 0) this.#pingAtMs = nowMs
  }

  /** Whatever it still has to write. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** What was written before still goes out, if it is read soon: whoever is told of it ends the wait by `destroy`. */
  close(why: string, fault: Fault = ''): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#framer.stop()
    this.#queue = []
    if (this.#isOpen && fault === '') this.#socket.destroySoon()
    else this.#socket.destroy()
    this.#events.closed(this, why, fault)
  }
}

export interface ConnectionParts {
  events: ConnectionEvents
  clock: Clock
}
