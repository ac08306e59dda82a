/**
 * Records of dropped files in the documents: those that are not closed are held in memory too. Changes of one record happen
 * one after the other, and the memory changes only once the disk has it. Main thread.
 */
import type { DropRecord, EarlierDrop } from '../contract/drop-keeper.js'
import { dropId, jobId } from '../contract/ids.js'
import { limits } from '../contract/limits.js'
import type { Documents, DocumentWrite } from '../store/documents.js'

const DROPS = 'drops'
const OPEN = 'drops-open'
const OF_ACCOUNT = 'drops-of'
const CONTENTS = 'drop-contents'
/** Records looked at for one page of a list that is filtered. */
const SCAN_MAX = 2_000
const SWEEP_PAGE = 1_000
const KEPT_MS = limits.idempotencyHours * 3_600_000

/** Under [account, sha256]: what refuses the same content. */
interface ContentRecord {
  drop: number
  job: number
  file: string
  atMs: number
}

export interface BookQuery {
  /** Account number; null: all. */
  account: number | null
  limit: number
  /** Go on behind this drop; lists run from the newest. */
  before: number | null
  /** True: neither this drop nor any older one is wanted. */
  isPast(record: DropRecord): boolean
  matches(record: DropRecord): boolean
}

export class DropBook {
  readonly #documents: Documents
  readonly #open = new Map<number, DropRecord>()
  readonly #byJob = new Map<number, number>()
  readonly #turns = new Map<number, Promise<unknown>>()

  constructor(documents: Documents) {
    this.#documents = documents
    for (const { key } of documents.list(OPEN)) {
      const record = documents.get<DropRecord>(DROPS, key)
      if (record !== null) this.hold(record)
    }
  }

  /** What memory has of it, once the disk does. */
  hold(record: DropRecord): void {
    if (record.closed) this.#drop(record)
    else {
      this.#open.set(record.drop, record)
      if (record.job !== null) this.#byJob.set(record.job, record.drop)
    }
  }

  #drop({ drop, job }: DropRecord): void {
    this.#open.delete(drop)
    if (job !== null) this.#byJob.delete(job)
  }

  open(): DropRecord[] {
    return [...this.#open.values()].sort((a, b) => a.drop - b.drop)
  }

  /** Of a drop that is not closed; undefined: the job is none of a dropped file. */
  ofJob(job: number): number | undefined {
    return this.#byJob.get(job)
  }

  get(drop: number): DropRecord | null {
    return this.#open.get(drop) ?? this.#documents.get<DropRecord>(DROPS, [drop])
  }

  async create(record: DropRecord, beside: DocumentWrite[]): Promise<void> {
    const { account, drop } = record
    await this.#documents.write([
      { collection: DROPS, key: [drop], value: record },
      { collection: OPEN, key: [drop], value: {} },
      { collection: OF_ACCOUNT, key: [account, drop], value: {} },
      ...beside,
    ])
    this.hold(record)
  }

  /** What writes a record that is held already, for a transaction of somebody else's: `hold` follows it. */
  writesOf(next: DropRecord): DocumentWrite[] {
    const writes: DocumentWrite[] = [{ collection: DROPS, key: [next.drop], value: next }]
    if (next.closed) writes.push({ collection: OPEN, key: [next.drop], value: null })
    return writes
  }

  /** `beside` goes into the same transaction, and is made in the turn that writes it. */
  async update(
    drop: number,
    change: Partial<DropRecord>,
    beside: (next: DropRecord) => DocumentWrite[] = () => [],
  ): Promise<DropRecord> {
    return await this.inTurn(drop, async () => {
      const next = { ...this.get(drop)!, ...change }
      await this.#documents.write([...this.writesOf(next), ...beside(next)])
      this.hold(next)
      return next
    })
  }

  async inTurn<T>(drop: number, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(drop) ?? Promise.resolve()
    const turn = before.catch(() => {}).then(work)
    this.#turns.set(drop, turn)
    try {
      return await turn
    } finally {
      if (this.#turns.get(drop) === turn) this.#turns.delete(drop)
    }
  }

  async remove(drop: number): Promise<void> {
    const record = this.get(drop)
    if (record === null) return
    await this.#documents.write([
      { collection: DROPS, key: [drop], value: null },
      { collection: OPEN, key: [drop], value: null },
      { collection: OF_ACCOUNT, key: [record.account, drop], value: null },
    ])
    this.#drop(record)
  }

  /** From the newest. `next`: where the following page begins, null at the end. */
  list(query: BookQuery): { records: DropRecord[]; next: number | null } {
    const { account, before } = query
    const [collection, prefix] = account === null ? [DROPS, []] : [OF_ACCOUNT, [account]]
    const keys = this.#documents.list(collection, {
      prefix,
      after: before === null ? undefined : [...prefix, before],
      reverse: true,
      limit: SCAN_MAX,
    })
    const records: DropRecord[] = []
    for (const { key } of keys) {
      const drop = key.at(-1) as number
      const record = this.get(drop)
      if (record === null) continue
      if (query.isPast(record)) return { records, next: null }
      if (!query.matches(record)) continue
      records.push(record)
      if (records.length === query.limit) return { records, next: drop }
    }
    return { records, next: keys.length === SCAN_MAX ? (keys.at(-1)!.key.at(-1) as number) : null }
  }

  /** null: this content did not come within 72 h, or its drop failed. */
  earlier(account: number, sha256: string, nowMs: number): EarlierDrop | null {
    const known = this.#documents.get<ContentRecord>(CONTENTS, [account, sha256])
    if (known === null || known.atMs + KEPT_MS < nowMs) return null
    return { id: dropId(known.drop), file: known.file, job: jobId(known.job), atMs: known.atMs }
  }

  /** For the transaction that makes the job of a drop. */
  contentWrite({ drop, account, file, sha256 }: DropRecord, job: number, atMs: number): DocumentWrite {
    const value: ContentRecord = { drop, job, file, atMs }
    return { collection: CONTENTS, key: [account, sha256!], value }
  }

  /** The content of a drop that came to nothing may come again. */
  forgetContent({ drop, account, sha256 }: DropRecord): DocumentWrite[] {
    if (sha256 === null) return []
    const known = this.#documents.get<ContentRecord>(CONTENTS, [account, sha256])
    return known?.drop === drop ? [{ collection: CONTENTS, key: [account, sha256], value: null }] : []
  }

  /** Removes what refuses nothing any more. */
  async sweep(nowMs: number): Promise<void> {
    let after: (string | number)[] | undefined
    for (;;) {
      const page = this.#documents.list<ContentRecord>(CONTENTS, { after, limit: SWEEP_PAGE })
      const old = page.filter(({ value }) => value.atMs + KEPT_MS < nowMs)
      if (old.length > 0) {
        await this.#documents.write(old.map(({ key }) => ({ collection: CONTENTS, key, value: null })))
      }
      if (page.length < SWEEP_PAGE) return
      after = page.at(-1)!.key
    }
  }
}
