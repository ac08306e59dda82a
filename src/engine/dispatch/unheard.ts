/**
 * Numbers whose messages were kept, and so will be acknowledged, and that nobody has read yet: one of them may say STOP.
 * What goes to these numbers waits for the reader, some milliseconds, however busy it is. Dispatcher thread.
 */
import type { Inbound } from '../contract/outcome.js'

/** How soon to look again. */
export const UNHEARD_MS = 20
const DIGITS = /^\d{5,17}$/

export class Unheard {
  /** Number → key of its latest message. */
  readonly #latest = new Map<number, number>()

  /** Addresses in another form than that in which messages are sent are told apart by the reader alone. */
  add({ from }: Pick<Inbound, 'from'>, key: number): void {
    const digits = from.startsWith('+') ? from.slice(1) : from
    if (DIGITS.test(digits)) this.#latest.set(Number(digits), key)
  }

  /** Everything up to this key was read, and what follows from it is in effect. */
  heard(key: number): void {
    for (const [number, latest] of this.#latest) if (latest <= key) this.#latest.delete(number)
  }

  get size(): number {
    return this.#latest.size
  }
  has(number: number): boolean {
    return this.#latest.has(number)
  }
}
