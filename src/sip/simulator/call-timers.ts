/** The timers of one call of the simulated gateway, all of which end with it. */
import { LIFE_MS, T1_MS } from './server-transactions.js'

export class CallTimers {
  readonly #timers = new Set<NodeJS.Timeout>()

  later(ms: number, run: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    this.#timers.add(timer)
    return timer
  }

  /** Never resolves when the call is over before. */
  pause(ms: number): Promise<void> {
    return ms === 0 ? Promise.resolve() : new Promise((resolve) => this.later(ms, resolve))
  }

  /** After T1, twice that and so on up to `most`, until it is stopped by what this gives back; after 64·T1 it `fails`. */
  repeat(run: () => void, { fails, most }: { fails: () => void; most: number }): () => void {
    let timer: NodeJS.Timeout | undefined
    const next = (afterMs: number): void => {
      timer = this.later(afterMs, () => {
        run()
        next(Math.min(afterMs * 2, most))
      })
    }
    const stop = (): void => {
      this.#stop(timer!)
      this.#stop(end)
    }
    const end = this.later(LIFE_MS, () => {
      stop()
      fails()
    })
    next(T1_MS)
    return stop
  }

  stopAll(): void {
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }

  #stop(timer: NodeJS.Timeout): void {
    clearTimeout(timer)
    this.#timers.delete(timer)
  }
}
