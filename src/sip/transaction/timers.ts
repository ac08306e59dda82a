/**
 * All timers of one user agent in one heap: of transactions (RFC 3261 §17, timers A to M), calls and dialogs. Nothing fires by
 * itself; who owns the thread's tick asks `nextMs` and calls `tick`. Times are of Clock.monotonic.
 */
import { TimeHeap } from '../../engine/base/heap.js'
import type { Clock } from '../../engine/contract/clock.js'

/** Names one running timer; 0: none. */
export type Timer = number

interface Task {
  atMs: number
  run: () => void
}

/** Stopped timers stay in the heap until they are this many more than half of it. */
const STOPPED_SPARE = 256

export class Timers {
  readonly #clock: Clock
  readonly #tasks = new Map<Timer, Task>()
  #heap = new TimeHeap()
  #last: Timer = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  nowMs(): number {
    return this.#clock.monotonic()
  }

  /** Running ones. */
  get size(): number {
    return this.#tasks.size
  }

  /** Runs once, in the first tick at or after `delayMs` from now. */
  start(delayMs: number, run: () => void): Timer {
    const timer = ++this.#last
    const atMs = this.nowMs() + delayMs
    this.#tasks.set(timer, { atMs, run })
    this.#heap.push(atMs, timer)
    return timer
  }

  /** One that has fired or was stopped, or 0, is left alone. Returns 0, for the field that held it. */
  stop(timer: Timer): Timer {
    if (this.#tasks.delete(timer) && this.#heap.size > 2 * this.#tasks.size + STOPPED_SPARE) this.#sweep()
    return 0
  }

  tick(nowMs: number): void {
    while (this.#heap.nextTime <= nowMs) {
      const timer = this.#heap.pop()
      const task = this.#tasks.get(timer)
      this.#tasks.delete(timer)
      task?.run()
    }
  }

  /** Infinity: nothing waits. May be early by a stopped timer. */
  nextMs(nowMs: number): number {
    return Math.max(0, this.#heap.nextTime - nowMs)
  }

  #sweep(): void {
    this.#heap = new TimeHeap()
    for (const [timer, { atMs }] of this.#tasks) this.#heap.push(atMs, timer)
  }
}
