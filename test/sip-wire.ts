/** A far end of SIP made of bare sockets: what comes in is text, and what goes out is whatever octets the test says. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, connect as netConnect, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions, connect as tlsConnect } from 'node:tls'
import type { Test } from 'tap'
import type { Peer } from '../src/sip/transport/transport.js'
import { field } from './voice-link.js'

/** One way that messages came: a connection, or a source of datagrams. */
export interface Wire {
  /** Messages and keepalives in their order; a keepalive is its line ends. */
  readonly texts: string[]
  write(octets: string | Buffer): void
  /** Half of it, or at once without good-bye. */
  end(): void
  destroy(): void
  /** Resolves to the first message from now on, or kept, that begins so; each is taken once. */
  next(start: string): Promise<string>
  /** Resolves when it is over. */
  readonly closed: Promise<void>
  isClosed: boolean
}

class Text implements Wire {
  readonly texts: string[] = []
  readonly closed: Promise<void>
  isClosed = false
  readonly #write: (octets: string | Buffer) => void
  readonly #socket: Socket | null
  readonly #waiting: { start: string; resolve: (text: string) => void }[] = []
  readonly #fresh: string[] = []
  #rest = ''

  constructor(write: (octets: string | Buffer) => void, socket: Socket | null = null) {
    this.#write = write
    this.#socket = socket
    this.closed = new Promise((resolve) => {
      socket?.on('close', () => {
        this.isClosed = true
        resolve()
      })
    })
    socket?.on('error', () => {})
    socket?.on('data', (chunk: Buffer) => this.take(chunk.toString('latin1')))
  }

  take(text: string): void {
    this.#rest += text
    for (let size = sizeOf(this.#rest); size > 0; size = sizeOf(this.#rest)) {
      this.#came(this.#rest.slice(0, size))
      this.#rest = this.#rest.slice(size)
    }
  }

  #came(text: string): void {
    this.texts.push(text)
    const at = this.#waiting.findIndex(({ start }) => text.startsWith(start))
    if (at < 0) this.#fresh.push(text)
    else this.#waiting.splice(at, 1)[0]!.resolve(text)
  }

  next(start: string): Promise<string> {
    const at = this.#fresh.findIndex((text) => text.startsWith(start))
    if (at >= 0) return Promise.resolve(this.#fresh.splice(at, 1)[0]!)
    return new Promise((resolve) => this.#waiting.push({ start, resolve }))
  }

  write(octets: string | Buffer): void {
    this.#write(octets)
  }

  end(): void {
    this.#socket?.end()
  }

  destroy(): void {
    this.#socket?.destroy()
  }
}

/** Characters of the first message, or of the line ends in front of it; 0: it is not whole. */
function sizeOf(text: string): number {
  const blank = /^[\r\n]+/.exec(text)?.[0].length ?? 0
  if (blank > 0) return blank
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return 0
  const size = end + 4 + Number(field(text.slice(0, end + 4), 'content-length'))
  return text.length >= size ? size : 0
}

export class FarEnd {
  readonly peer: Peer
  readonly wires: Wire[] = []
  readonly #waiting: ((wire: Wire) => void)[] = []
  #given = 0

  constructor(peer: Peer) {
    this.peer = peer
  }

  add(wire: Wire): void {
    this.wires.push(wire)
    if (this.#waiting.length > 0) this.#give()
  }

  #give(): void {
    this.#waiting.shift()!(this.wires[this.#given++]!)
  }

  /** Each is given once: a connection that was made, or a source that spoke for the first time. */
  async wire(): Promise<Wire> {
    return await new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (this.#given < this.wires.length) this.#give()
    })
  }
}

/** `tls`: certificate and key. Closed with the test. */
export async function listenSip(
  t: Test,
  { address = '127.0.3.5', tls = null }: { address?: string; tls?: TlsOptions | null } = {},
): Promise<FarEnd> {
  let far: FarEnd | null = null
  const sockets = new Set<Socket>()
  const accept = (socket: Socket): void => {
    sockets.add(socket)
    far!.add(new Text((octets) => socket.write(octets), socket))
  }
  const server: Server = tls === null ? createServer(accept) : createTlsServer(tls, accept)
  // Who does not trust the certificate is gone before there is a connection.
  server.on('tlsClientError', () => {})
  server.listen(0, address)
  await once(server, 'listening')
  t.teardown(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  far = new FarEnd({ transport: tls === null ? 'tcp' : 'tls', address, port })
  return far
}

/** The same over UDP: a wire for each source. */
export async function bindSip(t: Test, address = '127.0.3.5'): Promise<FarEnd & { socket: DatagramSocket }> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4')
  socket.bind(0, address)
  await once(socket, 'listening')
  t.teardown(() => new Promise<void>((resolve) => socket.close(() => resolve())))
  const far = Object.assign(new FarEnd({ transport: 'udp', address, port: socket.address().port }), { socket })
  const bySource = new Map<string, Text>()
  socket.on('message', (bytes, from) => {
    const key = `${from.address} ${from.port}`
    let wire = bySource.get(key)
    if (wire === undefined) {
      wire = new Text((octets) => socket.send(octets, from.port, from.address))
      bySource.set(key, wire)
      far.add(wire)
    }
    wire.take(bytes.toString('latin1'))
  })
  return far
}

/** A connection to us. `tls`: without verifying us. */
export async function connectSip(
  t: Test,
  to: { host: string; port: number },
  { isTls = false, tls = {} }: { isTls?: boolean; tls?: { cert?: string; key?: string } } = {},
): Promise<Wire> {
  const socket = isTls ? tlsConnect({ ...to, ...tls, rejectUnauthorized: false }) : netConnect(to)
  t.teardown(() => socket.destroy())
  const wire = new Text((octets) => socket.write(octets), socket)
  await once(socket, isTls ? 'secureConnect' : 'connect')
  return wire
}

export interface RequestText {
  method?: string
  /** Of the Via: `127.0.0.1:5060;rport`. */
  sentBy?: string
  transport?: string
  lines?: readonly string[]
  body?: string
  callId?: string
}

/** A request out of any call, which is answered. */
export function requestText(options: RequestText = {}): string {
  const { method = 'OPTIONS', sentBy = '127.0.3.5:5060', transport = 'UDP', lines = [], body = '' } = options
  const { callId = 'a-call' } = options
  return [
    `${method} sip:trunkline@127.0.0.1 SIP/2.0`,
    `Via: SIP/2.0/${transport} ${sentBy};branch=z9hG4bK${callId}`,
    ...['Max-Forwards: 70', 'From: <sip:far@127.0.3.5>;tag=far', 'To: <sip:trunkline@127.0.0.1>'],
    ...[`Call-ID: ${callId}`, `CSeq: 1 ${method}`, ...lines],
    ...(body === '' ? [] : ['Content-Type: text/plain']),
    ...[`Content-Length: ${Buffer.byteLength(body)}`, '', body],
  ].join('\r\n')
}
