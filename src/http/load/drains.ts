/**
 * Reads on for a moment what a client still sends after its answer, since a connection that is closed under a sender costs it
 * the answer. All of them share so many octets a second: whoever sends gigabytes nobody wants must not be read as fast as he
 * can. Then the connection is closed. Main thread.
 */
import type { IncomingMessage } from 'node:http'
import { limits } from '../../engine/contract/limits.js'

const TICK_MS = 50

interface Draining {
  body: IncomingMessage
  endsAtMs: number
}

export class Drains {
  readonly #draining = new Set<Draining>()
  #timer: NodeJS.Timeout | null = null
  /** Octets that may still be read before the next tick. */
  #left = 0
  #nowMs = 0

  /** Does nothing for a body that has come to its end. */
  add(body: IncomingMessage): void {
    if (body.complete || body.destroyed) return
    const draining = { body, endsAtMs: this.#nowMs + limits.drainMs }
    this.#draining.add(draining)
    // A form parser that nobody reads from would hold the rest back.
    body.unpipe()
    body.on('data', (chunk: Buffer) => {
      this.#left -= chunk.length
      if (this.#left <= 0) body.pause()
    })
    body.once('close', () => this.#draining.delete(draining))
    body.once('end', () => this.#draining.delete(draining))
    if (this.#timer === null) this.#start()
    if (this.#left > 0) body.resume()
    else body.pause()
  }

  #start(): void {
    this.#left = (limits.drainBytesPerSecond * TICK_MS) / 1000
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
    this.#timer.unref()
  }

  #tick(): void {
    this.#nowMs += TICK_MS
    this.#left = (limits.drainBytesPerSecond * TICK_MS) / 1000
    for (const draining of this.#draining) {
      const { body, endsAtMs } = draining
      if (endsAtMs > this.#nowMs) {
        if (this.#left > 0) body.resume()
        continue
      }
      this.#draining.delete(draining)
      body.socket.destroy()
    }
    if (this.#draining.size === 0) this.close()
  }

  close(): void {
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#timer = null
  }
}
