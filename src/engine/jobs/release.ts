/** What the dispatcher is told of a job. */
import { EngineError } from '../contract/errors.js'
import type { JobSettings, JobState } from '../contract/job.js'
import type { JobDispatch } from '../contract/lane.js'
import { PRIORITIES } from '../contract/message.js'
import { type HoursAccount, hoursOf } from './job-hours.js'
import type { JobRecord } from './job-record.js'

export function priorityNumber(settings: JobSettings): number {
  return PRIORITIES.indexOf(settings.priority ?? 'normal')
}

/** What the dispatcher is told of an account, with each of its jobs. */
export interface DispatchAccount extends HoursAccount {
  weight: number
  /** Its jobs wait as paused ones do, in whatever state they are. */
  suspended: boolean
  ratePerSecond: number | null
}

/** `account`: null once it was deleted. */
export function dispatchOf(record: JobRecord, account: DispatchAccount | null): JobDispatch {
  const { settings } = record
  return {
    job: record.job,
    account: record.account,
    weight: account?.weight ?? 1,
    priority: priorityNumber(settings),
    ratePerSecond: settings.ratePerSecond ?? 0,
    accountRatePerSecond: account?.ratePerSecond ?? 0,
    onUnanswered: settings.onUnanswered ?? 'resend',
    sendAtMs: record.sendAtMs,
    hours: record.answers ? null : hoursOf(record, account),
    state: dispatchState(record.state, account),
    accepted: record.singles ? -1 : (record.totals?.accepted ?? 0),
    openEnded: record.singles,
    passesSuppressions: record.answers ?? false,
    distinct: !record.singles && settings.deduplicate !== false,
  }
}

function dispatchState(state: JobState, account: DispatchAccount | null): JobDispatch['state'] {
  // Nobody can see or steer the jobs of a deleted account any more.
  if (state === 'canceled' || state === 'failed' || account === null) return 'canceled'
  return state === 'paused' || account.suspended ? 'paused' : 'running'
}

/** The state that a job has when nothing holds it. A recurring job never runs itself. */
export function goState(record: JobRecord, nowMs: number): JobState {
  if (record.recurring !== undefined) return 'scheduled'
  return record.sendAtMs > nowMs ? 'scheduled' : 'running'
}

export function requireState(record: JobRecord, state: JobState, allowed: readonly JobState[]): void {
  if (allowed.includes(state)) return
  throw new EngineError('WRONG_STATE', `The job is ${state}; this needs ${allowed.join(' or ')}.`, {
    cause: record.reason ?? undefined,
  })
}
