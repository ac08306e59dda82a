/**
 * Start, pause, resume, cancel and change of a recurring job. It has no messages of its own: these decide over the runs to
 * come, and pause, resume and cancel over the run that is under way as well. Main thread.
 */
import type { Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { JobPatch, JobSettings } from '../contract/job.js'
import { everyErrors, wholeEvery } from '../schedule/every-setting.js'
import { type JobRecord, noTotals } from './job-record.js'
import type { JobPorts } from './ports.js'
import { firstRun, nextRun } from './recurring.js'
import { requireState } from './release.js'

export type Change = (record: JobRecord, nowMs: number) => Partial<JobRecord> | null

export interface RecurringControlDeps {
  ports: JobPorts
  /** Audited, and durable when it resolves. */
  change(job: number, about: { action: string; by: Principal | null }, change: Change): Promise<void>
  /** The same of a run. */
  steer: Record<'pause' | 'resume' | 'cancel', (job: number, by: Principal | null) => Promise<void>>
  takeBack(job: number): Promise<void>
}

export class RecurringControl {
  readonly #deps: RecurringControlDeps

  constructor(deps: RecurringControlDeps) {
    this.#deps = deps
  }

  async start(job: number, by: Principal | null): Promise<void> {
    await this.#deps.change(job, { action: 'job.start', by }, (record, nowMs) => {
      requireState(record, record.state, ['ready'])
      return { startedAtMs: nowMs, ...firstRun(record, nowMs) }
    })
  }

  async pause(job: number, by: Principal | null): Promise<void> {
    await this.#deps.change(job, { action: 'job.pause', by }, (record) => {
      if (record.state === 'paused') return null
      requireState(record, record.state, ['scheduled'])
      return { state: 'paused', recurring: { ...record.recurring!, nextAtMs: null } }
    })
    await this.#last(job, (last) => ['running', 'scheduled'].includes(last.state), 'pause', by)
  }

  /** Times that passed meanwhile have no run. */
  async resume(job: number, by: Principal | null): Promise<void> {
    await this.#deps.change(job, { action: 'job.resume', by }, (record, nowMs) => {
      if (record.state === 'scheduled') return null
      requireState(record, record.state, ['paused'])
      // Its file is still read: what follows then sets the first run.
      return record.totals === null ? { state: 'scheduled' } : nextRun(record, nowMs)
    })
    // One that waits for somebody to look at it is not let go by the way.
    await this.#last(job, (last) => last.state === 'paused' && last.reason === null, 'resume', by)
  }

  async cancel(job: number, by: Principal | null): Promise<void> {
    const { ports, change, takeBack } = this.#deps
    const isRead = ports.book.get(job)!.totals !== null
    await change(job, { action: 'job.cancel', by }, (record, nowMs) => {
      if (record.state === 'canceled') return null
      requireState(record, record.state, ['receiving', 'ready', 'scheduled', 'paused'])
      const recurring = { ...record.recurring!, nextAtMs: null }
      return { state: 'canceled', finishedAtMs: nowMs, recurring, ...(isRead ? { closed: true } : {}) }
    })
    if (!isRead) {
      await takeBack(job)
      await ports.book.update(job, () => ({ totals: noTotals(), closed: true }))
    }
    await this.#last(job, (last) => !last.closed && last.state !== 'canceled', 'cancel', by)
  }

  /** The run under way, if it is such a one. */
  async #last(
    job: number,
    isMeant: (last: JobRecord) => boolean,
    action: 'pause' | 'resume' | 'cancel',
    by: Principal | null,
  ): Promise<void> {
    const { ports, steer } = this.#deps
    const { last } = ports.book.get(job)!.recurring!
    const run = last === null ? null : ports.book.get(last.job)
    if (run === null || !isMeant(run)) return
    try {
      await steer[action](run.job, by)
    } catch (error) {
      // It came to its end at this very moment.
      if (!(error instanceof EngineError && error.code === 'WRONG_STATE')) throw error
    }
  }
}

/** What a change makes of a recurring job: the run under way stays as it is. @throws EngineError VALIDATION, WRONG_STATE. */
export function patchedRecurring(
  record: JobRecord,
  change: JobPatch,
  { settings, sendAtMs, nowMs }: { settings: JobSettings; sendAtMs: number | undefined; nowMs: number },
): Partial<JobRecord> {
  const { every } = change
  if (every === undefined && sendAtMs === undefined) return { settings }
  const isWaiting = record.state === 'scheduled' && record.totals !== null
  if (every === null) return { settings, ...ended(record, nowMs) }
  const changed: JobRecord = { ...record, settings }
  if (every !== undefined) settings.every = wholeEvery(every)!
  if (sendAtMs === undefined) return { settings, ...(isWaiting ? nextRun(changed, nowMs) : {}) }
  // Another first run: the steps are counted from there.
  const moved = { ...changed, sendAtMs, recurring: { ...record.recurring!, anchorMs: 0 } }
  const planned = isWaiting ? firstRun(moved, nowMs) : { recurring: moved.recurring }
  return { settings, sendAtMs, ...planned }
}

function ended(record: JobRecord, nowMs: number): Partial<JobRecord> {
  requireState(record, record.state, ['ready', 'scheduled', 'paused'])
  const recurring = { ...record.recurring!, nextAtMs: null }
  return { state: 'finished', finishedAtMs: nowMs, closed: true, recurring }
}

/** @throws EngineError VALIDATION: it does not fit, or the job does not recur. */
export function requireEvery(record: JobRecord, { every }: JobPatch): void {
  if (every === undefined) return
  const fields =
    record.recurring === undefined
      ? [{ pointer: '/every', message: 'can only be changed of a job that was made with it' }]
      : [...(every === null ? [] : everyErrors(every, '/every'))]
  if (fields.length === 0) return
  throw new EngineError('VALIDATION', `${fields[0]!.pointer} ${fields[0]!.message}.`, { fields })
}
