/**
 * One instant of the three environments of a data directory: exactly what a kill -9 would leave at that moment, because a commit
 * is on disk before anybody sees it. Whoever commits is held for the milliseconds in which three read transactions are opened;
 * from then on these see that instant, however long they are read. Worker thread of an engine, or a process of its own.
 *
 * The order queue, documents, contacts is the one in which anything that ever needs two of the writers' turns must take them.
 */
import type { Database, RootDatabase, Transaction } from 'lmdb'
import { openRoot } from '../store/open-root.js'

export const ENVIRONMENTS = ['queue', 'documents', 'contacts'] as const
export type EnvironmentName = (typeof ENVIRONMENTS)[number]

/** Keys and values as octets: what is copied need not be understood. */
export type RawTable = Database<Buffer, Buffer>

/** One environment as it was at the instant. */
export interface HeldEnvironment {
  name: EnvironmentName
  root: RootDatabase
  /** All of them, also such as this version does not know. */
  tables: { name: string; table: RawTable }[]
  transaction: Transaction
}

export interface Instant {
  environments: HeldEnvironment[]
  /** The pages that only the instant still needs are free again. */
  release(): Promise<void>
}

const TABLES_MAX = 64

/** Opens an environment to copy from or into. `noSync`: what is written is not on disk before the caller sees to it. */
export function openRaw(dataDir: string, name: EnvironmentName, options: { noSync?: boolean } = {}): RootDatabase {
  return openRoot(dataDir, name, { maxDbs: TABLES_MAX, ...options })
}

export function rawTable(root: RootDatabase, name: unknown): RawTable {
  return root.openDB<Buffer, Buffer>({ name: String(name), encoding: 'binary', keyEncoding: 'binary' } as {
    name: string
  }) as RawTable
}

/** `beside` runs within the instant, while nothing can be committed: it must be short. */
export function takeInstant(dataDir: string, beside: () => void): Instant {
  const roots = ENVIRONMENTS.map((name) => openRaw(dataDir, name))
  // Before the instant: a transaction knows the tables alone that were open when it began.
  const tables = roots.map((root) =>
    [...root.getKeys()].map((key) => ({ name: String(key), table: rawTable(root, key) })),
  )
  const transactions = held(roots, beside)
  const environments = ENVIRONMENTS.map((name, index) => {
    return { name, root: roots[index]!, transaction: transactions[index]!, tables: tables[index]! }
  })
  return {
    environments,
    async release() {
      for (const transaction of transactions) transaction.done()
      for (const root of roots) await root.close()
    },
  }
}

/** With the turns of all three writers. */
function held(roots: readonly RootDatabase[], beside: () => void): Transaction[] {
  const [queue, documents, contacts] = roots as [RootDatabase, RootDatabase, RootDatabase]
  let transactions: Transaction[] = []
  queue.transactionSync(() => {
    documents.transactionSync(() => {
      contacts.transactionSync(() => {
        transactions = roots.map((root) => {
          // Not a snapshot from before.
          root.resetReadTxn()
          return root.useReadTransaction()
        })
        beside()
      })
    })
  })
  return transactions
}

/** Octets that the tables take, about: for progress, and for the space that a copy needs. */
export function bytesOf({ tables }: HeldEnvironment): number {
  let bytes = 0
  for (const { table } of tables) {
    const stats = table.getStats() as Record<string, number>
    const { pageSize = 4096, treeBranchPageCount = 0, treeLeafPageCount = 0, overflowPages = 0 } = stats
    bytes += pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages)
  }
  return bytes
}
