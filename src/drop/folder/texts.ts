/** What an office user reads beside a file: how it was read and sent, or why it was not and what to do. Plain text. */
import type { DropRecord } from '../../engine/contract/drop-keeper.js'
import { DROP_ERRORS, type DropError, type DropView } from '../../engine/contract/drops.js'
import { ERRORS } from '../../engine/contract/errors.js'
import { dropId } from '../../engine/contract/ids.js'
import type { JobState } from '../../engine/contract/job.js'
import { type ReasonCode, reasonHelp } from '../../engine/contract/reasons.js'
import { besideName, plainName } from './dropped-names.js'

/** Notepad wants these. */
const LINE_END = '\r\n'

function textOf(lines: readonly string[]): string {
  return lines.join(LINE_END) + LINE_END
}

export function errorText(record: DropRecord, error: DropError, view: DropView, timeZone: string): string {
  const name = plainName(record.name)
  return textOf([
    `${name} was not sent.`,
    '',
    'What is wrong:',
    `  ${error.detail}`,
    ...(view.rows > 0 ? ['', ...rowLines(view)] : []),
    '',
    'What to do:',
    `  ${adviceOf(error.code)}`,
    '',
    `Taken at ${moment(record.startedAtMs, timeZone)}. For your provider: ${dropId(record.drop)}${jobNote(view)}, ${error.code}.`,
  ])
}

/** What uploads are refused with, said to those who drop a file instead of those who call the API. */
const ADVICE: Partial<Record<string, string>> = {
  FILE_EMPTY:
    'Look whether the right file was saved: a row for each recipient is needed below the header. Then drop it again.',
  FILE_NOT_CSV:
    'Open the table in the program that it comes from, save it as CSV (best "CSV UTF-8"), and drop that file.',
  COLUMN_UNKNOWN:
    'Give the columns of the file the names that the profile expects, or have the profile changed; then drop the file again.',
  RECIPIENT_COLUMN_MISSING:
    'Name the column with the telephone numbers in the header "mobile", or have it named in the profile; then drop the file again.',
  TEMPLATE_LABEL_UNKNOWN:
    'Give the column that the text speaks of this name in the header, or have the text of the profile changed; then drop the file again.',
  TOO_LARGE: DROP_ERRORS.FILE_TOO_LARGE,
  INSUFFICIENT_BALANCE: 'Top up the balance of the account; then drop the file again.',
  QUOTA_EXCEEDED: 'Wait until the quota is free again, or have it raised; then drop the file again.',
}

function adviceOf(code: string): string {
  if (Object.hasOwn(DROP_ERRORS, code)) return DROP_ERRORS[code as keyof typeof DROP_ERRORS]
  const advice = ADVICE[code]
  if (advice !== undefined) return advice
  const known = Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS][1] : ''
  return `${known} Then drop the file again.`.trimStart()
}

function jobNote({ job }: DropView): string {
  return job === null ? '' : `, ${job}`
}

/** `stored`: the name under which it lies in processed/. */
export function summaryText(record: DropRecord, view: DropView, stored: Uint8Array, timeZone: string): string {
  return textOf([
    plainName(record.name),
    '',
    `Taken at ${moment(record.startedAtMs, timeZone)}${view.profile === null ? '' : `, with the profile ${view.profile}`}.`,
    `${stateLine(view)}`,
    '',
    ...rowLines(view),
    ...besideLine(view, stored),
    '',
    ...messageLines(view),
    '',
    `What became of each message stands in ${plainName(besideName(stored, 'report'))}.`,
    ...(isOver(view) ? [] : ['That file and this page are written again when the last message has ended.']),
    '',
    `For your provider: ${dropId(record.drop)}${jobNote(view)}.`,
  ])
}

const SENDING: Partial<Record<JobState, string>> = {
  ready: 'It was read and waits: nothing is sent before somebody confirms it.',
  scheduled: 'It was read and waits for its time.',
  paused: 'It was read, and sending is paused.',
}

function isOver({ jobState }: DropView): boolean {
  return jobState === 'finished' || jobState === 'canceled' || jobState === 'failed'
}

function stateLine({ jobState }: DropView): string {
  if (jobState === 'canceled') return 'It was canceled: what had not gone by then is not sent.'
  if (jobState === 'finished') return 'All its messages have ended.'
  return (jobState !== null && SENDING[jobState]) || 'Its messages are on their way.'
}

function rowLines({ rows, accepted, rejected, duplicate, suppressed, rejectedByReason }: DropView): string[] {
  const reasons = Object.entries(rejectedByReason).sort((a, b) => b[1] - a[1])
  return [
    ...table([
      ['Rows', rows],
      ['  accepted', accepted],
      ['  rejected', rejected],
      ['  came twice', duplicate],
      ['  opted out', suppressed],
    ]),
    ...reasons.map(([code, count]) => `    ${count} × ${code}: ${reasonHelp(code as ReasonCode)}`),
  ]
}

function besideLine({ rejected, duplicate, suppressed }: DropView, stored: Uint8Array): string[] {
  if (rejected + duplicate + suppressed === 0) return []
  return [`  Which rows these are stands in ${plainName(besideName(stored, 'rejects'))}.`]
}

function messageLines({ accepted, landlines, sent, delivered, undelivered, failed }: DropView): string[] {
  return table([
    ['Messages', accepted],
    ...(landlines > 0 ? [['  of these calls to landlines', landlines] as const] : []),
    ['  handed to a carrier', sent],
    ['    delivered', delivered],
    ['    not delivered', undelivered],
    ['  failed, expired or canceled', failed],
  ])
}

function table(rows: readonly (readonly [string, number])[]): string[] {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2
  const digits = Math.max(...rows.map(([, count]) => count.toLocaleString('en-GB').length))
  return rows.map(([name, count]) => `${name.padEnd(width)}${count.toLocaleString('en-GB').padStart(digits)}`)
}

/** 22 November 2026, 16:04 (Europe/London). */
function moment(atMs: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat('en-GB', { timeZone, dateStyle: 'long', timeStyle: 'short' })
  return `${format.format(atMs).replace(' at ', ', ')} (${timeZone})`
}

export function folderText(name: Uint8Array): string {
  return textOf([
    `${plainName(name)} is a folder; what lies in it is not read.`,
    '',
    'What to do:',
    '  Drop the files themselves, without a folder around them. The folder was left where it is.',
  ])
}
