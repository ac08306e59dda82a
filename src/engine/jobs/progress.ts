/** Live totals as the dispatcher posts them, and the speed that follows from them. Main thread, in memory only. */
import { STATE } from '../contract/message.js'
import type { JobProgress } from '../contract/thread.js'

/** Weight of the newest second against the past. */
const SMOOTHING_MS = 3_000

interface Live {
  progress: JobProgress
  /** Messages that left the queue, when, and the smoothed speed. */
  left: number
  atMs: number
  perSecond: number
}

export class ProgressBook {
  readonly #live = new Map<number, Live>()

  /** `monotonicMs`: now. */
  record(progress: JobProgress, monotonicMs: number): void {
    const left = leftQueue(progress)
    const before = this.#live.get(progress.job)
    if (before === undefined) {
      this.#live.set(progress.job, { progress, left, atMs: monotonicMs, perSecond: 0 })
      return
    }
    before.progress = progress
    const elapsedMs = monotonicMs - before.atMs
    if (elapsedMs < 1) return
    const weight = 1 - Math.exp(-elapsedMs / SMOOTHING_MS)
    before.perSecond += weight * (((left - before.left) * 1000) / elapsedMs - before.perSecond)
    before.left = left
    before.atMs = monotonicMs
  }

  get(job: number): JobProgress | null {
    return this.#live.get(job)?.progress ?? null
  }

  messagesPerSecond(job: number, monotonicMs: number): number {
    const live = this.#live.get(job)
    if (live === undefined) return 0
    // Silence is standstill: the dispatcher posts only jobs that changed.
    const silentMs = monotonicMs - live.atMs
    const decay = silentMs > 1_000 ? Math.exp(-(silentMs - 1_000) / SMOOTHING_MS) : 1
    return Math.max(0, live.perSecond * decay)
  }

  forget(job: number): void {
    this.#live.delete(job)
  }
}

function leftQueue(progress: JobProgress): number {
  let left = 0
  for (let state: number = STATE.sent; state < progress.states.length; state++) left += progress.states[state]!
  return left
}
