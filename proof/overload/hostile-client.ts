/** One TCP connection of somebody who means no good, over raw sockets: what it sends, how fast, and whether it ever reads. */
import { connect, type Socket } from 'node:net'

export interface Target {
  host: string
  port: number
}

export interface Behaviour {
  /** Sent at once. */
  begin: string | Buffer
  /** Sent again each so many milliseconds after that; absent: silence. */
  drip?: { bytes: string; everyMs: number }
  /** Sent as fast as it is taken, over and over, until there were so many octets. */
  flood?: { bytes: Buffer; upTo: number }
  /** Takes nothing of what comes. Absent: everything, and forgets it. */
  deaf?: boolean
  /** Goes away without a word after so many milliseconds. */
  leavesAfterMs?: number
}

export class HostileClient {
  readonly #socket: Socket
  readonly #timers: NodeJS.Timeout[] = []
  isOpen = true
  /** The first line of each answer's head. */
  readonly statuses: number[] = []
  #tail = ''

  constructor({ host, port }: Target, behaviour: Behaviour) {
    const { begin, drip, flood, deaf, leavesAfterMs } = behaviour
    this.#socket = connect({ host, port })
    this.#socket.on('error', () => {})
    this.#socket.once('close', () => this.#ended())
    // A socket that nobody listens to is not read: the kernel's buffers fill, and the peer waits.
    if (deaf !== true) this.#socket.on('data', (bytes) => this.#read(bytes))
    this.#socket.once('connect', () => {
      this.#socket.write(begin)
      if (flood !== undefined) this.#flood(flood.bytes, flood.upTo)
    })
    if (drip !== undefined) this.#timers.push(setInterval(() => this.#socket.write(drip.bytes), drip.everyMs))
    if (leavesAfterMs !== undefined) this.#timers.push(setTimeout(() => this.leave(), leavesAfterMs))
  }

  get connected(): Promise<void> {
    if (!this.isOpen || !this.#socket.connecting) return Promise.resolve()
    return new Promise((resolve) => {
      this.#socket.once('connect', () => resolve())
      this.#socket.once('close', () => resolve())
    })
  }

  get closed(): Promise<void> {
    if (!this.isOpen) return Promise.resolve()
    return new Promise((resolve) => this.#socket.once('close', () => resolve()))
  }

  /** Without a word: RST. */
  leave(): void {
    this.#socket.resetAndDestroy()
  }

  #read(bytes: Buffer): void {
    const text = this.#tail + bytes.toString('latin1')
    for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3})/g)) this.statuses.push(Number(status))
    this.#tail = text.slice(-11).replace(/HTTP\/1\.1 \d{3}/, '')
  }

  #flood(bytes: Buffer, upTo: number): void {
    let sent = 0
    const more = (): void => {
      while (this.isOpen && sent < upTo) {
        sent += bytes.length
        if (!this.#socket.write(bytes)) return
      }
    }
    this.#socket.on('drain', more)
    more()
  }

  #ended(): void {
    this.isOpen = false
    for (const timer of this.#timers) clearInterval(timer)
  }
}
