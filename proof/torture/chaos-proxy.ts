/**
 * A wire that misbehaves, between two parties over TCP: slow, in pieces, clogged, cut in one of several ways. What it does
 * holds for all connections, also for those that come later, until it is told otherwise; a cut befalls those that are open.
 */

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Random } from '../../src/engine/base/random.js'
import { ChaosPipe, type Weather } from './chaos-pipe.js'

/**
 * fin: both ends are closed in good order. rst: both are reset. half: the client is told that there comes no more, and may
 * go on sending. torn: a part of what comes next passes, then both are reset.
 */
export type Cut = 'fin' | 'rst' | 'half' | 'torn'

export interface ProxyOptions {
  /** Where it leads to now; asked at each connection. Null: nobody is there, the connection is reset. */
  target: () => { host: string; port: number } | null
  random: Random
  host?: string
  port?: number
}

interface Connection {
  client: Socket
  server: Socket
  up: ChaosPipe
  down: ChaosPipe
}

export const CALM: Weather = { delayMs: 0, pieces: false, stalled: 'none' }

export class ChaosProxy {
  /** Connections that it cut. */
  cuts = 0
  readonly #options: ProxyOptions
  readonly #server: Server
  readonly #connections = new Set<Connection>()
  #weather: Weather = CALM

  constructor(options: ProxyOptions) {
    this.#options = options
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#onClient(socket))
  }

  listen(): Promise<number> {
    const { host = '127.0.0.1', port = 0 } = this.#options
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, () => resolve(this.port))
    })
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get connections(): number {
    return this.#connections.size
  }

  /** From now on; what is under way is held or let go as the new weather says. */
  set(weather: Partial<Weather>): void {
    this.#weather = { ...CALM, ...weather }
    for (const { up, down } of this.#connections) {
      up.set(this.#weather)
      down.set(this.#weather)
    }
  }

  calm(): void {
    this.set(CALM)
  }

  /** How many connections were open. */
  cut(how: Cut): number {
    const { size } = this.#connections
    for (const connection of [...this.#connections]) this.#cutOne(connection, how)
    this.cuts += size
    return size
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const { client, server } of this.#connections) {
      client.destroy()
      server.destroy()
    }
    await closed
  }

  #cutOne({ client, server, up, down }: Connection, how: Cut): void {
    switch (how) {
      case 'fin':
        client.destroySoon()
        server.destroySoon()
        return
      case 'rst':
        client.resetAndDestroy()
        server.resetAndDestroy()
        return
      case 'half':
        down.finish()
        return
      case 'torn':
        up.tearNext()
        down.tearNext()
    }
  }

  #onClient(client: Socket): void {
    const target = this.#options.target()
    client.on('error', () => client.destroy())
    if (target === null) {
      client.resetAndDestroy()
      return
    }
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true })
    server.on('error', () => client.resetAndDestroy())
    const { random } = this.#options
    const torn = () => {
      client.resetAndDestroy()
      server.resetAndDestroy()
    }
    const up = new ChaosPipe({ from: client, to: server, random, direction: 'up', torn })
    const down = new ChaosPipe({ from: server, to: client, random, direction: 'down', torn })
    const connection = { client, server, up, down }
    up.set(this.#weather)
    down.set(this.#weather)
    this.#connections.add(connection)
    const gone = () => {
      this.#connections.delete(connection)
      up.stop()
      down.stop()
      client.destroy()
      server.destroy()
    }
    client.once('close', gone)
    server.once('close', gone)
  }
}
