/**
 * The store of the simulation: the environments that openEnvironment and Documents open, in memory, with LMDB's promises. What a
 * batch writes is seen by readers once it is durable, never before; one transaction at a time; a crash takes everything that is
 * not durable. How long a commit takes, whether it fails, and what a crash does to the one under way is told from outside.
 * test/simulated-store.test.ts holds it against LMDB itself.
 */

import { Documents, type OpenDocuments } from '../../src/engine/store/documents.js'
import type { Environment } from '../../src/engine/store/environment.js'
import { MemoryTable, Rows, type TableKey, type WriteGatherer } from './memory-table.js'
import type { Life, VirtualTime } from './virtual-time.js'

const QUEUE_TABLES = [
  ...['blocks', 'marks', 'states', 'queue', 'ranges', 'loose', 'counts', 'log', 'open', 'awaiting', 'late'],
  ...['segments', 'talks', 'talkSegments', 'orphans', 'inbound', 'inboundList', 'inboundOf', 'events', 'extras'],
  ...['references', 'suppressions', 'optOutReplies', 'money', 'holds', 'usage', 'fold', 'folded', 'ruleEvents'],
  ...['ruleEventOrder', 'ruleEventWork', 'ruleEventEnds', 'meta'],
] as const

/** What becomes of one commit. */
export interface CommitFate {
  ms: number
  /** It fails; `isApplied`: though the disk has it. */
  failure: { isApplied: boolean } | null
}

export interface StoreFate {
  commit(): CommitFate
  /** The process dies while a commit is under way: true: the disk has it. */
  survivesCrash(): boolean
  /** A planted mistake: whoever waits for a commit is told before it is durable. */
  readonly tellsEarly?: boolean
  /** A planted mistake: this write is lost. */
  loses?(table: string): boolean
}

interface Write {
  table: MemoryTable
  key: TableKey
  value: Buffer | null
}

interface Transaction {
  writes: Write[]
  resolve: (done: boolean) => void
  reject: (error: unknown) => void
}

/** What the disk of the machine holds; it outlives every life. */
export class Disk {
  readonly #tables = new Map<string, Rows>()

  rows(environment: string, table: string): Rows {
    const name = `${environment}/${table}`
    const known = this.#tables.get(name) ?? new Rows(table)
    this.#tables.set(name, known)
    return known
  }
}

/** One environment as one life of the process has it open. */
export class MemoryRoot implements WriteGatherer {
  readonly #time: VirtualTime
  readonly #life: Life
  readonly #fate: StoreFate
  readonly #waiting: Transaction[] = []
  #underWay: Transaction | null = null
  #gathering: Write[] | null = null
  #isBroken = false

  constructor(time: VirtualTime, life: Life, fate: StoreFate) {
    this.#time = time
    this.#life = life
    this.#fate = fate
  }

  write(table: MemoryTable, key: TableKey, value: Buffer | null): Promise<boolean> {
    if (this.#gathering === null) return this.batch(() => void this.write(table, key, value))
    this.#gathering.push({ table, key, value })
    return DONE
  }

  /** What `work` writes becomes durable together. */
  batch(work: () => void): Promise<boolean> {
    const writes = this.#gather(work)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ writes, resolve, reject })
      this.#next()
    })
  }

  #gather(work: () => void): Write[] {
    const outer = this.#gathering
    const writes: Write[] = []
    this.#gathering = writes
    try {
      work()
    } finally {
      this.#gathering = outer
    }
    return writes
  }

  /** Durable on return. */
  transactionSync(work: () => void): void {
    this.#apply(this.#gather(work))
  }

  resetReadTxn(): void {}

  async close(): Promise<void> {}

  #next(): void {
    if (this.#underWay !== null || this.#isBroken) return
    const transaction = this.#waiting.shift()
    if (transaction === undefined) return
    this.#underWay = transaction
    const { ms, failure } = this.#fate.commit()
    if (this.#fate.tellsEarly === true) this.#tell(() => transaction.resolve(true))
    this.#time.after(ms, () => this.#ended(transaction, failure), this.#life)
  }

  #ended(transaction: Transaction, failure: CommitFate['failure']): void {
    if (this.#isBroken) return
    this.#underWay = null
    if (failure === null || failure.isApplied) this.#apply(transaction.writes)
    if (failure === null) {
      this.#tell(() => transaction.resolve(true))
      this.#next()
      return
    }
    this.#isBroken = true
    this.#tell(() => transaction.reject(Object.assign(new Error('commit failed'), { commitError: new Error('EIO') })))
  }

  #tell(tell: () => void): void {
    tell()
    this.#time.settle()
  }

  #apply(writes: readonly Write[]): void {
    for (const { table, key, value } of writes) {
      if (this.#fate.loses?.(table.rows.name) === true) continue
      table.rows.set(key, value)
    }
  }

  /** The process is gone. */
  crash(): void {
    if (this.#underWay !== null && this.#fate.survivesCrash()) this.#apply(this.#underWay.writes)
    this.#underWay = null
    this.#waiting.length = 0
    this.#isBroken = true
  }
}

const DONE = Promise.resolve(true)

/** The queue's environment and the documents of one life. */
export interface MemoryStore {
  environment: Environment
  documents: Documents
  crash(): void
}

export function openMemoryStore(disk: Disk, deps: { time: VirtualTime; life: Life; fate: StoreFate }): MemoryStore {
  const queue = new MemoryRoot(deps.time, deps.life, deps.fate)
  const small = new MemoryRoot(deps.time, deps.life, deps.fate)
  const tables = QUEUE_TABLES.map((name) => [name, new MemoryTable(disk.rows('queue', name), queue)] as const)
  const environment = { root: queue, ...Object.fromEntries(tables) } as unknown as Environment
  const table = new MemoryTable(disk.rows('documents', 'documents'), small)
  const documents = new Documents('', () => ({ root: small, table }) as unknown as OpenDocuments)
  return {
    environment,
    documents,
    crash: () => {
      queue.crash()
      small.crash()
    },
  }
}
