/** The way of contacts to the ingest threads: fair between accounts and jobs, and single changes in groups. Main thread. */
import type { Clock } from '../contract/clock.js'
import type { ContactTask, SingleChange, SingleResult } from '../contract/contact-tasks.js'
import { EngineError } from '../contract/errors.js'
import type { FairPool } from '../jobs/fair-pool.js'
import type { ContactTables } from './contact-tables.js'

/** Single changes of one task. */
const GROUP_MOST = 1_000

export interface ContactRunnerDeps {
  pool: FairPool
  tables: ContactTables
  clock: Clock
  /** The store failed: the process must stop. */
  fail(error: unknown): void
}

interface Waiting {
  change: SingleChange
  resolve(result: SingleResult): void
  reject(error: unknown): void
}

export class ContactRunner {
  readonly #deps: ContactRunnerDeps
  #waiting: Waiting[] = []
  #isWriting = false

  constructor(deps: ContactRunnerDeps) {
    this.#deps = deps
  }

  /** What the tables hold now: a snapshot of this thread may be older than what a worker has answered. */
  get tables(): ContactTables {
    this.#deps.tables.root.resetReadTxn()
    return this.#deps.tables
  }

  /** `isQuick`: takes milliseconds. Tasks of one account wait for each other's turn, not for those of others. */
  async run<T>(account: number, task: ContactTask, isQuick = false): Promise<T> {
    try {
      // Jobs have positive numbers in the same pool.
      return (await this.#deps.pool.run(-account, task, isQuick)) as T
    } catch (error) {
      if (error instanceof EngineError && error.code === 'STORE_FAILED') this.#deps.fail(error)
      throw error
    }
  }

  /** Resolves when it is durable. Those that come while one group is written are the next one. */
  change(change: SingleChange): Promise<SingleResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ change, resolve, reject })
      if (!this.#isWriting) void this.#write()
    })
  }

  async #write(): Promise<void> {
    this.#isWriting = true
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, GROUP_MOST)
      try {
        const changes = group.map(({ change }) => change)
        const task: ContactTask = { kind: 'contactChanges', changes, nowMs: this.#deps.clock.now() }
        const results = await this.run<SingleResult[]>(changes[0]!.account, task, true)
        group.forEach(({ resolve }, index) => {
          resolve(results[index]!)
        })
      } catch (error) {
        for (const { reject } of group) reject(error)
      }
    }
    this.#isWriting = false
  }
}
