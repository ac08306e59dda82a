/**
 * The TCP and TLS connections of one carrier (RFC 3261 §18): opened when there is something to send, used again while they
 * are open, and taken from far ends that bring a request of their own. Dispatcher thread.
 *
 * A connection is known by its far end, and one over TLS also by the name that was verified: what is meant for one name
 * never goes over a connection that was verified for another.
 */
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls'
import { Connection, type ConnectionEvents, type Fault } from './connection.js'
import { clientTls, serverTls } from './tls-identity.js'
import type { Peer } from './transport.js'
import type { SipTransportOptions } from './transport-options.js'

/** Connections that far ends opened, and such that we opened. */
const MOST = 256
/** From the end of a connection to the end of what it still has to write. */
const LEAVE_MS = 1_000

export interface ConnectionsEvents {
  /** Valid during the call only. `from`: the far end of its connection. */
  message(bytes: Buffer, from: Peer): void
  /** Later than the call that it comes of. */
  lost(peer: Peer, why: string, fault: Fault): void
  /** A connection was given up for a newer one. */
  crowded(address: string): void
  /** What came to the listening socket was nobody whom it lets in. */
  refused(address: string, why: string): void
}

export class Connections {
  readonly #options: SipTransportOptions
  readonly #events: ConnectionsEvents
  readonly #own: ConnectionEvents
  readonly #open = new Map<string, Connection>()
  #inbound = 0
  #leaving: { connection: Connection; byMs: number }[] = []
  #server: Server | null = null

  constructor(options: SipTransportOptions, events: ConnectionsEvents) {
    this.#options = options
    this.#events = events
    this.#own = {
      message: (bytes, { peer }) => events.message(bytes, peer),
      closed: (connection, why, fault) => this.#closed(connection, why, fault),
    }
  }

  get size(): number {
    return this.#open.size
  }

  /** Resolves to the port; 0: nobody can be let in, since TLS needs a certificate of ours. */
  async listen(port: number): Promise<number> {
    const { localAddress, tls = {}, transport } = this.#options
    const secure = transport === 'tls' ? serverTls(tls) : null
    if (transport === 'tls' && secure === null) return 0
    const server =
      secure === null
        ? createServer((socket) => this.#accept(socket))
        : createTlsServer(secure, (socket) => this.#acceptTls(socket))
    server.maxConnections = 2 * MOST
    server.on('tlsClientError', (error, socket) => {
      this.#events.refused(socket.remoteAddress ?? '', error.message)
      socket.destroy()
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port, ...(localAddress === undefined ? {} : { host: localAddress }) }, () => resolve())
    })
    server.removeAllListeners('error')
    server.on('error', (error) => this.#events.refused('', error.message))
    this.#server = server
    return (server.address() as { port: number }).port
  }

  /** False: there is no open connection to it. */
  sendOver(bytes: Buffer, to: Peer): boolean {
    const connection = this.#open.get(keyOf(to))
    connection?.send(bytes)
    return connection !== undefined
  }

  /** Opens a connection where there is none. */
  send(bytes: Buffer, to: Peer): void {
    if (this.sendOver(bytes, to)) return
    const problem = this.#open.size - this.#inbound >= MOST ? 'too many connections are open' : ''
    const made = problem === '' ? this.#connect(to) : problem
    if (typeof made === 'string') queueMicrotask(() => this.#events.lost(to, made, ''))
    else made.send(bytes)
  }

  /** Or why it cannot be tried. */
  #connect(to: Peer): Connection | string {
    const { localAddress, tls = {} } = this.#options
    const target = { host: to.address, port: to.port, ...(localAddress === undefined ? {} : { localAddress }) }
    let opened = (): void => {}
    let socket: Socket
    try {
      socket =
        to.transport === 'tls'
          ? tlsConnect({ ...target, ...clientTls(tls, to) }, () => opened())
          : netConnect(target, () => opened())
    } catch (error) {
      return (error as Error).message
    }
    const connection = new Connection(socket, to, false, { events: this.#own, clock: this.#options.clock })
    opened = () => connection.opened()
    this.#open.set(keyOf(to), connection)
    return connection
  }

  /** Whoever shows a certificate shows one that verifies; to show none is no crime, and opens nothing but a call's own doors. */
  #acceptTls(socket: TLSSocket): void {
    const hasCertificate = Object.keys(socket.getPeerCertificate()).length > 0
    if (socket.authorized || !hasCertificate) this.#accept(socket)
    else {
      this.#events.refused(socket.remoteAddress ?? '', String(socket.authorizationError))
      socket.destroy()
    }
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy()
      return
    }
    if (this.#inbound >= MOST) this.#giveUpOne()
    const { transport, clock } = this.#options
    const peer: Peer = { transport, address: plainAddress(remoteAddress), port: remotePort }
    const connection = new Connection(socket, peer, true, { events: this.#own, clock })
    this.#inbound++
    this.#open.set(keyOf(peer), connection)
  }

  /** The one that was of use the longest time ago, first of those that never were: a stranger cannot take all places. */
  #giveUpOne(): void {
    let least: Connection | null = null
    for (const each of this.#open.values()) {
      if (!each.isInbound) continue
      if (least === null || usefulness(each) < usefulness(least)) least = each
    }
    if (least === null) return
    this.#events.crowded(least.peer.address)
    least.close('another one took its place')
  }

  #closed(connection: Connection, why: string, fault: Fault): void {
    const key = keyOf(connection.peer)
    if (this.#open.get(key) === connection) this.#open.delete(key)
    if (connection.isInbound) this.#inbound--
    this.#leaving.push({ connection, byMs: this.#options.clock.monotonic() + LEAVE_MS })
    queueMicrotask(() => this.#events.lost(connection.peer, why, fault))
  }

  tick(nowMs: number): void {
    for (const connection of this.#open.values()) connection.tick(nowMs)
    if (this.#leaving.length === 0) return
    for (const { connection, byMs } of this.#leaving) if (nowMs >= byMs) connection.destroy()
    this.#leaving = this.#leaving.filter(({ byMs }) => nowMs < byMs)
  }

  async close(): Promise<void> {
    const server = this.#server
    this.#server = null
    const closed = server === null ? null : new Promise<void>((resolve) => server.close(() => resolve()))
    for (const connection of [...this.#open.values()]) connection.close('our side is closed')
    // What was written last, such as the BYE of a call, goes out with this turn of the loop; nothing is waited for.
    await new Promise<void>((resolve) => setImmediate(resolve))
    for (const { connection } of this.#leaving) connection.destroy()
    this.#leaving = []
    await closed
  }
}

function keyOf({ transport, address, port, serverName = '' }: Peer): string {
  return `${transport} ${address} ${port} ${serverName}`
}

function usefulness({ isKnown, usedAtMs }: Connection): number {
  return isKnown ? usedAtMs : usedAtMs - Number.MAX_SAFE_INTEGER
}

/** IPv4 as it is written, also where it came in by a socket of IPv6. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
