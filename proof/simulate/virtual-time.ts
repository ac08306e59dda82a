/**
 * Time of the simulation: a queue of what happens when, and nothing happens but from it. The product's clock and timers are
 * made from it, one set for each life of the process, so that a crash takes all timers along.
 */
import type { Clock, Timers } from '../../src/engine/contract/clock.js'

/** So many events at one moment mean that something wakes itself for ever. */
const AT_ONE_MOMENT_MAX = 200_000

/** One run of the product's process, from its start to its crash or end. */
export class Life {
  readonly number: number
  isOver = false
  /** It stands still until then, as after SIGSTOP. */
  frozenUntilMs = 0

  constructor(number: number) {
    this.number = number
  }
}

interface Task {
  atMs: number
  order: number
  /** null: stopped. */
  work: (() => void) | null
  life: Life | null
}

export class VirtualTime {
  /** Milliseconds since the simulation began. */
  nowMs = 0
  events = 0
  readonly #epochMs: number
  readonly #heap: Task[] = []
  #order = 0
  #mustSettle = false
  #sameMoment = 0

  /** `epochMs`: what the clock on the wall shows at the beginning. */
  constructor(epochMs: number) {
    this.#epochMs = epochMs
  }

  get wallMs(): number {
    return this.#epochMs + Math.floor(this.nowMs)
  }
  get epochMs(): number {
    return this.#epochMs
  }

  /** `life`: nothing happens once it is over, and later while it is frozen. */
  after(ms: number, work: () => void, life: Life | null = null): Task {
    const task = { atMs: this.nowMs + Math.max(0, ms), order: this.#order++, work, life }
    this.#push(task)
    return task
  }

  /** A promise that the product awaits was settled: what follows from it happens before the next event. */
  settle(): void {
    this.#mustSettle = true
  }

  clock(): Clock {
    return { now: () => this.wallMs, monotonic: () => this.nowMs }
  }

  timers(life: Life): Timers {
    return {
      soon: (work) => {
        this.after(0, work, life)
      },
      after: (ms, work) => this.after(ms, work, life),
      stop: (task) => {
        const stopped = task as Task
        stopped.work = null
      },
    }
  }

  /** Until `isOver`, or that time. */
  async run(untilMs: number, isOver: () => boolean): Promise<void> {
    for (;;) {
      if (this.#mustSettle) {
        this.#mustSettle = false
        await turn()
        continue
      }
      if (isOver()) return
      const task = this.#heap[0]
      if (task === undefined || task.atMs > untilMs) break
      this.#pop()
      this.#happen(task)
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  #happen(task: Task): void {
    const { work, life } = task
    if (work === null || life?.isOver === true) return
    if (life !== null && life.frozenUntilMs > task.atMs) {
      task.atMs = life.frozenUntilMs
      this.#push(task)
      return
    }
    this.#sameMoment = task.atMs > this.nowMs ? 0 : this.#sameMoment + 1
    if (this.#sameMoment > AT_ONE_MOMENT_MAX) throw new Error(`something wakes itself for ever at ${this.nowMs} ms`)
    this.nowMs = Math.max(this.nowMs, task.atMs)
    this.events++
    work()
  }

  #push(task: Task): void {
    const heap = this.#heap
    let at = heap.push(task) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (isBefore(heap[parent]!, task)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = task
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (isBefore(last, heap[child]!)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
  }
}

function isBefore(one: Task, other: Task): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}

/** Everything that promises bring about has happened when it resolves. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
