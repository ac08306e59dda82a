/**
 * A port that one data connection is awaited on (RFC 959 PASV, RFC 2428 EPSV). Only the address of the control connection
 * may come; whoever else connects is closed and awaited no longer than the rest. Site thread.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { plainAddress } from '../../engine/base/source-address.js'
import { DataError, type DataPort } from './data-port.js'

export interface PortRange {
  from: number
  to: number
}

export interface PassiveWish {
  /** Address of ours that the control connection came to. */
  host: string
  /** Of the client, without mapping. */
  peer: string
}

export class PassivePort implements DataPort {
  readonly port: number
  readonly #server: Server
  readonly #arrived: Promise<Socket>
  #socket: Socket | null = null
  #isTaken = false
  #giveUp: (error: DataError) => void = () => {}

  constructor(server: Server, peer: string, onClosed: (port: number) => void) {
    this.#server = server
    this.port = (server.address() as { port: number }).port
    this.#arrived = new Promise((resolve, reject) => {
      this.#giveUp = reject
      server.on('connection', (socket) => {
        socket.on('error', () => {})
        if (this.#socket !== null || plainAddress(socket.remoteAddress ?? '') !== peer) {
          socket.destroy()
          return
        }
        this.#socket = socket
        server.close()
        resolve(socket)
      })
    })
    // Nobody may be waiting when it is given up.
    this.#arrived.catch(() => {})
    server.on('close', () => onClosed(this.port))
  }

  async connection(): Promise<Socket> {
    const socket = await this.#arrived
    this.#isTaken = true
    return socket
  }

  close(): void {
    this.#server.close()
    this.#giveUp(new DataError('closed', 'No data connection came.'))
    if (!this.#isTaken) this.#socket?.destroy()
  }
}

/** Ports of a range that are free at the moment, or whatever the system gives. */
export class PassivePorts {
  readonly #range: PortRange | null
  /** [0, 1): a port that nobody can foretell is harder to be first at. */
  readonly #chance: () => number
  readonly #used = new Set<number>()

  constructor(range: PortRange | null, chance: () => number) {
    this.#range = range
    this.#chance = chance
  }

  /** null: none of the range is free. */
  async open({ host, peer }: PassiveWish): Promise<PassivePort | null> {
    for (const port of this.#candidates()) {
      if (port !== 0) this.#used.add(port)
      const server = await listening(host, port)
      if (server !== null) return new PassivePort(server, peer, (closed) => this.#used.delete(closed))
      this.#used.delete(port)
    }
    return null
  }

  *#candidates(): Generator<number> {
    if (this.#range === null) {
      yield 0
      return
    }
    const { from, to } = this.#range
    const count = to - from + 1
    const first = Math.floor(this.#chance() * count)
    for (let step = 0; step < count; step++) {
      const port = from + ((first + step) % count)
      if (!this.#used.has(port)) yield port
    }
  }
}

/** null: the port is taken, or may not be opened. */
async function listening(host: string, port: number): Promise<Server | null> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  return await new Promise((resolve) => {
    server.once('error', () => resolve(null))
    server.listen({ host, port, exclusive: true, backlog: 8 }, () => {
      server.on('error', () => {})
      resolve(server)
    })
  })
}
