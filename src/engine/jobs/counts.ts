/** The counts of a job at this moment; they add up by construction: `queued` is what the other states leave over. */
import { type Counts, noCounts } from '../contract/job.js'
import { STATE, STATES, type StateName } from '../contract/message.js'
import { type JobRecord, type JobTotals, shownState } from './job-record.js'

/** What the dispatcher knows of a job, live or stored. */
export interface Dispatched {
  /** By state number; `queued` is not read. */
  states: ArrayLike<number>
  partsSent: number
}

/** `totals`: of the file so far; `dispatched`: null when the dispatcher has not touched the job; `isHeld`: it is outside its time. */
export function countsOf(
  record: JobRecord,
  totals: Readonly<JobTotals> | null,
  dispatched: Dispatched | null,
  isHeld: boolean,
): Counts {
  const counts = { ...noCounts(), ...totals }
  delete (counts as { scheduled?: number }).scheduled
  counts.scheduled = 0
  const waiting = setStates(counts, dispatched)
  if (record.state === 'canceled' && dispatched === null) counts.canceled = waiting
  else if (isHeld) counts.scheduled += waiting
  else {
    // Until the dispatcher has looked, rows with a time of their own are known from the file alone.
    if (dispatched === null) counts.scheduled = Math.min(totals?.scheduled ?? 0, waiting)
    counts.queued = waiting - (dispatched === null ? counts.scheduled : 0)
  }
  return counts
}

/** Accepted messages that are in none of the other states. */
function setStates(counts: Counts, dispatched: Dispatched | null): number {
  let waiting = counts.accepted
  if (dispatched === null) return waiting
  for (let state: number = STATE.scheduled; state < STATES.length; state++) {
    // A message whose outcome overtakes the total never makes a count negative.
    const count = Math.min(dispatched.states[state] ?? 0, waiting)
    counts[STATES[state] as StateName] = count
    waiting -= count
  }
  counts.partsSent = dispatched.partsSent
  return waiting
}

export function isBeforeItsTime(record: JobRecord, nowMs: number): boolean {
  return record.sendAtMs > nowMs && shownState(record, nowMs) !== 'canceled'
}

/** True when nothing more can happen: no accepted message is left in a state that is not final. */
export function areAllFinal(counts: Counts): boolean {
  return counts.queued + counts.scheduled + counts.sending + counts.sent + counts.unknown === 0
}
