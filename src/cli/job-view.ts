/** A job in words: its progress line, its summary, and whether its counts add up. */
import type { JobView } from '../engine/contract/api.js'
import type { Counts, Estimate } from '../engine/contract/job.js'
import { STATES } from '../engine/contract/message.js'
import { type ReasonCode, reasonHelp } from '../engine/contract/reasons.js'
import { duration, table, whole } from './output.js'

/** Messages that a carrier accepted, whatever their receipt said. */
export function sentOf(counts: Counts): number {
  return counts.sent + counts.delivered + counts.undelivered
}

export function progressText(job: JobView, nowMs: number): string {
  const { counts } = job
  return [
    `${job.state}: ${whole(counts.rows)} rows read`,
    `${whole(counts.accepted)} accepted`,
    `${whole(sentOf(counts))} sent`,
    `${whole(counts.delivered)} delivered`,
    ...(isOver(job) ? overall(job) : current(job, nowMs)),
  ].join(', ')
}

/** Pace of this moment, and the time left where it can be told. */
function current({ counts, progress }: JobView, nowMs: number): string[] {
  const pace =
    sentOf(counts) > 0 ? `${whole(progress.messagesPerSecond)} messages/s` : `${whole(progress.rowsPerSecond)} rows/s`
  const leftSeconds =
    progress.estimatedEndAt === null ? Number.NaN : (Date.parse(progress.estimatedEndAt) - nowMs) / 1_000
  return Number.isFinite(leftSeconds) ? [pace, `${duration(leftSeconds)} left`] : [pace]
}

/** Pace from the making of the job to its end. */
function overall({ counts, createdAt, finishedAt }: JobView): string[] {
  const seconds = finishedAt === null ? 0 : (Date.parse(finishedAt) - Date.parse(createdAt)) / 1_000
  return seconds > 0 ? [`${whole(counts.accepted / seconds)} messages/s over ${seconds.toFixed(1)} s`] : []
}

/** What of the contract's two sums does not hold; empty: everything adds up. */
export function sumErrors(counts: Counts): string[] {
  const errors: string[] = []
  const rows = counts.accepted + counts.rejected + counts.suppressed + counts.duplicate
  if (rows !== counts.rows) errors.push(`rows are ${counts.rows}, but their results come to ${rows}`)
  const states = STATES.reduce((sum, state) => sum + counts[state], 0)
  if (states !== counts.accepted) errors.push(`accepted are ${counts.accepted}, but their states come to ${states}`)
  if (counts.records !== counts.expanded + counts.skipped) {
    errors.push(`records are ${counts.records}, but expanded and skipped come to ${counts.expanded + counts.skipped}`)
  }
  return errors
}

export function isOver(job: JobView): boolean {
  return job.state === 'finished' || job.state === 'canceled' || job.state === 'failed'
}

/** Two sums as a table: rows by result, accepted by state (states without messages are left out); then why not, and the price. */
export function summary(job: JobView): string {
  if (job.runs != null) return runsSummary(job)
  const { counts } = job
  const states = STATES.filter((state) => counts[state] > 0)
  const rows: [string, number][] = [
    ['records', counts.records],
    ['  empty lines skipped', counts.skipped],
    ['rows', counts.rows],
    ['  accepted', counts.accepted],
    ['  rejected', counts.rejected],
    ['  suppressed', counts.suppressed],
    ['  duplicate', counts.duplicate],
    ...states.map((state): [string, number] => [`    ${state}`, counts[state]]),
    ['parts', counts.parts],
    ['  accepted by a carrier', counts.partsSent],
  ]
  const ordered = [...rows.slice(0, 4), ...rows.slice(7, 7 + states.length), ...rows.slice(4, 7), ...rows.slice(-2)]
  const why = job.reason === null ? '' : ` (${job.reason}${job.detail === null ? '' : `: ${job.detail}`})`
  return `${job.id} ${job.state}${why}\n${table(
    ['', ''],
    ordered.map(([name, count]) => [name, count]),
  ).trimStart()}${reasonLines(job)}${priceLine(job)}`
}

/** A recurring job has no messages of its own. */
function runsSummary({ id, state, reason, detail, runs, nextRunAt, lastRun, ...job }: JobView): string {
  const why = reason === null ? '' : ` (${reason}${detail === null ? '' : `: ${detail}`})`
  const lines = [`${id} ${state}${why}`, `runs so far: ${whole(runs ?? 0)}`]
  if (lastRun !== null) lines.push(`last run: ${lastRun.scheduledAt} ${lastRun.job} ${lastRun.state}`)
  if ((job.skippedRuns ?? 0) + (job.missedRuns ?? 0) > 0) {
    lines.push(`left out: ${whole(job.skippedRuns ?? 0)} skipped, ${whole(job.missedRuns ?? 0)} missed`)
  }
  if (nextRunAt !== null) lines.push(`next run: ${nextRunAt}`)
  return lines.join('\n')
}

function reasonLines({ rejectedByReason = {} }: JobView): string {
  const reasons = Object.entries(rejectedByReason).sort((a, b) => b[1] - a[1])
  return reasons.map(([code, rows]) => `\n${whole(rows)} ${code}: ${reasonHelp(code as ReasonCode)}`).join('')
}

/** Nothing where no price is set. */
function priceLine({ estimate }: JobView): string {
  if (estimate == null || estimate.price === null) return ''
  return `\n${priceText(estimate)}`
}

export function priceText({ price, currency, partsWithoutPrice }: Estimate): string {
  const missing = partsWithoutPrice > 0 ? `; ${whole(partsWithoutPrice)} parts have no price` : ''
  return `price: ${money(price ?? 0)}${currency === null ? '' : ` ${currency}`}${missing}`
}

/** At least two decimals, as prices are written. */
function money(amount: number): string {
  return Number.isInteger(amount * 100) ? amount.toFixed(2) : String(amount)
}
