/** A job as the API shows it. Main thread. */
import { isoTime } from '../base/instant.js'
import type { JobView } from '../contract/api.js'
import { jobId } from '../contract/ids.js'
import type { Counts, JobSettings, JobState } from '../contract/job.js'
import { type LastRunView, NO_RUNS, type RunsView, type RunView } from '../contract/recurrence.js'
import type { Tally } from '../contract/store.js'
import { columnView } from './column-view.js'
import { estimateOf } from './estimate.js'
import { findingWarnings } from './file-findings.js'
import type { JobRecord, Recurring, RunOf } from './job-record.js'

/** Of a job's own list of suppressed numbers. */
const SUPPRESSED_SHOWN = 10

export interface LiveFacts {
  counts: Counts
  /** Of the same rows as `counts`; null: no row was read. */
  tally: Tally | null
  rowsPerSecond: number
  messagesPerSecond: number
  /** Bytes of an upload under way. */
  bytes: number
  nowMs: number
  state: JobState
  /** Of the last run of a recurring job. */
  lastRunState: JobState | null
}

export function jobView(record: JobRecord, live: LiveFacts): JobView {
  const { state } = live
  return {
    id: jobId(record.job),
    name: record.settings.name ?? null,
    state,
    reason: record.reason,
    detail: record.detail,
    settings: shownSettings(record.settings),
    retryOf: record.retry === undefined ? null : jobId(record.retry.of),
    parent: record.run === undefined ? null : jobId(record.run.of),
    run: record.run === undefined ? null : runView(record.run),
    ...(record.recurring === undefined ? NO_RUNS : runsView(record.recurring, live.lastRunState)),
    counts: live.counts,
    rejectedByReason: live.tally?.reasons ?? {},
    estimate: live.tally === null ? null : estimateOf(live.tally, record.currency ?? null),
    file: fileView(record, live),
    progress: {
      rowsPerSecond: round(live.rowsPerSecond),
      messagesPerSecond: round(live.messagesPerSecond),
      estimatedEndAt: state === 'running' ? estimatedEnd(live) : null,
    },
    erased: erasedView(record),
    createdAt: new Date(record.createdAtMs).toISOString(),
    startedAt: startedAt(record, live.nowMs),
    finishedAt: isoTime(record.finishedAtMs),
  }
}

/** A list of numbers may have a hundred thousand: the first few, and how many there are. */
function shownSettings(settings: JobSettings): JobView['settings'] {
  const { suppressed } = settings
  if (suppressed === undefined) return settings
  return { ...settings, suppressed: suppressed.slice(0, SUPPRESSED_SHOWN), suppressedCount: suppressed.length }
}

function runView({ number, atMs, late }: RunOf): RunView {
  return { number, scheduledAt: new Date(atMs).toISOString(), late }
}

function runsView({ nextAtMs, runs, skipped, missed, last, lastSkip }: Recurring, state: JobState | null): RunsView {
  return {
    nextRunAt: isoTime(nextAtMs),
    runs,
    lastRun: last === null || state === null ? null : lastRunView(last, state),
    skippedRuns: skipped,
    missedRuns: missed,
    lastSkip: lastSkip === null ? null : { at: new Date(lastSkip.atMs).toISOString(), reason: lastSkip.reason },
  }
}

function lastRunView({ job, number, atMs }: NonNullable<Recurring['last']>, state: JobState): LastRunView {
  return { job: jobId(job), number, scheduledAt: new Date(atMs).toISOString(), state }
}

function erasedView({ erased }: JobRecord): JobView['erased'] {
  return erased === undefined ? null : { textsAt: isoTime(erased.textsAtMs)!, rowsAt: isoTime(erased.rowsAtMs ?? null) }
}

function fileView(record: JobRecord, { bytes, tally }: LiveFacts): JobView['file'] {
  if (record.retry !== undefined) return null
  if (record.upload === null && record.sniff === null && bytes === 0) return null
  return {
    bytes: record.upload?.bytes ?? bytes,
    sha256: record.upload?.sha256 ?? null,
    dialect: record.sniff?.dialect ?? null,
    columns: record.sniff == null ? null : columnView(record.sniff.columns),
    warnings: [
      ...(record.sniff?.warnings ?? []),
      ...(tally === null ? [] : findingWarnings(tally, record.timeZone ?? 'UTC')),
    ],
    findings: tally?.findings ?? {},
  }
}

function startedAt(record: JobRecord, nowMs: number): string | null {
  if (record.startedAtMs === null || record.sendAtMs > nowMs) return null
  return isoTime(Math.max(record.startedAtMs, record.sendAtMs))
}

function estimatedEnd(live: LiveFacts): string | null {
  const left = live.counts.queued + live.counts.sending
  if (left === 0 || live.messagesPerSecond < 0.01) return null
  const end = live.nowMs + (left / live.messagesPerSecond) * 1000
  return end < 8.64e15 ? isoTime(end) : null
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
