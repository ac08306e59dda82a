/**
 * Connections between the product and the simulated carriers: octets arrive later and in order, in pieces; a connection can be
 * clogged, and cut with what is under way lost. Nothing of it is a socket.
 */
import type { Random } from '../../src/engine/base/random.js'
import type { Connect, Connection, SocketEvents } from '../../src/smpp/socket.js'
import { readPdus, type SeenPdu } from './pdus.js'
import type { Life, VirtualTime } from './virtual-time.js'

/** The carrier's end. */
export interface WireEnd {
  readonly latencyMs: number
  /** False: nobody listens. */
  readonly listens: boolean
  opened(connection: WireConnection): void
  /** Whole PDUs, as they were written at that time. */
  wrote(connection: WireConnection, pdus: readonly SeenPdu[]): void
  arrived(connection: WireConnection, pdus: readonly SeenPdu[]): void
  closed(connection: WireConnection): void
}

interface Deps {
  time: VirtualTime
  random: Random
  end: WireEnd
  life: Life
  number: number
}

export class WireConnection implements Connection {
  readonly number: number
  readonly life: Life
  readonly #time: VirtualTime
  readonly #random: Random
  readonly #end: WireEnd
  readonly #events: SocketEvents
  isOpen = true
  #isDeaf = false
  #isClogged = false
  #isPaused = false
  /** What arrives while it is clogged, or the product reads nothing. */
  readonly #held: { work: () => void; life: Life | null }[] = []
  readonly #unread: (() => void)[] = []
  #lastThereMs = 0
  #lastHereMs = 0

  constructor(events: SocketEvents, deps: Deps) {
    this.number = deps.number
    this.life = deps.life
    this.#time = deps.time
    this.#random = deps.random
    this.#end = deps.end
    this.#events = events
    this.#later('here', () => this.#open())
  }

  #open(): void {
    if (!this.isOpen) return
    if (!this.#end.listens) {
      this.cut('refused')
      return
    }
    this.#end.opened(this)
    if (!this.life.isOver) this.#events.opened()
  }

  /** Behind what was sent before, in that direction. */
  #later(way: 'here' | 'there', work: () => void): void {
    const latency = this.#end.latencyMs * (0.5 + this.#random.next())
    const last = way === 'here' ? this.#lastHereMs : this.#lastThereMs
    const atMs = Math.max(last, this.#time.nowMs + latency)
    if (way === 'here') this.#lastHereMs = atMs
    else this.#lastThereMs = atMs
    const life = way === 'here' ? this.life : null
    const arrive = (): void => {
      if (this.#isClogged) this.#held.push({ work, life })
      else work()
    }
    this.#time.after(atMs - this.#time.nowMs, arrive, life)
  }

  write(bytes: Uint8Array, written: () => void): void {
    if (!this.isOpen || this.life.isOver) return
    const pdus = readPdus(bytes)
    this.#end.wrote(this, pdus)
    this.#later('there', () => {
      if (!this.#isDeaf) this.#end.arrived(this, pdus)
      this.#time.after(0, () => this.isOpen && written(), this.life)
    })
  }

  /** To the product. `read`: it has been given them. */
  send(bytes: Buffer, read: () => void): void {
    if (!this.isOpen || this.life.isOver) return
    this.#later('here', () => this.#read(bytes, read))
  }

  #read(bytes: Buffer, read: () => void): void {
    if (!this.isOpen || this.life.isOver) return
    if (this.#isPaused) {
      this.#unread.push(() => this.#read(bytes, read))
      return
    }
    // Marked first: what the product does about it happens within the call.
    read()
    const cut = this.#random.next() < 0.1 ? this.#random.below(bytes.length) : 0
    if (cut > 0) this.#chunk(bytes.subarray(0, cut))
    if (this.isOpen) this.#chunk(bytes.subarray(cut))
  }

  #chunk(bytes: Buffer): void {
    if (!this.#events.chunk(bytes, bytes.length)) this.#isPaused = true
    // Valid during the call only.
    bytes.fill(0xee)
  }

  resume(): void {
    this.#isPaused = false
    for (const read of this.#unread.splice(0)) this.#time.after(0, read, this.life)
  }

  destroy(): void {
    this.#close()
  }

  destroySoon(): void {
    this.#later('there', () => this.#end.closed(this))
    this.isOpen = false
  }

  /** The process is gone: what it wrote may be on its way, or be lost. */
  abandon(isLost: boolean): void {
    this.#isDeaf = isLost
    this.destroySoon()
  }

  #close(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#end.closed(this)
  }

  /** Both ends find it gone; what was under way is lost. */
  cut(reason: string): void {
    if (!this.isOpen) return
    this.#isDeaf = true
    this.#isClogged = false
    this.#held.length = 0
    this.#close()
    this.#time.after(this.#end.latencyMs, () => this.#events.ended(reason), this.life)
  }

  clog(): void {
    this.#isClogged = true
  }
  unclog(): void {
    if (!this.#isClogged) return
    this.#isClogged = false
    for (const { work, life } of this.#held.splice(0)) this.#time.after(0, work, life)
  }
}

export function connectTo(end: WireEnd, deps: Omit<Deps, 'end' | 'number'> & { nextNumber(): number }): Connect {
  return (_carrier, _endpoint, events) => new WireConnection(events, { ...deps, end, number: deps.nextNumber() })
}
