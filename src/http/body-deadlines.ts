/**
 * Cuts off clients that trickle a small body: Node's requestTimeout would cut off long uploads as well, so it is off,
 * and every other body has a deadline here. One interval sweeps; a request costs one Map entry while its body comes.
 */
import type { IncomingMessage } from 'node:http'

const bodyMs = 30_000
const sweepMs = 5_000

export class BodyDeadlines {
  readonly #waiting = new Map<IncomingMessage, number>()
  readonly #timer: NodeJS.Timeout
  #nowMs = 0

  constructor() {
    this.#timer = setInterval(() => this.sweep(this.#nowMs + sweepMs), sweepMs)
    this.#timer.unref()
  }

  started(raw: IncomingMessage): void {
    this.#waiting.set(raw, this.#nowMs + bodyMs)
  }

  finished(raw: IncomingMessage): void {
    this.#waiting.delete(raw)
  }

  /** `nowMs` counts from the start of the server. */
  sweep(nowMs: number): void {
    this.#nowMs = nowMs
    for (const [raw, deadlineMs] of this.#waiting) {
      if (deadlineMs > nowMs && !raw.destroyed) continue
      this.#waiting.delete(raw)
      raw.socket.destroy()
    }
  }

  get waiting(): number {
    return this.#waiting.size
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
