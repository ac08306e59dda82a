/** What a start has opened, and how it is closed again. Composition, main thread. */
import { once } from 'node:events'

/** What is open, closed in reverse order. */
export class Closing {
  isStopping = false
  /** Epoch: when the drain ends at the latest. */
  deadlineMs = 0
  readonly #steps: (() => Promise<unknown>)[] = []

  add(step: () => Promise<unknown>): void {
    this.#steps.push(step)
  }

  async all(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) await step()
  }
}

/** Waits for the work, but no longer than this. */
export async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), ms)
  try {
    await Promise.race([work, once(controller.signal, 'abort')])
  } finally {
    clearTimeout(timer)
  }
}
