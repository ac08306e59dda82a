/**
 * The SIP transport of one carrier (RFC 3261 §18): octets to messages and back over UDP, TCP and TLS; requests noted with
 * where they came from, responses sent there. Dispatcher thread. Nothing here throws for what a peer does: what is no use is
 * counted and dropped.
 */
import type { SipMessage, SipRequest } from '../message/sip-message.js'
import { stampSource, topVia } from '../message/via.js'
import { writeSip } from '../message/write.js'
import type { Fault } from './connection.js'
import { Connections } from './connections.js'
import { Datagrams } from './datagrams.js'
import { Dropped } from './dropped.js'
import { LocalRoute } from './local-route.js'
import { isKeepalive, MessageReader } from './message-reader.js'
import { checkTls } from './tls-identity.js'
import type { LocalAddress, Peer, SipTransport, TransportListener, TransportName } from './transport.js'
import type { SipTransportOptions } from './transport-options.js'

const USUAL_PORT: Readonly<Record<TransportName, number>> = { udp: 5060, tcp: 5060, tls: 5061 }
/** Between two looks at connections and sockets. */
const TICK_MS = 200
const UNSPECIFIED: readonly string[] = ['0.0.0.0', '::']

/** Nothing is opened before `listen`, which rejects also for TLS texts that are no certificate or key. */
export function createSipTransport(options: SipTransportOptions): SipTransport {
  const { localAddress = '' } = options
  return new Transport(UNSPECIFIED.includes(localAddress) ? { ...options, localAddress: undefined } : options)
}

class Transport implements SipTransport {
  readonly #options: SipTransportOptions
  readonly #dropped: Dropped
  readonly #datagrams: Datagrams
  readonly #connections: Connections
  readonly #reader: MessageReader
  readonly #route = new LocalRoute()
  #listener: TransportListener | null = null
  #streamPort = 0
  #tickAt = 0

  constructor(options: SipTransportOptions) {
    this.#options = options
    this.#dropped = new Dropped(options)
    this.#reader = new MessageReader(options, this.#dropped, (response, to) => this.send(response, to))
    this.#datagrams = new Datagrams(options.localAddress, {
      datagram: (bytes, address, port) => this.#received(bytes, { transport: 'udp', address, port }),
      failed: (address, port, why) => this.#failed({ transport: 'udp', address, port }, why),
    })
    this.#connections = new Connections(options, {
      message: (bytes, from) => this.#received(bytes, from),
      lost: (peer, why, fault) => this.#lost(peer, why, fault),
      crowded: (address) => this.#dropped.add('crowded', 'too many connections', address),
      refused: (address, why) => this.#dropped.add('garbage', why, address),
    })
  }

  async listen(listener: TransportListener): Promise<void> {
    const { transport, localPort = 0, tls = {} } = this.#options
    this.#listener = listener
    try {
      if (transport === 'tls') checkTls(tls)
      if (transport !== 'udp') this.#streamPort = await this.#connections.listen(localPort)
      if (transport !== 'tls') await this.#listenForDatagrams(localPort)
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** Beside TCP on the same port (§18.2.1), where that is free. */
  async #listenForDatagrams(localPort: number): Promise<void> {
    try {
      await this.#datagrams.listen(localPort === 0 ? this.#streamPort : localPort)
    } catch (error) {
      if (localPort !== 0 || this.#streamPort === 0) throw error
      await this.#datagrams.listen(0)
    }
  }

  localOf(peer: Peer): LocalAddress {
    const { advertisedAddress, localAddress } = this.#options
    return { host: advertisedAddress ?? localAddress ?? this.#addressTo(peer), port: this.#portFor(peer) }
  }

  #addressTo({ transport, address, port }: Peer): string {
    const local = transport === 'udp' ? this.#datagrams.localOf(address, port) : null
    return local ?? this.#route.to(address, this.#options.clock.monotonic())
  }

  #portFor({ transport }: Peer): number {
    if (transport === 'udp') return this.#datagrams.port
    return this.#streamPort || this.#datagrams.port || this.#options.localPort || USUAL_PORT[transport]
  }

  send(message: SipMessage, to: Peer): void {
    if (this.#listener === null) return
    const bytes = writeSip(message)
    const { tap } = this.#options
    if (tap?.isOn === true) tap.message('out', to, bytes)
    if (to.transport === 'udp') this.#datagrams.send(bytes, to, message.kind === 'request')
    else if (message.kind === 'request') this.#connections.send(bytes, to)
    else if (!this.#connections.sendOver(bytes, to)) this.#connections.send(bytes, sentBy(message, to))
  }

  /** A mistake of ours must not end the thread over a peer's message: it would be sent again. */
  #received(bytes: Buffer, from: Peer): void {
    try {
      this.#handOn(bytes, from)
    } catch (error) {
      this.#options.log.error({ carrier: this.#options.name, error }, 'a SIP message could not be dealt with')
    }
  }

  #handOn(bytes: Buffer, from: Peer): void {
    if (isKeepalive(bytes)) return
    const { tap } = this.#options
    if (tap?.isOn === true) tap.message('in', from, bytes)
    const message = this.#reader.read(bytes, from)
    if (message !== null) this.#listener?.received(message, message.kind === 'request' ? source(message, from) : from)
  }

  #lost(peer: Peer, why: string, fault: Fault): void {
    if (fault !== '') this.#dropped.add(fault, why, peer.address)
    this.#failed(peer, why)
  }

  #failed(peer: Peer, why: string): void {
    try {
      this.#listener?.failed(peer, why)
    } catch (error) {
      this.#options.log.error({ carrier: this.#options.name, error }, 'a lost SIP connection could not be dealt with')
    }
  }

  tick(nowMs: number): void {
    if (nowMs < this.#tickAt) return
    this.#tickAt = nowMs + TICK_MS
    this.#datagrams.tick(nowMs)
    this.#connections.tick(nowMs)
    this.#dropped.tick(nowMs)
    this.#options.tap?.tick?.()
  }

  /** What was sent before still goes out; nothing is received any more. */
  async close(): Promise<void> {
    this.#listener = null
    await Promise.all([this.#datagrams.close(), this.#connections.close()])
  }
}

/**
 * Where the response to a request goes (§18.2.2, RFC 3581 §4). `maddr` is not followed: nobody may make us send where he
 * likes. Over a connection it goes back on that; the port matters once it is closed.
 */
function source(request: SipRequest, from: Peer): Peer {
  stampSource(request.headers, from.address, from.port)
  if (from.transport !== 'udp') return from
  const via = topVia(request.headers)
  if (via === null || via.parameters.has('rport')) return from
  return { ...from, port: via.port || USUAL_PORT.udp }
}

/** The connection of its request is closed: a new one to the port where the far end listens. */
function sentBy(message: SipMessage, to: Peer): Peer {
  return { ...to, port: topVia(message.headers)?.port || USUAL_PORT[to.transport] }
}
