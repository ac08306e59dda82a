/**
 * The sockets of the simulated gateway (RFC 3261 §18.2): datagrams, or a server of connections whose messages are cut by their
 * Content-Length (§18.3). Whoever asks for an answer is known by the flow that its request came on.
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, connect as tlsConnect } from 'node:tls'
import { afterBlankLines, headEnd } from '../message/parse.js'
import type { GatewayOptions } from './gateway-options.js'

/** One way to a far end: a place to send datagrams to, or a connection. */
export interface Flow {
  readonly isReliable: boolean
  readonly address: string
  readonly port: number
  /** False once its connection is closed. */
  readonly isOpen: boolean
  send(bytes: Buffer): void
}

export interface SocketsListener {
  /** Octets that should be one message. */
  received(bytes: Buffer, flow: Flow): void
}

const MESSAGE_MAX = 65_536

export class GatewaySockets {
  readonly #options: GatewayOptions
  readonly #listener: SocketsListener
  #datagrams: DatagramSocket | null = null
  #server: Server | null = null
  readonly #connections = new Set<Socket>()

  constructor(options: GatewayOptions, listener: SocketsListener) {
    this.#options = options
    this.#listener = listener
  }

  /** Resolves to its port. */
  async listen(): Promise<number> {
    return this.#options.transport === 'udp' ? await this.#bind() : await this.#serve()
  }

  #bind(): Promise<number> {
    const { host, port } = this.#options
    const socket = createSocket({ type: host.includes(':') ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 })
    this.#datagrams = socket
    socket.on('message', (bytes, from) => this.#listener.received(bytes, this.#place(from.address, from.port)))
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.bind(port, host, () => {
        socket.removeListener('error', reject)
        // What a caller that is gone makes of our datagrams is nobody's fault here.
        socket.on('error', () => {})
        resolve(socket.address().port)
      })
    })
  }

  #serve(): Promise<number> {
    const { host, port, transport, tls = {} } = this.#options
    const accept = (socket: Socket): void => {
      this.#accept(socket)
    }
    const server = transport === 'tls' ? createTlsServer(tls, accept) : createServer(accept)
    this.#server = server
    server.on('tlsClientError', () => {})
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, host, () => resolve((server.address() as { port: number }).port))
    })
  }

  /** A way of our own accord, as a BYE needs one: a datagram's target, or a new connection. */
  open(address: string, port: number): Flow {
    const { transport, host } = this.#options
    if (transport === 'udp') return this.#place(address, port)
    const from = { host: address, port, localAddress: host }
    return this.#accept(transport === 'tls' ? tlsConnect({ ...from, rejectUnauthorized: false }) : netConnect(from))
  }

  close(): void {
    this.#datagrams?.close()
    this.#datagrams = null
    this.#server?.close()
    for (const socket of this.#connections) socket.destroy()
  }

  #place(address: string, port: number): Flow {
    const send = (bytes: Buffer): void => this.#datagrams?.send(bytes, port, address)
    return { isReliable: false, address, port, isOpen: true, send }
  }

  #accept(socket: Socket): Flow {
    this.#connections.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#connections.delete(socket))
    const flow: Flow = {
      isReliable: true,
      address: socket.remoteAddress ?? '',
      port: socket.remotePort ?? 0,
      get isOpen() {
        return !socket.destroyed
      },
      send: (bytes) => {
        if (!socket.destroyed) socket.write(bytes)
      },
    }
    let held: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      held = this.#cut(held.length === 0 ? chunk : Buffer.concat([held, chunk]), flow)
      if (held.length > MESSAGE_MAX) socket.destroy()
    })
    return flow
  }

  /** Hands on every message that is whole; gives back the rest. CRLF CRLF between messages is a ping (RFC 5626 §3.5.1). */
  #cut(held: Buffer, flow: Flow): Buffer {
    let at = 0
    for (;;) {
      const start = afterBlankLines(held, at)
      if (start - at === 4) flow.send(Buffer.from('\r\n'))
      const bodyAt = headEnd(held, start)
      if (bodyAt < 0) return held.subarray(start)
      const end = bodyAt + contentLength(held.toString('latin1', start, bodyAt))
      if (end > held.length) return held.subarray(start)
      this.#listener.received(held.subarray(start, end), flow)
      at = end
    }
  }
}

function contentLength(head: string): number {
  return Math.min(MESSAGE_MAX, Number(/^(?:content-length|l)[ \t]*:[ \t]*(\d+)/im.exec(head)?.[1] ?? 0))
}
