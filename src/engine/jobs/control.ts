/**
 * Start, pause, resume, cancel and change of a job: durable in its document first, then the dispatcher is told. A job whose
 * file is still being read is told nothing: its release carries the state that it has by then. Main thread.
 */

import { crashPoint } from '../base/crash-point.js'
import { NOT_A_TIME, parseTime } from '../base/instant.js'
import type { Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { JobPatch } from '../contract/job.js'
import { windowErrors } from '../schedule/window-setting.js'
import type { DocumentWrite } from '../store/documents.js'
import { requireFeature } from './create.js'
import type { Ingest } from './ingest.js'
import { type JobRecord, noTotals, shownState } from './job-record.js'
import type { JobPorts } from './ports.js'
import { patchedRecurring, RecurringControl, requireEvery } from './recurring-control.js'
import { dispatchOf, goState, requireState } from './release.js'

const ENDED = ['finished', 'canceled', 'failed']

export class JobControl {
  readonly #ports: JobPorts
  readonly #ingest: Ingest
  readonly #recurring: RecurringControl

  constructor(ports: JobPorts, ingest: Ingest) {
    this.#ports = ports
    this.#ingest = ingest
    this.#recurring = new RecurringControl({
      ports,
      change: (job, about, change) => this.#change(job, about, change),
      steer: {
        pause: (job, by) => this.pause(job, by),
        resume: (job, by) => this.resume(job, by),
        cancel: (job, by) => this.cancel(job, by),
      },
      takeBack: (job) => this.#ingest.takeBack(job),
    })
  }

  #isRecurring(job: number): boolean {
    return this.#ports.book.get(job)!.recurring !== undefined
  }

  async #change(
    job: number,
    { action, by }: { action: string; by: Principal | null },
    change: (record: JobRecord, nowMs: number) => Partial<JobRecord> | null,
  ): Promise<void> {
    const { book, clock } = this.#ports
    const record = await book.update(
      job,
      (current) => change(current, clock.now()),
      (before, after) => this.audited(action, by, before, after),
    )
    crashPoint('job-changed')
    if (record.released) this.#ports.post({ type: 'job', job: dispatchOf(record, this.#ports.account(record.account)) })
  }

  /** The audit record of a change, for the transaction of it. */
  audited(action: string, by: Principal | null, before: JobRecord, after: JobRecord): DocumentWrite[] {
    const account = { id: before.accountId, number: before.account }
    const object = `job/${jobId(before.job)}`
    return this.#ports.audit.recordWrites({ principal: by, action, object, account, before, after })
  }

  /** `by` in all of these: who asks; null: the engine itself. */
  async start(job: number, by: Principal | null): Promise<void> {
    this.#requireFeature(job)
    if (this.#isRecurring(job)) return await this.#recurring.start(job, by)
    await this.#reserve(job)
    await this.#change(job, { action: 'job.start', by }, (record, nowMs) => {
      requireState(record, shownState(record, nowMs), ['ready'])
      return { state: goState(record, nowMs), startedAtMs: nowMs, released: true }
    })
  }

  /** It may have been switched off after the job was made. @throws EngineError FEATURE_OFF. */
  #requireFeature(job: number): void {
    const { account, book } = this.#ports
    const { account: number, settings } = book.get(job)!
    const owner = account(number)
    if (owner !== null) requireFeature(owner, settings)
  }

  /** What a draft costs is reserved when it is started. @throws EngineError INSUFFICIENT_BALANCE, QUOTA_EXCEEDED. */
  async #reserve(job: number): Promise<void> {
    const { account, book, money } = this.#ports
    const record = book.get(job)!
    if (record.state !== 'ready' || record.tally == null || record.totals?.accepted === 0) return
    await money.hold({ job, account: record.account, id: jobId(job) }, account(record.account), record.tally)
    // A cancel that came meanwhile may have given back what was not reserved yet.
    if (book.get(job)!.closed) money.closing(job)
  }

  async pause(job: number, by: Principal | null): Promise<void> {
    if (this.#isRecurring(job)) return await this.#recurring.pause(job, by)
    await this.#change(job, { action: 'job.pause', by }, (record, nowMs) => {
      if (record.state === 'paused') return null
      requireState(record, shownState(record, nowMs), ['running', 'scheduled'])
      return { state: 'paused' }
    })
  }

  async resume(job: number, by: Principal | null): Promise<void> {
    this.#requireFeature(job)
    if (this.#isRecurring(job)) return await this.#recurring.resume(job, by)
    await this.#change(job, { action: 'job.resume', by }, (record, nowMs) => {
      if (record.state === 'running') return null
      requireState(record, shownState(record, nowMs), ['paused'])
      return { state: goState(record, nowMs), reason: null, detail: null }
    })
  }

  /** Queued work is taken out by the dispatcher; a job that is still read loses all that it stored. */
  async cancel(job: number, by: Principal | null): Promise<void> {
    const { book, clock } = this.#ports
    if (this.#isRecurring(job)) return await this.#recurring.cancel(job, by)
    await this.#change(job, { action: 'job.cancel', by }, (record) => {
      if (record.state === 'canceled') return null
      requireState(record, record.state, ['receiving', 'ready', 'scheduled', 'running', 'paused'])
      const isRead = record.totals !== null
      return { state: 'canceled', finishedAtMs: clock.now(), released: isRead }
    })
    if (book.get(job)!.totals === null) await this.finishCancel(job)
  }

  /** Also at start, for a cancel that a crash cut short. */
  async finishCancel(job: number): Promise<void> {
    await this.#ingest.takeBack(job)
    await this.#ports.book.update(job, () => ({ totals: noTotals(), closed: true }))
    this.#ports.money.closing(job)
  }

  /** @throws EngineError VALIDATION, WRONG_STATE. */
  async patch(job: number, change: JobPatch, by: Principal | null): Promise<void> {
    const { sendAt } = change
    // null takes the time away: the job goes at once.
    const sendAtMs = sendAt == null ? 0 : parseTime(sendAt)
    if (sendAtMs === null) {
      const fields = [{ pointer: '/sendAt', message: NOT_A_TIME }]
      throw new EngineError('VALIDATION', `sendAt ${NOT_A_TIME}.`, { fields })
    }
    const fields = change.window == null ? [] : [...windowErrors(change.window, '/window')]
    if (fields.length > 0) throw new EngineError('VALIDATION', 'The window does not fit.', { fields })
    await this.#change(job, { action: 'job.change', by }, (record, nowMs) => {
      requireEvery(record, change)
      const { name, tags, ...sending } = change
      if (ENDED.includes(record.state) && Object.keys(sending).length > 0)
        requireState(record, record.state, ['running'])
      const settings = { ...record.settings }
      if (name !== undefined) settings.name = name
      if (tags !== undefined) settings.tags = tags
      if (change.priority !== undefined) settings.priority = change.priority
      if (change.ratePerSecond !== undefined) settings.ratePerSecond = change.ratePerSecond ?? undefined
      if (change.window !== undefined) settings.window = change.window ?? undefined
      if (sendAt !== undefined) settings.sendAt = sendAt ?? undefined
      const times = { settings, sendAtMs: sendAt === undefined ? undefined : sendAtMs, nowMs }
      if (record.recurring !== undefined) return patchedRecurring(record, change, times)
      if (sendAt === undefined) return { settings }
      const next = { ...record, sendAtMs }
      const moves = record.state === 'running' || record.state === 'scheduled'
      return { settings, sendAtMs, state: moves ? goState(next, nowMs) : record.state }
    })
  }
}
