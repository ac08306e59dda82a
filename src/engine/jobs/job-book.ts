/**
 * Jobs in the documents: open ones are held in memory, closed ones are read when asked for. Changes of one job happen one
 * after the other, and the memory changes only once the disk has it. Main thread.
 */
import { EngineError } from '../contract/errors.js'
import type { DocumentKey, Documents, DocumentWrite } from '../store/documents.js'
import { referenceKey } from '../store/extras.js'
import type { JobRecord } from './job-record.js'
import { OpenJobs } from './open-jobs.js'

/** Documents looked at for one page of a list that is filtered by state. */
const SCAN_MAX = 2_000

export interface JobQuery {
  /** Account number; null: all. */
  account: number | null
  limit: number
  /** Go on behind this job (lists run from the newest). */
  before: number | null
  /** Only jobs of this reference, found by an index when the account is known. */
  reference: string | null
  /** Only runs of this job. */
  parent: number | null
  /** True: neither this job nor any older one is wanted. */
  isPast(record: JobRecord): boolean
  matches(record: JobRecord): boolean
}

/** Writes that tell of a change, given the record before and after it. */
export type Beside = (before: JobRecord, after: JobRecord) => DocumentWrite[]

/** What is told of each change. */
export interface JobWatcher {
  /** Goes into the transaction of the change, which follows in the same turn. `before`: null when it is made. */
  writes(before: JobRecord | null, next: JobRecord): DocumentWrite[]
  /** It is on disk. */
  written(next: JobRecord): void
}

export class JobBook {
  readonly #documents: Documents
  readonly #open = new Map<number, JobRecord>()
  /** What they take of the memory. */
  readonly load = new OpenJobs()
  /** Of those that are open. */
  readonly #recurring = new Set<number>()
  readonly #turns = new Map<number, Promise<unknown>>()
  watcher: JobWatcher = { writes: () => [], written: () => {} }

  constructor(documents: Documents) {
    this.#documents = documents
    for (const { key } of documents.list('jobs-open')) {
      const record = documents.get<JobRecord>('jobs', key)
      if (record !== null) this.#hold(record)
    }
  }

  /** Every job that may still change, in order of creation. */
  open(): JobRecord[] {
    return [...this.#open.values()].sort((a, b) => a.job - b.job)
  }

  /** Recurring jobs that may still run, in no order. */
  recurring(): JobRecord[] {
    const found: JobRecord[] = []
    for (const job of this.#recurring) found.push(this.#open.get(job)!)
    return found
  }

  isOpen(job: number): boolean {
    return this.#open.has(job)
  }

  get(job: number): JobRecord | null {
    return this.#open.get(job) ?? this.#documents.get<JobRecord>('jobs', [job])
  }

  /** Durable when it resolves; `beside` goes into the same transaction. */
  async create(record: JobRecord, beside: DocumentWrite[]): Promise<void> {
    await this.#documents.write([...this.creation(record), ...beside])
    this.enter(record)
  }

  /** What makes a job, for a transaction of somebody else; call `enter` when it is durable. */
  creation(record: JobRecord): DocumentWrite[] {
    const index: DocumentWrite[] = record.singles
      ? []
      : [
          { collection: 'jobs-of', key: [record.account, record.job], value: {} },
          { collection: 'jobs-all', key: [record.job], value: {} },
          ...referenceIndex(record),
          ...runIndex(record),
        ]
    return [
      { collection: 'jobs', key: [record.job], value: record },
      { collection: 'jobs-open', key: [record.job], value: {} },
      ...index,
      ...this.watcher.writes(null, record),
    ]
  }

  enter(record: JobRecord): void {
    this.#hold(record)
    this.watcher.written(record)
  }

  /**
   * Applies `change` to the newest record and resolves when it is durable. `null` from `change`: nothing to do. What
   * `change` throws goes to the caller. What `beside` gives goes into the same transaction.
   * @throws EngineError NOT_FOUND: it was removed meanwhile.
   */
  async update(
    job: number,
    change: (record: JobRecord) => Partial<JobRecord> | null,
    beside?: Beside,
  ): Promise<JobRecord> {
    return await this.#inTurn(job, () => this.#apply(job, change, beside))
  }

  async #inTurn<T>(job: number, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(job) ?? Promise.resolve()
    const turn = before.catch(() => {}).then(work)
    this.#turns.set(job, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(job) === turn) this.#turns.delete(job)
    }
  }

