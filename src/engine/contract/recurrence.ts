/** Recurring jobs: how often they run, as a customer gives it, and what has come of their runs. */
import type { JobState } from './job.js'

export const MISSED_POLICIES = ['once', 'skip'] as const
export type MissedPolicy = (typeof MISSED_POLICIES)[number]

/** Exactly one of the steps, or a cron line. */
export interface Every {
  /** Steps of minutes and hours are absolute time. */
  minutes?: number
  hours?: number
  /** Steps of days and weeks are those of the calendar: the clock on the wall shows the same at each run. */
  days?: number
  weeks?: number
  /** Five fields: minute, hour, day of month, month, day of week. */
  cron?: string
  /** IANA; absent: the job's, else the account's. */
  timeZone?: string
  /** No run after this time (RFC 3339), or after this day (2026-12-31) has ended in the zone. */
  until?: string
  /** At most so many runs. */
  count?: number
  /** What becomes of runs whose time passed while the engine was down: one in their place (default), or none. */
  missed?: MissedPolicy
}

/** `15m`, `2h`, `1d`, `1w`, a cron line, or the whole of it. */
export type EverySetting = Every | string

/** As it is reckoned with. */
export interface RecurrenceRule {
  step:
    | { kind: 'elapsed'; stepMs: number }
    | { kind: 'days'; days: number; timeZone: string }
    | { kind: 'cron'; cron: string; timeZone: string }
  /** Epoch ms, inclusive; Infinity: without end. */
  untilMs: number
  /** Infinity: any number. */
  count: number
  missed: MissedPolicy
}

/** Why a run was left out: another run was still under way, the engine was down, or the code of what refused it. */
export const SKIP_REASONS = { overlap: 'OVERLAP', missed: 'MISSED' } as const

/** Which run of which recurring job a job is. */
export interface RunView {
  /** From 1. */
  number: number
  scheduledAt: string
  /** Its time passed while the engine was down. */
  late: boolean
}

export interface LastRunView {
  job: string
  number: number
  scheduledAt: string
  state: JobState
}

/** What a job shows of its runs; all null: it does not recur. */
export interface RunsView {
  /** null: no more will come, or none until it is started or resumed. */
  nextRunAt: string | null
  /** Jobs that were made so far. */
  runs: number | null
  lastRun: LastRunView | null
  /** Runs left out because the one before was still under way, or what they need was refused. */
  skippedRuns: number | null
  /** Times that passed while the engine was down. */
  missedRuns: number | null
  lastSkip: { at: string; reason: string } | null
}

/** Of a job that does not recur. */
export const NO_RUNS: RunsView = {
  nextRunAt: null,
  runs: null,
  lastRun: null,
  skippedRuns: null,
  missedRuns: null,
  lastSkip: null,
}
