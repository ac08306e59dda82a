/**
 * Forgets texts, and later everything else of messages, when their time is over: block after block in short transactions, so
 * that nobody waits for it, and each step may be done again after a kill. Counts, prices, usage and money stay. Main thread.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { Coalesced } from '../base/coalesced.js'
import { crashPoint } from '../base/crash-point.js'
import type { Clock } from '../contract/clock.js'
import { jobId } from '../contract/ids.js'
import type { Log } from '../contract/log.js'
import type { JobBook } from '../jobs/job-book.js'
import type { JobRecord } from '../jobs/job-record.js'
import { removeUpload, uploadPath } from '../jobs/upload-file.js'
import type { Documents } from '../store/documents.js'
import type { DiskTraces } from './disk-traces.js'
import type { BlockRetention } from './retention-blocks.js'

const DAY_MS = 86_400_000
const LOOK_EVERY_MS = 3_600_000
const JOBS_AT_ONCE = 100
const PROGRESS = ['retention'] as const

export interface RetentionDeps {
  /** 0: for ever. */
  textDays: number
  rowDays: number
  dataDir: string
  documents: Documents
  book: JobBook
  blocks: BlockRetention
  disk: DiskTraces
  clock: Clock
  log: Log
  isStopping(): boolean
  /** The process must stop. */
  fail(error: unknown): void
}

type Stage = 'texts' | 'rows'

export class Retention {
  readonly #deps: RetentionDeps
  readonly #work = new Coalesced(() => this.#run())
  #nextMs = Number.NEGATIVE_INFINITY
  #lookedAtMs = Number.NEGATIVE_INFINITY

  constructor(deps: RetentionDeps) {
    this.#deps = deps
  }

  /** Looks once an hour, and when the clock was set back. Cheap; never overlaps. */
  tick(): void {
    const nowMs = this.#deps.clock.now()
    if (nowMs < this.#nextMs && nowMs >= this.#lookedAtMs) return
    this.#lookedAtMs = nowMs
    this.#nextMs = nowMs + LOOK_EVERY_MS
    this.#work.run().catch((error) => {
      if (!this.#deps.isStopping()) this.#deps.fail(error)
    })
  }

  async stop(): Promise<void> {
    await this.#work.idle()
  }

  async #run(): Promise<void> {
    const { textDays, rowDays, disk, log } = this.#deps
    if (textDays === 0 && rowDays === 0) return
    const nowMs = this.#deps.clock.now()
    const forgotten = { texts: 0, rows: 0 }
    let open: number | null = null
    for await (const record of this.#jobs()) {
      if (this.#deps.isStopping()) return
      const isDone = record.singles
        ? await this.#single(record, nowMs, forgotten)
        : await this.#file(record, nowMs, forgotten)
      if (!isDone) open ??= record.job
    }
    if (open !== null) await this.#keepProgress(open)
    if (forgotten.texts + forgotten.rows === 0) return
    await disk.overwrite()
    log.info(forgotten, 'messages whose time was over were forgotten')
  }

  /** From the first of which anything is left. */
  async *#jobs(): AsyncGenerator<JobRecord> {
    const { documents } = this.#deps
    let after = (documents.get<{ job: number }>('meta', [...PROGRESS])?.job ?? 1) - 1
    for (;;) {
      const page = documents.list<JobRecord>('jobs', { after: [after], limit: JOBS_AT_ONCE })
      for (const { value } of page) yield this.#deps.book.get(value.job) ?? value
      if (page.length < JOBS_AT_ONCE) return
      after = page.at(-1)!.key[0] as number
      await turn()
    }
  }

  async #keepProgress(job: number): Promise<void> {
    const { documents } = this.#deps
    if (documents.get<{ job: number }>('meta', [...PROGRESS])?.job === job) return
    await documents.put('meta', [...PROGRESS], { job })
  }

  /** True: nothing of it is left to be forgotten. */
  async #file(record: JobRecord, nowMs: number, forgotten: Record<Stage, number>): Promise<boolean> {
    const { textDays, rowDays, blocks, book } = this.#deps
    const { job } = record
    if (record.erased?.rowsAtMs !== undefined) return true
    if (!record.closed) return false
    const endedMs = record.finishedAtMs ?? record.createdAtMs
    if (isOver(rowDays, endedMs, nowMs)) {
      if (this.#isFileNeeded(record)) return false
      forgotten.rows += await blocks.forgetRows(job)
      await removeUpload(uploadPath(this.#deps.dataDir, jobId(job)))
      crashPoint('file-forgotten')
      await book.update(job, ({ erased, settings }) => {
        const { suppressed: _suppressed, ...rest } = settings
        return { settings: rest, erased: { textsAtMs: nowMs, ...erased, rowsAtMs: nowMs } }
      })
      return true
    }
    if (record.erased === undefined && isOver(textDays, endedMs, nowMs)) {
      forgotten.texts += await blocks.forgetTexts(job)
      await book.update(job, () => ({ erased: { textsAtMs: nowMs } }))
    }
    return rowDays === 0 && (textDays === 0 || record.erased !== undefined)
  }

  /** A job that is not over has its rows in this one's file. */
  #isFileNeeded({ job }: JobRecord): boolean {
    return this.#deps.book.open().some(({ file, rowsOf, retry, run }) => {
      return file === job || rowsOf === job || retry?.file === job || retry?.of === job || run?.of === job
    })
  }

  /** Open-ended: block by block. */
  async #single(record: JobRecord, nowMs: number, forgotten: Record<Stage, number>): Promise<boolean> {
    const { textDays, rowDays, blocks } = this.#deps
    const { job } = record
    if (rowDays > 0) forgotten.rows += await blocks.forgetLoose(job, nowMs - rowDays * DAY_MS, 'rows')
    if (textDays > 0) forgotten.texts += await blocks.forgetLoose(job, nowMs - textDays * DAY_MS, 'texts')
    return false
  }
}

function isOver(days: number, sinceMs: number, nowMs: number): boolean {
  return days > 0 && nowMs - sinceMs >= days * DAY_MS
}