  async #apply(
    job: number,
    change: (record: JobRecord) => Partial<JobRecord> | null,
    beside: Beside | undefined,
  ): Promise<JobRecord> {
    const current = this.get(job)
    if (current === null) throw new EngineError('NOT_FOUND', 'There is no such job.')
    const changes = change(current)
    if (changes === null) return current
    const next = { ...current, ...changes }
    const writes: DocumentWrite[] = [{ collection: 'jobs', key: [job], value: next }]
    if (next.closed !== current.closed) {
      writes.push({ collection: 'jobs-open', key: [job], value: next.closed ? null : {} })
    }
    writes.push(...(beside?.(current, next) ?? []), ...this.watcher.writes(current, next))
    await this.#documents.write(writes)
    if (next.closed) this.#drop(job)
    else this.#hold(next)
    this.watcher.written(next)
    return next
  }

  #hold(record: JobRecord): void {
    this.load.changed(this.#open.get(record.job) ?? null, record)
    this.#open.set(record.job, record)
    if (record.recurring !== undefined) this.#recurring.add(record.job)
  }

  #drop(job: number): void {
    this.load.changed(this.#open.get(job) ?? null, null)
    this.#open.delete(job)
    this.#recurring.delete(job)
  }

  /** As if it had never been; it is closed, or changes no more. `beside` goes into the same transaction. */
  async remove(job: number, beside: DocumentWrite[]): Promise<void> {
    await this.#inTurn(job, () => this.#erase(job, beside))
  }

  async #erase(job: number, beside: DocumentWrite[]): Promise<void> {
    const record = this.get(job)
    if (record === null) return
    const keys: [collection: string, key: DocumentKey][] = [
      ['jobs', [job]],
      ['jobs-open', [job]],
      ['jobs-of', [record.account, job]],
      ['jobs-all', [job]],
      ['job-texts', [job]],
    ]
    for (const { collection, key } of [...referenceIndex(record), ...runIndex(record)]) keys.push([collection, key])
    await this.#documents.write([...keys.map(([collection, key]) => ({ collection, key, value: null })), ...beside])
    this.#drop(job)
  }

  /** Numbers of the newest file jobs of an account (null: of all), descending. */
  newestJobs(account: number | null): number[] {
    const [collection, prefix] = account === null ? ['jobs-all', []] : ['jobs-of', [account]]
    const keys = this.#documents.list(collection, { prefix, reverse: true, limit: SCAN_MAX })
    return keys.map(({ key }) => key.at(-1) as number)
  }

  /** From the newest. `next`: where the following page begins, null at the end. */
  list(query: JobQuery): { records: JobRecord[]; next: number | null } {
    const [collection, prefix] = indexOf(query)
    const keys = this.#documents.list(collection, {
      prefix,
      after: query.before === null ? undefined : [...prefix, query.before],
      reverse: true,
      limit: SCAN_MAX,
    })
    const records: JobRecord[] = []
    for (const { key } of keys) {
      const job = key.at(-1) as number
      const record = this.get(job)
      if (record === null) continue
      if (query.isPast(record)) return { records, next: null }
      if (!query.matches(record)) continue
      records.push(record)
      if (records.length === query.limit) return { records, next: job }
    }
    return { records, next: keys.length === SCAN_MAX ? (keys.at(-1)!.key.at(-1) as number) : null }
  }
}

/** Jobs of an account by the begin of their reference, as store/extras.ts does it for messages. */
function referenceIndex({ account, job, settings }: JobRecord): DocumentWrite[] {
  const { clientReference } = settings
  if (clientReference === undefined) return []
  return [{ collection: 'jobs-reference', key: [account, referenceKey(clientReference), job], value: {} }]
}

/** Runs by the job that they are runs of. */
function runIndex({ job, run }: JobRecord): DocumentWrite[] {
  return run === undefined ? [] : [{ collection: 'job-runs', key: [run.of, job], value: {} }]
}

function indexOf({ account, reference, parent }: JobQuery): [collection: string, prefix: DocumentKey] {
  if (parent !== null) return ['job-runs', [parent]]
  if (account === null) return ['jobs-all', []]
  return reference === null ? ['jobs-of', [account]] : ['jobs-reference', [account, referenceKey(reference)]]
}
