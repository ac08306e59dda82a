/**
 * What came in and was no use: counted each time, told to the log at most every ten seconds, since whoever sends a flood of
 * garbage must not fill the disk. Dispatcher thread.
 */
import type { Log } from '../../engine/contract/log.js'
import type { Counter, Metrics } from '../../engine/contract/metrics.js'

/**
 * garbage: no SIP. malformed: SIP that breaks its own rules. slow: a connection that is not read, or says nothing.
 * crowded: more connections or peers than there is room for.
 */
export type DropReason = 'garbage' | 'malformed' | 'slow' | 'crowded'

const LOG_MS = 10_000

export class Dropped {
  readonly #log: Log
  readonly #name: string
  readonly #counters: Record<DropReason, Counter>
  /** Since the log was told. */
  readonly #untold = new Map<DropReason, { count: number; why: string; from: string }>()
  #tellAt = 0

  constructor({ log, metrics, name }: { log: Log; metrics: Metrics; name: string }) {
    this.#log = log
    this.#name = name
    const counter = (reason: DropReason): Counter =>
      metrics.counter('trunkline_sip_dropped_total', { carrier: name, reason })
    this.#counters = {
      garbage: counter('garbage'),
      malformed: counter('malformed'),
      slow: counter('slow'),
      crowded: counter('crowded'),
    }
  }

  /** `from`: address of the sender, and nothing of what it sent. */
  add(reason: DropReason, why: string, from: string): void {
    this.#counters[reason].add(1)
    const untold = this.#untold.get(reason)
    if (untold === undefined) this.#untold.set(reason, { count: 1, why, from })
    else untold.count++
  }

  tick(nowMs: number): void {
    if (this.#untold.size === 0 || nowMs < this.#tellAt) return
    this.#tellAt = nowMs + LOG_MS
    for (const [reason, { count, why, from }] of this.#untold) {
      this.#log.warn({ carrier: this.#name, reason, count, from, why }, 'SIP messages were dropped')
    }
    this.#untold.clear()
  }
}
