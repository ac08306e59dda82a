/**
 * Those who watch one carrier's traffic, whatever its protocol. Dispatcher thread; while nobody watches it costs one
 * comparison a message. A watcher gets a batch, says when it wants more, and misses what came while its batch was full.
 */
import { limits } from '../contract/limits.js'
import type { TraceBatch, TracedPdu, TraceFilter } from '../contract/trace.js'

export type TraceEmit = (watch: number, batch: TraceBatch) => void

/** What one of them wants to see, and has not been given yet. */
export class TraceWatcher {
  readonly filter: TraceFilter
  isWaiting = true
  /** Requests that matched, so that their answers are shown; the key is the protocol's. */
  readonly #asked = new Set<string>()
  #pdus: TracedPdu[] = []
  #dropped = 0

  constructor(filter: TraceFilter) {
    this.filter = filter
  }

  /** False: it is too slow, and misses this one. Look before decoding for it. */
  hasRoom(): boolean {
    if (this.#pdus.length < limits.tracedPdus) return true
    this.#dropped++
    return false
  }

  push(pdu: TracedPdu): void {
    this.#pdus.push(pdu)
  }

  /** A far end that never answers must not make this grow. */
  ask(key: string): void {
    if (this.#asked.size >= limits.tracedPdus) this.#asked.clear()
    this.#asked.add(key)
  }

  /** True when this was asked, once. */
  wasAsked(key: string): boolean {
    return this.#asked.delete(key)
  }

  take(): TraceBatch | null {
    if (!this.isWaiting || (this.#pdus.length === 0 && this.#dropped === 0)) return null
    const batch = { pdus: this.#pdus, dropped: this.#dropped }
    this.#pdus = []
    this.#dropped = 0
    this.isWaiting = false
    return batch
  }
}

export class TraceWatchers {
  readonly #emit: TraceEmit
  readonly #watchers = new Map<number, TraceWatcher>()
  /** True while somebody watches: look at it before anything else. */
  isOn = false

  constructor(emit: TraceEmit) {
    this.#emit = emit
  }

  watch(watch: number, filter: TraceFilter): void {
    this.#watchers.set(watch, new TraceWatcher(filter))
    this.isOn = true
  }

  unwatch(watch: number): void {
    this.#watchers.delete(watch)
    this.isOn = this.#watchers.size > 0
  }

  /** The watcher has used up its last batch. */
  more(watch: number): void {
    const watcher = this.#watchers.get(watch)
    if (watcher !== undefined) watcher.isWaiting = true
  }

  all(): Iterable<TraceWatcher> {
    return this.#watchers.values()
  }

  /** Hands over what has gathered. */
  tick(): void {
    if (!this.isOn) return
    for (const [watch, watcher] of this.#watchers) {
      const batch = watcher.take()
      if (batch !== null) this.#emit(watch, batch)
    }
  }
}
