/**
 * The commit under way: how long it takes, and up to where everything is on disk. One at a time: lmdb would store one that follows
 * a failed one, and counts would be of answers that are nowhere. Dispatcher thread.
 */
import { crashPoint } from '../base/crash-point.js'
import type { Clock } from '../contract/clock.js'
import type { Histogram, Metrics } from '../contract/metrics.js'
import type { CommitTurn } from '../store/commit-turn.js'
import type { Ledger, Release } from './ledger.js'

/** A commit that takes longer means that the disk is in trouble. */
const STALLED_MS = 10_000
/** When the loop is idle, states are stored so long after something changed: money and usage follow from them. */
const SNAPSHOT_MS = 1_000

/** While messages wait for their answer, a commit of fewer entries follows the one before only after so long. */
const SMALL_COMMIT = 512
const GIVE_WAY_MS = 10

export interface CommitsDeps {
  clock: Clock
  /** Absent: nobody else writes to the store. */
  turn?: CommitTurn
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
  /** Monotonic: since when a commit has been awaited; Infinity: none is. */
  #awaitedSince = Number.POSITIVE_INFINITY
  #durable = 0
  /** Monotonic: when the last one began. */
  #begunAtMs = 0
  /** Monotonic: since when states have changed that are not stored; Infinity: all are. */
  #owedSince = Number.POSITIVE_INFINITY
  #isAsked = false

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
    return this.#awaitedSince === Number.POSITIVE_INFINITY
  }

  /** True: the disk takes longer over a commit than carriers wait for an answer. */
  get isStalled(): boolean {
    return this.#deps.clock.monotonic() - this.#awaitedSince >= STALLED_MS
  }

  /** True: there is something to commit, and no commit is under way. */
  get isDue(): boolean {
    return this.#isWanted && this.waitMs <= 0
  }

  get #isWanted(): boolean {
    return this.isIdle && (this.#ledger.hasWork || this.#isSnapshotDue)
  }

  /** How long a commit that is wanted is held back for those who wait at the store; Infinity: none is wanted. */
  get waitMs(): number {
    if (!this.#isWanted) return Number.POSITIVE_INFINITY
    const { turn, clock } = this.#deps
    if (turn?.isUrgent !== true || this.#ledger.recorded >= SMALL_COMMIT) return 0
    return this.#begunAtMs + GIVE_WAY_MS - clock.monotonic()
  }

  get #isSnapshotDue(): boolean {
    if (!this.isIdle || !this.#ledger.owesSnapshot) return false
    return this.#deps.clock.monotonic() - this.#owedSince >= SNAPSHOT_MS
  }

  /** Stores the states with the next commit; `done` when they are on disk as they are now. */
  snapshot(done: () => void): void {
    if (this.isIdle && !this.#ledger.hasWork && !this.#ledger.owesSnapshot) {
      done()
      return
    }
    this.#isAsked = true
    this.#ledger.whenDurable(done)
  }

  begin(): void {
    const { clock } = this.#deps
    const isSnapshot = this.#isAsked || this.#isSnapshotDue
    this.#isAsked = false
    const startedMs = clock.monotonic()
    this.#begunAtMs = startedMs
    this.#awaitedSince = startedMs
    const flushed = this.#ledger.flush(isSnapshot)
    this.#owedSince = this.#ledger.owesSnapshot ? Math.min(this.#owedSince, startedMs) : Number.POSITIVE_INFINITY
    flushed.then(
      (release) => {
        const nowMs = clock.monotonic()
        this.#awaitedSince = Number.POSITIVE_INFINITY
        this.#seconds.observe((nowMs - startedMs) / 1000)
        this.#durable = Math.max(this.#durable, release.sequence)
        if (release.acks.count > 0) crashPoint('answers-owed')
        this.#deps.released(release)
        crashPoint('commit-released')
      },
      (error) => this.#deps.failed(error),
    )
  }
}
