/**
 * SIP over UDP (RFC 3261 §18): one port. It is served by one socket that hears everybody, and by one for each far end that
 * we send requests to: connected, so that the system tells which address of ours is used and that nobody listens there
 * (ICMP). Dispatcher thread.
 *
 * A message larger than 1300 octets goes out all the same, in fragments: see docs/decisions on why not over TCP.
 */
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { connectionProblem } from '../../engine/base/connection-problem.js'
import { plainAddress } from './connections.js'

/** Far ends with a socket of their own; to others it is sent by the common one. */
const FLOWS_MOST = 64
const FLOW_IDLE_MS = 300_000
const RECEIVE_BYTES = 1 << 20
/** Somebody else may take a port that was just found free. */
const ANY_PORT_TRIES = 5
/** What the system does not take at once waits, up to so much; more is lost as it would be on the way. */
const QUEUED_BYTES_MOST = 4 << 20

export interface DatagramEvents {
  datagram(bytes: Buffer, address: string, port: number): void
  /** Later than the call that it comes of. */
  failed(address: string, port: number, why: string): void
}

interface Flow {
  socket: Socket
  address: string
  port: number
  usedAtMs: number
}

export class Datagrams {
  readonly #localAddress: string | undefined
  readonly #events: DatagramEvents
  readonly #flows = new Map<string, Flow>()
  #common: Socket | null = null
  #port = 0
  #nowMs = 0

  constructor(localAddress: string | undefined, events: DatagramEvents) {
    this.#localAddress = localAddress
    this.#events = events
  }

  get port(): number {
    return this.#port
  }

  /** Rejects when the port is in use. Resolves to the port. */
  async listen(port: number): Promise<number> {
    const address = this.#localAddress
    if (address !== undefined) return await this.#open(port, isIPv6(address) ? 'udp6' : 'udp4')
    try {
      return await this.#open(port, 'udp6')
    } catch (error) {
      // No IPv6 on this machine.
      if (!['EAFNOSUPPORT', 'EADDRNOTAVAIL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      return await this.#open(port, 'udp4')
    }
  }

  /**
   * The sockets of far ends share the port, and whoever may share it could take it from another: so it is first taken
   * alone, which shows that it is free.
   */
  async #open(port: number, type: 'udp4' | 'udp6'): Promise<number> {
    for (let tries = port === 0 ? ANY_PORT_TRIES : 1; ; tries--) {
      try {
        return await this.#openOnce(port, type)
      } catch (error) {
        if (tries <= 1 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
      }
    }
  }

  async #openOnce(port: number, type: 'udp4' | 'udp6'): Promise<number> {
    const alone = createSocket({ type })
    const free = await bound(alone, port, this.#localAddress)
    await new Promise<void>((resolve) => alone.close(() => resolve()))
    const socket = this.#newSocket(type)
    this.#port = await bound(socket, free, this.#localAddress)
    // An error of the common socket says nothing about any one far end.
    socket.on('error', () => {})
    this.#common = socket
    return this.#port
  }

  #newSocket(type: 'udp4' | 'udp6'): Socket {
    const socket = createSocket({ type, reuseAddr: true, recvBufferSize: RECEIVE_BYTES, lookup })
    socket.on('message', (bytes: Buffer, { address, port }: RemoteInfo) =>
      this.#events.datagram(bytes, plainAddress(address), port),
    )
    return socket
  }

  /** Address of ours by which it is reached; null: it has no socket of its own. */
  localOf(address: string, port: number): string | null {
    const flow = this.#flowTo(address, port)
    return typeof flow === 'string' || flow === null ? null : plainAddress(flow.socket.address().address)
  }

  /** Responses go by the common socket: they are not worth one of their own. */
  send(bytes: Buffer, to: { address: string; port: number }, isRequest: boolean): void {
    const { address, port } = to
    const flow = isRequest ? this.#flowTo(address, port) : (this.#flows.get(keyOf(address, port)) ?? null)
    if (typeof flow === 'string') this.#fail(address, port, flow)
    else if (flow !== null) {
      flow.usedAtMs = this.#nowMs
      this.#write(flow.socket, bytes, to, true)
    } else if (this.#common !== null) this.#write(this.#common, bytes, to, false)
  }

  #write(socket: Socket, bytes: Buffer, { address, port }: { address: string; port: number }, isFlow: boolean): void {
    if (socket.getSendQueueSize() > QUEUED_BYTES_MOST) return
    const sent = (error: Error | null): void => {
      if (error !== null) this.#fail(address, port, connectionProblem(error))
    }
    try {
      if (isFlow) socket.send(bytes, sent)
      else socket.send(bytes, port, this.#written(address), sent)
    } catch (error) {
      this.#fail(address, port, connectionProblem(error as Error))
    }
  }

  /** As the common socket takes it. */
  #written(address: string): string {
    const isSix = this.#common?.address().family === 'IPv6'
    return isSix && !isIPv6(address) ? `::ffff:${address}` : address
  }

  /** Why there is none; null: there are too many. */
  #flowTo(address: string, port: number): Flow | string | null {
    if (this.#common === null) return 'our side is not open'
    const known = this.#flows.get(keyOf(address, port))
    if (known !== undefined) return known
    if (this.#flows.size >= FLOWS_MOST) return null
    const socket = this.#newSocket(isIPv6(address) ? 'udp6' : 'udp4')
    const flow = { socket, address, port, usedAtMs: this.#nowMs }
    socket.on('error', (error) => this.#flowFailed(flow, error))
    try {
      // With a look-up that answers at once, both are done when they return.
      socket.bind(this.#port, this.#localAddress)
      socket.connect(port, address)
      socket.address()
    } catch (error) {
      socket.close()
      return connectionProblem(error as Error)
    }
    this.#flows.set(keyOf(address, port), flow)
    return flow
  }

  /** ECONNREFUSED is ICMP's word that nobody listens there, and the socket goes on; after any other it is made anew. */
  #flowFailed(flow: Flow, error: NodeJS.ErrnoException): void {
    if (error.code !== 'ECONNREFUSED') this.#drop(flow)
    this.#fail(flow.address, flow.port, connectionProblem(error))
  }

  #fail(address: string, port: number, why: string): void {
    queueMicrotask(() => this.#events.failed(address, port, why))
  }

  #drop(flow: Flow): void {
    const key = keyOf(flow.address, flow.port)
    if (this.#flows.get(key) !== flow) return
    this.#flows.delete(key)
    flow.socket.close()
  }

  tick(nowMs: number): void {
    this.#nowMs = nowMs
    for (const flow of this.#flows.values()) if (nowMs - flow.usedAtMs >= FLOW_IDLE_MS) this.#drop(flow)
  }

  async close(): Promise<void> {
    for (const flow of [...this.#flows.values()]) this.#drop(flow)
    const socket = this.#common
    this.#common = null
    if (socket !== null) await new Promise<void>((resolve) => socket.close(() => resolve()))
  }
}

/** Only addresses come here: they are answered at once, which makes `bind` and `connect` take effect at once. */
const lookup: SocketOptions['lookup'] = (address, _options, done) => done(null, address, isIPv6(address) ? 6 : 4)

function bound(socket: Socket, port: number, address: string | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, address, () => {
      socket.removeListener('error', reject)
      resolve(socket.address().port)
    })
  })
}

function keyOf(address: string, port: number): string {
  return `${address} ${port}`
}
