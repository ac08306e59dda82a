/** The commits under way: how many, how long they take, and up to where everything is on disk. Dispatcher thread. */
import type { Clock } from '../contract/clock.js'
import { limits } from '../contract/limits.js'
import type { Histogram, Metrics } from '../contract/metrics.js'
import type { Ledger, Release } from './ledger.js'

/** A commit that takes longer means that the disk is in trouble. */
const STALLED_MS = 10_000

export interface CommitsDeps {
  clock: Clock
  metrics: Metrics
  /** A commit is on disk: what waited for it may happen. */
  released(release: Release): void
  /** The store failed: the process must stop. */
  failed(error: unknown): void
}

export class Commits {
  readonly #ledger: Ledger
  readonly #deps: CommitsDeps
  readonly #seconds: Histogram
  #outstanding = 0
  /** Monotonic: since when a commit has been awaited; Infinity: none is. */
  #awaitedSince = Number.POSITIVE_INFINITY
  #durable = 0

  constructor(ledger: Ledger, deps: CommitsDeps) {
    this.#ledger = ledger
    this.#deps = deps
    this.#seconds = deps.metrics.histogram('trunkline_store_commit_seconds')
  }

  /** Sequence of the last commit on disk. */
  get durable(): number {
    return this.#durable
  }

  /** Everything that the store has counts as durable: after the recovery. */
  caughtUp(): void {
    this.#durable = Math.max(this.#durable, this.#ledger.store.sequence)
  }

  get isIdle(): boolean {
    return this.#outstanding === 0
  }

  /** True: the disk takes longer over a commit than carriers wait for an answer. */
  get isStalled(): boolean {
    return this.#deps.clock.monotonic() - this.#awaitedSince >= STALLED_MS
  }

  /** True: there is something to commit, and room for one more. */
  get isDue(): boolean {
    return this.#outstanding < limits.commitsOutstanding && this.#ledger.hasWork
  }

  begin(): void {
    const { clock } = this.#deps
    this.#outstanding++
    const startedMs = clock.monotonic()
    this.#awaitedSince = Math.min(this.#awaitedSince, startedMs)
    this.#ledger.flush().then(
      (release) => {
        const nowMs = clock.monotonic()
        this.#outstanding--
        this.#awaitedSince = this.isIdle ? Number.POSITIVE_INFINITY : nowMs
        this.#seconds.observe((nowMs - startedMs) / 1000)
        this.#durable = Math.max(this.#durable, release.sequence)
        this.#deps.released(release)
      },
      (error) => this.#deps.failed(error),
    )
  }
}
