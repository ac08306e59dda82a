/** Durable counts on their way to the main thread: the latest of each job, ten times a second at most. */
import type { JobProgress } from '../contract/thread.js'
import type { JobTotals } from './board.js'
import type { Release } from './ledger.js'

const EVERY_MS = 100

export class Progress {
  readonly #post: (jobs: JobProgress[]) => void
  readonly #changed = new Map<JobTotals, JobProgress>()
  #postedAt = 0

  constructor(post: (jobs: JobProgress[]) => void) {
    this.#post = post
  }

  note({ totals, states, partsSent }: Release['jobs'][number]): void {
    this.#changed.set(totals, { job: totals.number, states, partsSent })
  }

  tick(monotonicMs: number): void {
    if (this.#changed.size === 0 || monotonicMs - this.#postedAt < EVERY_MS) return
    this.#postedAt = monotonicMs
    this.postNow()
  }

  postNow(): void {
    this.#post([...this.#changed.values()])
    this.#changed.clear()
  }
}
