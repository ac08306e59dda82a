/** A job as stored: one document, written whole at each change of its life. Main thread. */
import type { SniffResult } from '../contract/ingest.js'
import type { JobSettings, JobState } from '../contract/job.js'
import type { RetryState } from '../contract/retry.js'
import type { RangeRecord, Tally } from '../contract/store.js'

/** What a job's file came to, duplicates taken out of accepted, parts and scheduled. */
export interface JobTotals {
  records: number
  skipped: number
  expanded: number
  rows: number
  accepted: number
  rejected: number
  suppressed: number
  duplicate: number
  parts: number
  scheduled: number
}

/** What has come of a recurring job: written with each of its runs. */
export interface Recurring {
  /** Epoch ms that steps count from: the first run. 0: it was not started yet. */
  anchorMs: number
  /** null: none will come until it is started or resumed, or no more. */
  nextAtMs: number | null
  /** Runs that were made. */
  runs: number
  skipped: number
  missed: number
  last: { job: number; number: number; atMs: number } | null
  lastSkip: { atMs: number; reason: string } | null
}

export function noRuns(): Recurring {
  return { anchorMs: 0, nextAtMs: null, runs: 0, skipped: 0, missed: 0, last: null, lastSkip: null }
}

/** Which run of which recurring job a job is. */
export interface RunOf {
  of: number
  /** From 1. */
  number: number
  atMs: number
  /** Its time passed while the engine was down. */
  late: boolean
}

export interface JobRecord {
  job: number
  /** Account number, and its public id. */
  account: number
  accountId: string
  /** What the customer wants. While `totals` is null the file is still being read and nothing is dispatched. */
  state: JobState
  /** Stable code, why a failed job is so. */
  reason: string | null
  detail: string | null
  settings: JobSettings
  /** Of the account's prices when the job was made. A job of an earlier version has none. */
  currency?: string | null
  /** IANA zone of rows' times without an offset, when the job was made. */
  timeZone?: string
  /** Open-ended: takes messages that come one by one. Kept out of lists. */
  singles: boolean
  /** Of a retry: the job that it takes its messages from, the one whose file they stood in first, and their states there. */
  retry?: { of: number; file: number; states: RetryState[] }
  /** Of a recurring job, which has no messages of its own: each run is a job. */
  recurring?: Recurring
  /** Of a run. */
  run?: RunOf
  /** The job whose file its rows stand in; absent: its own. */
  file?: number
  /** Its rows are those of this job's file, and are copied at first. */
  rowsOf?: number
  /** Its content was changed: what was read of it is to be taken back. Absent: false. */
  redo?: boolean
  /** What of it was forgotten when its time was over, and when; absent: nothing. */
  erased?: { textsAtMs: number; rowsAtMs?: number }
  /** Its messages answer STOP, START and HELP, so they go at any time and to suppressed numbers. Absent: false. */
  answers?: boolean
  createdAtMs: number
  startedAtMs: number | null
  finishedAtMs: number | null
  /** 0: at once. */
  sendAtMs: number
  /** Set when the last byte is durable. */
  upload: { bytes: number; sha256: string } | null
  sniff: SniffResult | null
  totals: JobTotals | null
  /** Of the same rows as `totals`. A job of an earlier version has none. */
  tally?: Tally | null
  /** The dispatcher was told of it. */
  released: boolean
  /** Nothing about it changes any more. */
  closed: boolean
}

export function noTotals(): JobTotals {
  return {
    records: 0,
    skipped: 0,
    expanded: 0,
    rows: 0,
    accepted: 0,
    rejected: 0,
    suppressed: 0,
    duplicate: 0,
    parts: 0,
    scheduled: 0,
  }
}

export function addRange(totals: JobTotals, record: Pick<RangeRecord, Exclude<keyof JobTotals, 'duplicate'>>): void {
  totals.records += record.records
  totals.skipped += record.skipped
  totals.expanded += record.expanded
  totals.rows += record.rows
  totals.accepted += record.accepted
  totals.rejected += record.rejected
  totals.suppressed += record.suppressed
  totals.parts += record.parts
  totals.scheduled += record.scheduled
}

/** `scheduled` becomes `running` when its time comes: by the clock, not by a write. A recurring job stays scheduled. */
export function shownState(record: JobRecord, nowMs: number): JobState {
  if (record.recurring !== undefined) return record.state
  return record.state === 'scheduled' && record.sendAtMs <= nowMs ? 'running' : record.state
}
