/**
 * Shares the ingest workers between jobs: one task queue a job, the next task from the next job; and one worker beside
 * them takes short tasks only. So a file of ten rows never waits for one of ten million, whose single range keeps a worker
 * for a few hundred milliseconds. Main thread.
 */
import type { IngestTask } from '../contract/ingest.js'

export type RunTask = (task: IngestTask) => Promise<unknown>

/** Workers that the pool must have beside those of the configuration. */
export const QUICK_WORKERS = 1

interface Waiting {
  task: IngestTask
  resolve(result: unknown): void
  reject(error: unknown): void
}

class Slots {
  free: number
  constructor(free: number) {
    this.free = free
  }
}

export class FairPool {
  readonly #run: RunTask
  readonly #slots: Slots
  readonly #quickSlots = new Slots(QUICK_WORKERS)
  /** In the order in which the jobs get their turn. */
  readonly #queues = new Map<number, Waiting[]>()
  readonly #quick: Waiting[] = []

  /** `workers`: tasks in work at once, QUICK_WORKERS not counted. */
  constructor(run: RunTask, workers: number) {
    this.#run = run
    this.#slots = new Slots(workers)
  }

  /** `isQuick`: the task takes milliseconds. Rejects with what the task threw. */
  run(job: number, task: IngestTask, isQuick: boolean): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const waiting = { task, resolve, reject }
      if (isQuick) this.#quick.push(waiting)
      else this.#enqueue(job, waiting)
      this.#pump()
    })
  }

  #enqueue(job: number, waiting: Waiting): void {
    const queue = this.#queues.get(job)
    if (queue === undefined) this.#queues.set(job, [waiting])
    else queue.push(waiting)
  }

  #pump(): void {
    while (this.#quick.length > 0) {
      const slots = this.#slots.free > 0 ? this.#slots : this.#quickSlots
      if (slots.free === 0) break
      void this.#work(this.#quick.shift()!, slots)
    }
    while (this.#slots.free > 0 && this.#queues.size > 0) void this.#work(this.#next(), this.#slots)
  }

  /** The first task of the job whose turn it is; the job goes to the end of the line. */
  #next(): Waiting {
    const [job, queue] = this.#queues.entries().next().value!
    const waiting = queue.shift()!
    this.#queues.delete(job)
    if (queue.length > 0) this.#queues.set(job, queue)
    return waiting
  }

  async #work(waiting: Waiting, slots: Slots): Promise<void> {
    slots.free--
    try {
      waiting.resolve(await this.#run(waiting.task))
    } catch (error) {
      waiting.reject(error)
    } finally {
      slots.free++
      this.#pump()
    }
  }
}
