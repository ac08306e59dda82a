/**
 * A lane: messages that share route, priority, account and job; the unit of fairness, pause, rate and cancel.
 * The main thread tells the dispatcher about jobs; lanes follow from the blocks that the job has in the queue index.
 */

import type { HoursRule } from './sending-hours.js'

export type OnUnanswered = 'resend' | 'hold'

/** What the dispatcher needs to know of a job. Sent at release, at each change, and for every open job at start. */
export interface JobDispatch {
  /** Job number. */
  job: number
  account: number
  /** Account weight for fair share, ≥ 1. */
  weight: number
  /** 0 high, 1 normal, 2 low. */
  priority: number
  /** Parts per second of this job; 0 = no limit of its own. */
  ratePerSecond: number
  /** Parts per second of its account over all that it sends; 0 = no limit. */
  accountRatePerSecond: number
  onUnanswered: OnUnanswered
  /** Nothing before this time (epoch ms); 0 = at once. */
  sendAtMs: number
  /** Nothing outside these hours; null: at any time. */
  hours: HoursRule | null
  state: 'running' | 'paused' | 'canceled'
  /** Messages of the job that are to be dispatched (duplicates taken out); -1: open-ended (single messages). */
  accepted: number
  /** An open-ended job never finishes. */
  openEnded: boolean
  /** Its messages answer an opt-out, or a call for help: they go to suppressed numbers too. Absent: false. */
  passesSuppressions?: boolean
  /** No two messages of the job go to the same number, so none has to wait for another. */
  distinct: boolean
}
