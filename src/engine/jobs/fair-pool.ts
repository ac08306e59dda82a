/**
 * Shares the ingest workers between jobs: one task queue a job, the next task from the next job, so that a file of ten
 * rows never waits for one of ten million. Main thread.
 */
import type { IngestTask } from '../contract/ingest.js'

export type RunTask = (task: IngestTask) => Promise<unknown>

interface Waiting {
  task: IngestTask
  resolve(result: unknown): void
  reject(error: unknown): void
}

export class FairPool {
  readonly #run: RunTask
  #free: number
  /** In the order in which the jobs get their turn. */
  readonly #queues = new Map<number, Waiting[]>()

  /** `workers`: tasks in work at once. */
  constructor(run: RunTask, workers: number) {
    this.#run = run
    this.#free = workers
  }

  /** Rejects with what the task threw. */
  run(job: number, task: IngestTask): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const waiting = { task, resolve, reject }
      const queue = this.#queues.get(job)
      if (queue === undefined) this.#queues.set(job, [waiting])
      else queue.push(waiting)
      this.#pump()
    })
  }

  #pump(): void {
    while (this.#free > 0) {
      const turn = this.#queues.entries().next()
      if (turn.done) return
      const [job, queue] = turn.value
      const waiting = queue.shift()!
      this.#queues.delete(job)
      if (queue.length > 0) this.#queues.set(job, queue)
      this.#free--
      void this.#work(waiting)
    }
  }

  async #work(waiting: Waiting): Promise<void> {
    try {
      waiting.resolve(await this.#run(waiting.task))
    } catch (error) {
      waiting.reject(error)
    } finally {
      this.#free++
      this.#pump()
    }
  }
}
