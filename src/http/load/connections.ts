/**
 * The connections of the API: so many at once and no more. At the bound the new one comes in, and one that asks nothing goes: of
 * the address that has most, the one that has been idle, or has sent half a head, for longest. So neither connections that are
 * opened and left nor heads of an octet every ten seconds keep anybody out. Main thread.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { addressName } from '../../engine/base/source-address.js'
import type { Ticket } from './ticket.js'

/** A full house gives up this share of its places at once, so that the search for them is rare. */
const GIVEN_UP = 1 / 64

export interface Connection {
  readonly socket: Socket
  readonly address: string
  /** Requests whose answers are not sent. */
  readonly open: Set<Ticket>
  /** Monotonic milliseconds: since when there are none. */
  idleSinceMs: number
  /** Requests that were not heard, since more than enough wait for their answers. */
  unheard: number
  /** Octets that had passed when they were looked at, and when that changed last. */
  sent: number
  sentAtMs: number
  /** Both at the begin of a long stretch of time in which something must pass. */
  marked: { sent: number; received: number; atMs: number }
}

export interface ConnectionEvents {
  /** So many are open now. */
  changed(open: number): void
  /** Its tickets are void. */
  closed(connection: Connection): void
  /** One was given up for another. */
  dropped(reason: 'idle' | 'full'): void
}

export class Connections {
  readonly #max: number
  readonly #events: ConnectionEvents
  readonly #now: () => number
  readonly #all = new Map<Socket, Connection>()

  /** `now`: monotonic. */
  constructor(max: number, now: () => number, events: ConnectionEvents) {
    this.#max = max
    this.#now = now
    this.#events = events
  }

  get size(): number {
    return this.#all.size
  }

  listen(server: Server): void {
    server.on('connection', (socket: Socket) => {
      if (this.#all.size >= this.#max && !this.#makeRoom()) {
        this.#events.dropped('full')
        socket.destroy()
      } else this.of(socket)
    })
  }

  /** Of a socket that a request came by. */
  of(socket: Socket): Connection {
    return this.#all.get(socket) ?? this.#add(socket)
  }

  values(): Iterable<Connection> {
    return this.#all.values()
  }

  #add(socket: Socket): Connection {
    const nowMs = this.#now()
    const connection: Connection = {
      socket,
      address: addressName(socket.remoteAddress ?? ''),
      open: new Set(),
      idleSinceMs: nowMs,
      unheard: 0,
      sent: 0,
      sentAtMs: nowMs,
      marked: { sent: 0, received: 0, atMs: nowMs },
    }
    this.#all.set(socket, connection)
    this.#events.changed(this.#all.size)
    socket.once('close', () => {
      this.#all.delete(socket)
      this.#events.changed(this.#all.size)
      this.#events.closed(connection)
    })
    return connection
  }

  /** False: each of them asks something. */
  #makeRoom(): boolean {
    const idle = this.#ofTheGreatest().sort((a, b) => a.idleSinceMs - b.idleSinceMs)
    for (const { socket } of idle.slice(0, Math.max(1, Math.floor(this.#max * GIVEN_UP)))) {
      this.#all.delete(socket)
      this.#events.dropped('idle')
      socket.destroy()
    }
    return idle.length > 0
  }

  /** Those that ask nothing, of the address that has most of them. */
  #ofTheGreatest(): Connection[] {
    const byAddress = new Map<string, Connection[]>()
    let greatest: Connection[] = []
    for (const connection of this.#all.values()) {
      if (connection.open.size > 0) continue
      const own = byAddress.get(connection.address)
      if (own === undefined) byAddress.set(connection.address, [connection])
      else own.push(connection)
      const list = own ?? byAddress.get(connection.address)!
      if (list.length > greatest.length) greatest = list
    }
    return greatest
  }
}
