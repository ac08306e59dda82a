/** Puts money together from the store and, once the engine stands, from what it folds. Main thread. */
import type { Accounts } from '../accounts/accounts.js'
import type { Clock } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { JobBook } from '../jobs/job-book.js'
import type { LmdbStore } from '../store/lmdb-store.js'
import type { FolderDeps } from './folder.js'
import { Money } from './money.js'

export interface MoneyParts {
  store: LmdbStore
  clock: Clock
  log: Log
  /** The process must stop. */
  fail(error: unknown): void
}

/** Before the accounts, which show it. @throws EngineError STORE_CORRUPT. */
export function buildMoney({ store, clock, log, fail }: MoneyParts): Money {
  return new Money({
    environment: store.environment,
    clock,
    log,
    append: async (writes, notes) => {
      try {
        await store.appendLater([], notes, writes)
      } catch (error) {
        fail(error)
        throw error
      }
    },
  })
}

/** From now on money follows what becomes of messages. */
export function attachMoney(
  money: Money,
  from: { accounts: Accounts; book: JobBook } & Pick<FolderDeps, 'snapshot' | 'stored'>,
): void {
  const { accounts, book, snapshot, stored } = from
  money.attach({
    job: (job) => {
      const record = book.get(job)
      return record === null ? null : { account: record.account, isCanceled: record.state === 'canceled' }
    },
    zone: (account) => accounts.byNumber(account)?.timeZone ?? 'UTC',
    snapshot,
    stored,
  })
}
