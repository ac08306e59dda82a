/** Who waits until the simulator's statistics are as a test wants them. */
import type { SmscStats } from './smsc-stats.js'

type Test = (stats: SmscStats) => boolean

export class StatsWatch {
  readonly #stats: () => SmscStats
  #waiters: { test: Test; resolve: (stats: SmscStats) => void }[] = []

  constructor(stats: () => SmscStats) {
    this.#stats = stats
  }

  /** Resolves as soon as the statistics fit. */
  until(test: Test): Promise<SmscStats> {
    const stats = this.#stats()
    if (test(stats)) return Promise.resolve(stats)
    return new Promise((resolve) => this.#waiters.push({ test, resolve }))
  }

  /** Something may have changed. */
  look(): void {
    if (this.#waiters.length === 0) return
    const stats = this.#stats()
    const fitting = this.#waiters.filter((waiter) => waiter.test(stats))
    if (fitting.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => !fitting.includes(waiter))
    for (const waiter of fitting) waiter.resolve(stats)
  }
}
