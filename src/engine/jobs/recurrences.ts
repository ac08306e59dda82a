/**
 * Recurring jobs: makes a job for each run when its time comes. The job and what its parent says of it become durable in one
 * transaction, so that whatever is killed whenever, each time has one run or is reported as left out. Main thread.
 */
import { crashPoint } from '../base/crash-point.js'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { Counts } from '../contract/job.js'
import { SKIP_REASONS } from '../contract/recurrence.js'
import { newJob } from './create.js'
import type { JobRecord } from './job-record.js'
import type { JobPorts } from './ports.js'
import { afterRun, afterSkip, type DueRun, dueRun, runSettings } from './recurring.js'

export interface RecurrencesDeps {
  ports: JobPorts
  counts(record: JobRecord): Counts
  /** Reads the rows of a new run, in the background. */
  begin(record: JobRecord): void
}

export class Recurrences {
  readonly #deps: RecurrencesDeps
  #turn: Promise<void> | null = null
  #isStopped = false

  constructor(deps: RecurrencesDeps) {
    this.#deps = deps
  }

  /** Makes the runs whose time has come. Call about once a second; a call while one is at work joins it. */
  tick(): Promise<void> {
    this.#turn ??= this.#work().finally(() => {
      this.#turn = null
    })
    return this.#turn
  }

  /** Resolves when no run is being made any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#turn
  }

  async #work(): Promise<void> {
    const { book, clock } = this.#deps.ports
    for (const { job } of book.recurring()) {
      if (this.#isStopped) return
      // The one before may have taken its time: this one can have been changed, or removed, since.
      const record = book.get(job)
      if (record === null) continue
      const due = dueRun(record, clock.now())
      if (due !== null) await this.#take(record, due)
    }
  }

  async #take(record: JobRecord, due: DueRun): Promise<void> {
    if (!due.isMade) return await this.#skip(record, due, null)
    if (this.#isUnderWay(record)) return await this.#skip(record, due, SKIP_REASONS.overlap)
    let draft: JobRecord
    try {
      this.#deps.ports.admit()
      draft = this.#draft(record, due)
    } catch (error) {
      if (!(error instanceof EngineError)) throw error
      // There is no room now: the run waits, and is missed only when that takes too long.
      if (error.code === 'STORE_FULL' || error.code === 'SHUTTING_DOWN') return
      return await this.#skip(record, due, error.code)
    }
    await this.#make(record, due, draft)
  }

  /** The last run is read, or has messages that no carrier has accepted yet; receipts are not waited for. */
  #isUnderWay({ recurring }: JobRecord): boolean {
    const last = recurring!.last === null ? null : this.#deps.ports.book.get(recurring!.last.job)
    if (last === null || last.closed) return false
    if (last.totals === null) return true
    const { queued, scheduled, sending } = this.#deps.counts(last)
    return queued + scheduled + sending > 0
  }

  /** @throws EngineError what a new job is refused for. */
  #draft(parent: JobRecord, { atMs, late }: DueRun): JobRecord {
    const { account: accountOf, clock } = this.#deps.ports
    const account = accountOf(parent.account)
    if (account === null || account.suspended) throw new EngineError('ACCOUNT_SUSPENDED', 'The account is suspended.')
    const nowMs = clock.now()
    const draft = newJob({ job: 0, account, nowMs, singles: false }, runSettings(parent.settings))
    const run = { of: parent.job, number: parent.recurring!.runs + 1, atMs, late }
    const record = { ...draft, timeZone: parent.timeZone, run }
    if (parent.settings.audience !== undefined) return record
    const { upload, sniff } = parent
    return { ...record, upload, sniff, file: parent.file ?? parent.job, state: 'running', startedAtMs: nowMs }
  }

  async #make(parent: JobRecord, due: DueRun, draft: JobRecord): Promise<void> {
    const { book, clock, log, takeNumber } = this.#deps.ports
    const number = takeNumber()
    const child = { ...draft, job: number.value }
    let isMade = false
    await book.update(
      parent.job,
      (current) => {
        if (!isStill(current, due)) return null
        isMade = true
        return afterRun(current, due, child.job, clock.now())
      },
      () => [number.write, ...book.creation(child)],
    )
    if (!isMade) return
    book.enter(child)
    crashPoint('run-made')
    if (due.missed > 0) {
      log.warn({ job: jobId(parent.job), missed: due.missed, late: due.late }, 'runs of a recurring job were missed')
    }
    this.#deps.begin(child)
  }

  async #skip(record: JobRecord, due: DueRun, reason: string | null): Promise<void> {
    const { book, clock, log } = this.#deps.ports
    await book.update(record.job, (current) =>
      isStill(current, due) ? afterSkip(current, due, { reason, nowMs: clock.now() }) : null,
    )
    const about = { job: jobId(record.job), reason: reason ?? SKIP_REASONS.missed, missed: due.missed }
    log.warn(about, 'a run of a recurring job was left out')
  }
}

/** Nobody paused, canceled or changed it since it was looked at. */
function isStill(current: JobRecord, due: DueRun): boolean {
  return current.state === 'scheduled' && current.recurring?.nextAtMs === due.expectedMs
}
