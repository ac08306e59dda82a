/** What follows from the rule of a recurring job and what has come of it so far. Pure; times are epoch milliseconds. */
import type { JobSettings } from '../contract/job.js'
import { type RecurrenceRule, SKIP_REASONS } from '../contract/recurrence.js'
import { recurrenceRule } from '../schedule/every-setting.js'
import { nextInstant, passedBy } from '../schedule/recurrence.js'
import type { JobRecord, Recurring } from './job-record.js'

/** A run that begins later than this was missed: the engine was down. */
const LATE_MS = 60_000

/** Of a recurring job. */
export function ruleOf({ settings, timeZone }: Pick<JobRecord, 'settings' | 'timeZone'>): RecurrenceRule {
  return recurrenceRule(settings.every!, timeZone ?? 'UTC')
}

/** Changes of a record whose first run is to be reckoned: it was released, started or given another time. */
export function firstRun(record: JobRecord, nowMs: number): Partial<JobRecord> {
  const { anchorMs: before } = record.recurring!
  const anchorMs = record.sendAtMs > 0 ? record.sendAtMs : before > 0 ? before : nowMs
  const recurring = { ...record.recurring!, anchorMs }
  // A time that has just passed is still kept.
  return planned(record, recurring, { afterMs: Math.max(anchorMs, nowMs - LATE_MS) - 1, nowMs })
}

/** Changes of a record whose runs go on behind this moment: it was resumed, or has another rule. */
export function nextRun(record: JobRecord, nowMs: number): Partial<JobRecord> {
  const recurring = record.recurring!
  return recurring.anchorMs === 0 ? firstRun(record, nowMs) : planned(record, recurring, { afterMs: nowMs, nowMs })
}

/** With no run to come the job is finished. */
function planned(
  record: JobRecord,
  recurring: Recurring,
  { afterMs, nowMs }: { afterMs: number; nowMs: number },
): Partial<JobRecord> {
  const rule = ruleOf(record)
  const nextAtMs = recurring.runs >= rule.count ? null : nextInstant(rule, recurring.anchorMs, afterMs)
  const planned = { recurring: { ...recurring, nextAtMs } }
  if (nextAtMs !== null) return { ...planned, state: 'scheduled' }
  return { ...planned, state: 'finished', finishedAtMs: nowMs, closed: true }
}

/** A run whose time has come. */
export interface DueRun {
  /** That of the record, by which it is seen that nothing changed meanwhile. */
  expectedMs: number
  /** The time that the run is for. */
  atMs: number
  late: boolean
  /** False: it is left out, as the job says of runs that were missed. */
  isMade: boolean
  /** Times that passed without a run, this one among them where none is made. */
  missed: number
}

/** null: nothing is due. */
export function dueRun(record: JobRecord, nowMs: number): DueRun | null {
  const { recurring } = record
  if (recurring === undefined || record.state !== 'scheduled' || record.totals === null) return null
  const { nextAtMs, anchorMs } = recurring
  if (nextAtMs === null || nextAtMs > nowMs) return null
  const rule = ruleOf(record)
  const { count, lastMs } = passedBy(rule, anchorMs, { firstMs: nextAtMs, nowMs })
  const late = nowMs - lastMs > LATE_MS
  const isMade = !late || rule.missed === 'once'
  return { expectedMs: nextAtMs, atMs: lastMs, late, isMade, missed: late ? count : count - 1 }
}

/** What becomes of the parent by a run that is made as `job`. */
export function afterRun(record: JobRecord, due: DueRun, job: number, nowMs: number): Partial<JobRecord> {
  const before = record.recurring!
  const number = before.runs + 1
  const recurring = { ...withMissed(before, due), runs: number, last: { job, number, atMs: due.atMs } }
  return planned(record, recurring, { afterMs: due.atMs, nowMs })
}

/** The same of one that is left out. `reason` null: it was missed. */
export function afterSkip(
  record: JobRecord,
  due: DueRun,
  { reason, nowMs }: { reason: string | null; nowMs: number },
): Partial<JobRecord> {
  const before = withMissed(record.recurring!, due)
  // What comes too late is among the missed already.
  const skipped = before.skipped + (due.late ? 0 : 1)
  const recurring = reason === null ? before : { ...before, skipped, lastSkip: { atMs: due.atMs, reason } }
  return planned(record, recurring, { afterMs: due.atMs, nowMs })
}

function withMissed(recurring: Recurring, { missed, atMs }: DueRun): Recurring {
  if (missed === 0) return recurring
  return { ...recurring, missed: recurring.missed + missed, lastSkip: { atMs, reason: SKIP_REASONS.missed } }
}

/** Of each run: what the recurring job says, but for when and how often. */
export function runSettings({
  every: _every,
  sendAt: _sendAt,
  review: _review,
  ...settings
}: JobSettings): JobSettings {
  return settings
}
