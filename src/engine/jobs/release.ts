/** What the dispatcher is told of a job. */
import { EngineError } from '../contract/errors.js'
import type { JobSettings, JobState } from '../contract/job.js'
import type { JobDispatch } from '../contract/lane.js'
import { PRIORITIES } from '../contract/message.js'
import type { JobRecord } from './job-record.js'

export function priorityNumber(settings: JobSettings): number {
  return PRIORITIES.indexOf(settings.priority ?? 'normal')
}

/** `weight`: the account's share. */
export function dispatchOf(record: JobRecord, weight: number): JobDispatch {
  const { settings } = record
  return {
    job: record.job,
    account: record.account,
    weight,
    priority: priorityNumber(settings),
    ratePerSecond: settings.ratePerSecond ?? 0,
    onUnanswered: settings.onUnanswered ?? 'resend',
    sendAtMs: record.sendAtMs,
    state: dispatchState(record.state),
    accepted: record.singles ? -1 : (record.totals?.accepted ?? 0),
    openEnded: record.singles,
    distinct: !record.singles && settings.deduplicate !== false,
  }
}

function dispatchState(state: JobState): JobDispatch['state'] {
  if (state === 'paused') return 'paused'
  return state === 'canceled' || state === 'failed' ? 'canceled' : 'running'
}

/** The state that a job has when nothing holds it. */
export function goState(record: JobRecord, nowMs: number): JobState {
  return record.sendAtMs > nowMs ? 'scheduled' : 'running'
}

export function requireState(record: JobRecord, state: JobState, allowed: readonly JobState[]): void {
  if (allowed.includes(state)) return
  throw new EngineError('WRONG_STATE', `The job is ${state}; this needs ${allowed.join(' or ')}.`, {
    cause: record.reason ?? undefined,
  })
}
