/** What the driver hands in: drawn by chance, and written as JSON, CSV or a form. Everything follows from the intent. */
import type { Random } from '../../src/engine/base/random.js'
import type { Intent, WorkKind } from './driver-ledger.js'
import { markerText, recipientOf, textOf } from './marker.js'

/** Of texts, see driver-stand: the profile `default` of each account has it too. */
export const TEMPLATE = '~t~'
export const COLUMNS = { to: 'mobile' } as const

/** Work of each kind in a hundred. */
const SHARES: readonly (readonly [WorkKind, number])[] = [
  ['single', 30],
  ['batch', 25],
  ['json', 15],
  ['upload', 10],
  ['form', 8],
  ['profile', 6],
  ['drop', 5],
  ['closed', 1],
]

export type Drawn = Omit<Intent, 'e' | 't' | 'key' | 'account' | 'from' | 'first'>

/** `rowsMax`: of one file. */
export function drawWork(random: Random, { rowsMax, hasDrop }: { rowsMax: number; hasDrop: boolean }): Drawn {
  const kind = drawKind(random)
  const isFile = kind !== 'single' && kind !== 'batch' && kind !== 'closed'
  return {
    kind: kind === 'drop' && !hasDrop ? 'profile' : kind,
    count: countOf(kind, random, rowsMax),
    bad: isFile ? random.below(4) : 0,
    repeats: isFile ? random.below(4) : 0,
    parts: random.below(6) === 0 ? 2 : 1,
    ordered: kind === 'batch' && random.below(2) === 0,
    ratePerSecond: kind === 'json' && random.below(2) === 0 ? 20 + random.below(60) : 0,
  }
}

function drawKind(random: Random): WorkKind {
  let left = random.below(100)
  for (const [kind, share] of SHARES) {
    left -= share
    if (left < 0) return kind
  }
  return 'single'
}

function countOf(kind: WorkKind, random: Random, rowsMax: number): number {
  if (kind === 'single') return 1
  if (kind === 'closed') return 3
  if (kind === 'batch') return 2 + random.below(20)
  // Mostly small, now and then a large one.
  return 4 + random.below(random.below(5) === 0 ? rowsMax : Math.min(rowsMax, 60))
}

/** Rows of numbers and texts, in the order in which they stand in the file. */
export function rowsOf(intent: Intent): { to: string; text: string }[] {
  const rows = []
  for (let n = 0; n < intent.count; n++) rows.push(rowOf(intent, n))
  for (let n = 0; n < intent.bad; n++) rows.push({ to: 'nobody', text: 'a row without a number' })
  for (let n = 0; n < repeatsOf(intent); n++) rows.push(rowOf(intent, n))
  return rows
}

/** No more than there are rows. */
export function repeatsOf({ repeats, count }: Intent): number {
  return Math.min(repeats, count)
}

function rowOf(intent: Intent, n: number): { to: string; text: string } {
  const marker = intent.first + n
  return { to: recipientOf(intent.ordered ? intent.first : marker), text: textOf(marker, intent.parts) }
}

export function csvOf(intent: Intent): Buffer {
  return Buffer.from(
    `mobile,t\n${rowsOf(intent)
      .map(({ to, text }) => `${to},${text}\n`)
      .join('')}`,
  )
}

export function messagesOf(intent: Intent): object[] {
  return rowsOf(intent).map(({ to, text }, n) => {
    return { to, from: intent.from, text, clientReference: markerText(intent.first + n) }
  })
}

/** Of the job; without its rows. */
export function settingsOf(intent: Intent, nowMs: number): Record<string, unknown> {
  const { from, ratePerSecond, kind, key } = intent
  return {
    ...{ from, text: TEMPLATE, columns: COLUMNS, clientReference: key },
    ...(ratePerSecond > 0 ? { ratePerSecond } : {}),
    ...(kind === 'closed' ? { window: closedHours(nowMs) } : {}),
  }
}

/** An hour that ended an hour ago at the latest, and comes again tomorrow. */
function closedHours(nowMs: number): object {
  const hour = new Date(nowMs).getUTCHours()
  const clock = (hours: number): string => `${String((hour + hours + 24) % 24).padStart(2, '0')}:00`
  return { from: clock(-3), to: clock(-2), timeZone: 'UTC' }
}

export function inlineOf(intent: Intent): object[] {
  return rowsOf(intent).map(({ to, text }) => ({ mobile: to, t: text }))
}

const BOUNDARY = 'torture-8f1d2c'
export const FORM_TYPE = `multipart/form-data; boundary=${BOUNDARY}`

export function formOf(intent: Intent, nowMs: number): Buffer {
  const head = (name: string, more: string): string =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}`
  return Buffer.concat([
    Buffer.from(`${head('job', '')}\r\nContent-Type: application/json\r\n\r\n`),
    Buffer.from(JSON.stringify(settingsOf(intent, nowMs))),
    Buffer.from(`\r\n${head('file', `; filename="${intent.key}.csv"`)}\r\nContent-Type: text/csv\r\n\r\n`),
    csvOf(intent),
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`),
  ])
}
