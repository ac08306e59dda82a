/** What is to be tried again, and when: after a second, then twice as long each time, a minute at most. Pure. */
const FIRST_MS = 1_000
const LONGEST_MS = 60_000

interface Waiting {
  delayMs: number
  dueMs: number
  reason: string
}

export class Retries {
  readonly #waiting = new Map<number, Waiting>()

  /** true: this reason is a new one, so that it is worth saying. */
  failed(item: number, reason: string, nowMs: number): boolean {
    const before = this.#waiting.get(item)
    const delayMs = before === undefined ? FIRST_MS : Math.min(LONGEST_MS, before.delayMs * 2)
    this.#waiting.set(item, { delayMs, dueMs: nowMs + delayMs, reason })
    return before?.reason !== reason
  }

  done(item: number): void {
    this.#waiting.delete(item)
  }

  /** Those whose time has come, each once: until it fails again. */
  due(nowMs: number): number[] {
    const due: number[] = []
    for (const [item, waiting] of this.#waiting) {
      if (waiting.dueMs > nowMs) continue
      waiting.dueMs = Number.POSITIVE_INFINITY
      due.push(item)
    }
    return due
  }
}
