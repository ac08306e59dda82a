/**
 * Jobs that nothing was sent of: their content is changed and their rows read anew, they are copied and removed. Each of these
 * is a mark in the job's document first, so that a start goes on with what a kill cut short. Main thread.
 */
import { existsSync } from 'node:fs'
import { EngineError } from '../contract/errors.js'
import type { SniffResult } from '../contract/ingest.js'
import type { JobSettings } from '../contract/job.js'
import { limits } from '../contract/limits.js'
import type { DocumentWrite } from '../store/documents.js'
import type { AudienceUploads } from './audience-uploads.js'
import { type JobAccount, newJob } from './create.js'
import type { Ingest } from './ingest.js'
import type { JobRecord } from './job-record.js'
import type { JobPorts } from './ports.js'
import { requireState } from './release.js'
import { removeUpload } from './upload-file.js'
import type { Uploads } from './uploads.js'

export interface DraftParts {
  ports: JobPorts
  ingest: Ingest
  uploads: Uploads
  audiences: AudienceUploads
}

/** Writes for the transaction, given the job before and after it. */
type Beside = (before: JobRecord, after: JobRecord) => DocumentWrite[]

export class Drafts {
  readonly #parts: DraftParts

  constructor(parts: DraftParts) {
    this.#parts = parts
  }

  /**
   * Settings as they are to be; `settings.audience` as it was given. @throws EngineError, and nothing has changed.
   */
  async change(record: JobRecord, account: JobAccount, settings: JobSettings, beside: Beside): Promise<void> {
    const { ports, uploads } = this.#parts
    if (uploads.isRunning(record.job)) {
      throw new EngineError('UPLOAD_RUNNING', 'Rows of the job are coming in; wait for their end, or cancel the job.')
    }
    requireUnsent(record)
    const whole = this.#whole(record, account, settings)
    const draft = newJob({ job: record.job, account, nowMs: ports.clock.now(), singles: false }, whole)
    ports.wayOut(account, whole)
    const next = { settings: draft.settings, timeZone: draft.timeZone, currency: draft.currency }
    if (record.upload !== null) await this.#requireReadable({ ...record, ...next })
    const isRead = record.upload !== null
    const changed = await ports.book.update(
      record.job,
      (current) => {
        requireUnsent(current)
        if (current.upload?.sha256 !== record.upload?.sha256) throw cameMeanwhile()
        return isRead ? { ...next, ...UNREAD, redo: true } : next
      },
      beside,
    )
    if (isRead) await this.redo(changed)
  }

  #whole(record: JobRecord, account: JobAccount, settings: JobSettings): JobSettings {
    if (settings.audience === undefined) return settings
    if (record.upload !== null && record.settings.audience === undefined) {
      const message = 'The job has the rows of a file; copy it without them to send to an audience.'
      throw new EngineError('WRONG_STATE', message)
    }
    return this.#parts.ports.audiences.settings(account.number, settings)
  }

  /** Finds out what the file would be refused for before the draft is touched. Rows of an audience are made anew. */
  async #requireReadable(record: JobRecord): Promise<void> {
    if (record.settings.audience !== undefined) return
    const { ingest, ports } = this.#parts
    const sniff = (await ports.pool.run(record.job, ingest.sniffTask(record), true)) as SniffResult
    ingest.plan(record, sniff)
  }

  /** What was read is taken back, and read anew. Also at start. */
  async redo(record: JobRecord): Promise<void> {
    const { ports, ingest, audiences } = this.#parts
    const { job } = record
    ports.store.discard(job)
    const isAudience = record.settings.audience !== undefined
    if (isAudience) await removeUpload(ingest.path(job))
    const ready = await ports.book.update(job, () => ({ redo: false, ...(isAudience ? { upload: null } : {}) }))
    if (isAudience) return await audiences.begin(ready)
    const run = ingest.begin(ready)
    run.complete(ready.upload!.bytes)
    if (ready.upload!.bytes <= limits.sniffBytes) await ingest.conclude(job, run)
    else ingest.watch(job, run)
  }

  /** The rows of another job's file; the job has none yet. Also at start. */
  async fill(record: JobRecord): Promise<void> {
    await this.#parts.audiences.begin(record)
  }

  /** The file of the job can be copied. */
  hasRows(record: JobRecord): boolean {
    return record.upload !== null && existsSync(this.#parts.ingest.path(record.job))
  }

  /** Nothing of it is left but what the audit log says. @throws EngineError WRONG_STATE. */
  async remove(record: JobRecord, beside: () => DocumentWrite[]): Promise<void> {
    const { ports, ingest } = this.#parts
    if (hasSent(record)) requireUnsent(record)
    if (!record.closed) {
      await ports.book.update(record.job, (current) => {
        if (current.released || hasRun(current)) requireUnsent(current)
        return { ...UNREAD, state: 'canceled', finishedAtMs: ports.clock.now() }
      })
    }
    await ingest.takeBack(record.job)
    ports.money.closing(record.job)
    await ports.book.remove(record.job, beside())
  }
}

/** As a job whose rows have not been read. */
const UNREAD = { state: 'receiving', totals: null, tally: null, sniff: null } as const

function hasSent(record: JobRecord): boolean {
  return record.released || hasRun(record) || (record.totals?.accepted ?? 0) > 0
}

/** Its runs point at it, and may read its file. */
function hasRun({ recurring }: JobRecord): boolean {
  return recurring !== undefined && recurring.runs > 0
}

/** @throws EngineError WRONG_STATE. */
function requireUnsent(record: JobRecord): void {
  const isAwaited = record.state === 'receiving' && record.upload === null
  requireState(record, record.state, isAwaited ? ['receiving'] : ['ready'])
}

function cameMeanwhile(): EngineError {
  return new EngineError('WRONG_STATE', 'The rows of the job came in meanwhile; look at it, and change it then.')
}
