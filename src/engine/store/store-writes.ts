/**
 * Every write to an LMDB environment passes here, in whatever thread and from whatever code: it is counted while it is under
 * way, the first that fails is told to all threads, and after that nothing more is written, because going on in the same
 * process can corrupt what is there (reliability.md P10; docs/decisions/0034). Any thread.
 */
import type { RootDatabase } from 'lmdb'
import { EngineError } from '../contract/errors.js'
import type { StorePulse } from './store-pulse.js'

/** Microtasks in which the cause of a failed commit comes, if it does. */
const CAUSE_TURNS = 8

interface Watch {
  pulse: StorePulse
  /** Main thread: ends the process. Elsewhere: the guard thread sees it. */
  failed(error: unknown): void
}

let watch: Watch | null = null

/** Once in each thread of the engine, before it opens an environment. Without it writes go unwatched, as in tools and tests. */
export function watchStoreWrites(pulse: StorePulse, failed: (error: unknown) => void = () => {}): void {
  watch = { pulse, failed }
}

/** The environment with its writes watched, where this thread watches. To open it, and its tables, is a write as well. */
export function watched(open: () => RootDatabase): RootDatabase {
  if (watch === null) return open()
  const writes = new Writes(watch)
  const root = writes.now(open)
  const batch = root.batch.bind(root)
  const transactionSync = root.transactionSync.bind(root)
  const openDB = root.openDB.bind(root) as (options: object) => unknown
  return Object.assign(root, {
    batch: (work: () => void) => writes.later(() => batch(work)),
    transactionSync: <T>(work: () => T) => writes.now(() => transactionSync(work)),
    openDB: (options: object) => writes.now(() => openDB(options)),
  }) as RootDatabase
}

/**
 * Of one environment in one thread. lmdb lets a transaction that was handed over behind a failed one go on, which would store a
 * change without the one that it builds on: so what is handed over in one turn goes together, and nothing more before all of
 * it is on disk.
 */
class Writes {
  readonly #watch: Watch
  readonly #slot: number
  /** Handed over in this turn of the event loop; null: nothing is. */
  #gathered: Promise<unknown>[] | null = null
  /** Until what was handed over in a turn before is on disk, or has failed; null: nothing is under way. */
  #underWay: Promise<void> | null = null

  constructor(watch: Watch) {
    this.#watch = watch
    this.#slot = watch.pulse.takeSlot()
  }

  async later(write: () => Promise<boolean>): Promise<boolean> {
    while (this.#underWay !== null) await this.#underWay
    this.#begin()
    try {
      return await this.#gather(write)
    } catch (error) {
      throw this.#fail(await causeOf(error))
    } finally {
      this.#watch.pulse.end(this.#slot)
    }
  }

  #gather(write: () => Promise<boolean>): Promise<boolean> {
    if (this.#gathered === null) {
      const gathered: Promise<unknown>[] = []
      this.#gathered = gathered
      // Before lmdb's own, with which it begins to write.
      setImmediate(() => {
        this.#gathered = null
        this.#underWay = Promise.allSettled(gathered).then(() => {
          this.#underWay = null
        })
      })
    }
    const written = write()
    this.#gathered.push(written)
    return written
  }

  now<T>(write: () => T): T {
    this.#begin()
    try {
      return write()
    } catch (error) {
      // What the work itself refuses (too many names) is no failure of the store.
      throw error instanceof EngineError ? error : this.#fail(error)
    } finally {
      this.#watch.pulse.end(this.#slot)
    }
  }

  #begin(): void {
    const { pulse } = this.#watch
    if (pulse.hasFailed) throw new EngineError('STORE_FAILED', 'an earlier write to the store failed; the engine stops')
    pulse.begin(this.#slot)
  }

  #fail(error: unknown): unknown {
    const { pulse, failed } = this.#watch
    pulse.fail(error instanceof Error ? error.message : String(error))
    failed(error)
    return error
  }
}

/** lmdb says why a commit failed by a promise that fails in the same turn; of some causes it never does. */
async function causeOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> }
  if (commitError === undefined) return error
  let cause = error
  commitError.catch((reason: unknown) => {
    cause = reason
  })
  for (let turn = 0; turn < CAUSE_TURNS && cause === error; turn++) await null
  return cause
}
