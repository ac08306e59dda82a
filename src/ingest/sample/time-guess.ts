/**
 * Whether a sample says when each row is to be sent, in which columns and in which format. A date that is something else, such
 * as an appointment, must not delay a message: only labels that say so, or say nothing else, are taken. Pure; once a sample.
 */
import { isZone } from '../../engine/base/zone.js'
import type { ColumnRef, ColumnSettings, JobSettings } from '../../engine/contract/job.js'
import type { Doubt, SampleFacts } from '../../engine/contract/sample.js'
import { normaliseLabel } from '../../engine/text/label.js'
import { timeMeaning } from './column-labels.js'
import { type ColumnFacts, doubtAbout, share } from './sample-columns.js'

const HALF = 0.5
/** Proposed for dates without a time. */
const USUAL_TIME = '09:00'
const DAY = 86_400

export interface TimeGuess {
  columns: Pick<ColumnSettings, 'sendAt' | 'sendAtTime' | 'sendAtFormat' | 'sendAtTimeOfDay' | 'timeZone'>
  doubts: Doubt[]
}

interface Question {
  columns: readonly ColumnFacts[]
  given: JobSettings
  facts: SampleFacts
  hasHeader: boolean
  /** Labels that the text uses. */
  labels: readonly string[]
  refOf(column: ColumnFacts): ColumnRef
  named(refs: readonly ColumnRef[]): ColumnFacts[]
}

export function guessTimes(question: Question): TimeGuess {
  const { given, columns, refOf } = question
  const doubts: Doubt[] = []
  const given_ = given.columns ?? {}
  const chosen = given_.sendAt === undefined ? pick(question, doubts) : (question.named([given_.sendAt])[0] ?? null)
  const zone = columns.find(isZoneColumn)
  if (chosen === null) return { columns: {}, doubts }
  const found: TimeGuess['columns'] = { sendAt: refOf(chosen) }
  const time = given_.sendAtTime === undefined ? timeBeside(question, chosen) : null
  if (time !== null) found.sendAtTime = refOf(time)
  if (chosen.dates?.format != null) found.sendAtFormat = chosen.dates.format
  if (zone !== undefined) found.timeZone = refOf(zone)
  formatDoubts(question, chosen, doubts)
  const hasTime = time !== null || given_.sendAtTime !== undefined || given_.sendAtTimeOfDay !== undefined
  if (chosen.dates?.kind === 'date' && !hasTime) {
    found.sendAtTimeOfDay = USUAL_TIME
    doubts.push(aloneDoubt(chosen))
  }
  if (zone === undefined && chosen.dates?.hasZone === false) doubts.push(zoneDoubt(question, chosen))
  return { columns: found, doubts }
}

/** The column that says when to send; the others with dates are told. */
function pick(question: Question, doubts: Doubt[]): ColumnFacts | null {
  const { columns, hasHeader } = question
  const dated = columns.filter(({ role }) => role === 'dateTime' || role === 'date')
  const meaning = (column: ColumnFacts) => (hasHeader ? timeMeaning(column.label) : 'any')
  const plain = dated.find((column) => meaning(column) === 'sending')
  if (plain !== undefined) return plain
  const likely = dated.find((column) => meaning(column) === 'any' && isPossible(question, column))
  for (const column of dated) {
    if (column === likely) continue
    const message = `${column.called} holds dates; they are taken for data of the row and not for the time of sending.`
    const remedy = 'If it is when the row is to be sent, name it as columns.sendAt.'
    doubts.push(doubtAbout(column, { code: 'DATE_NOT_USED', message, remedy }))
  }
  if (likely === undefined) return null
  const message = `${likely.called} is taken for the time at which its row is to be sent.`
  const remedy =
    'If it is something else, such as an appointment, take columns.sendAt out of the settings: all is then sent at once.'
  doubts.push(doubtAbout(likely, { code: 'SEND_AT', message, remedy }))
  return likely
}

/** Not what the text speaks of, not mostly over, and without a header only with its time. */
function isPossible({ facts, labels, hasHeader }: Question, { label, dates }: ColumnFacts): boolean {
  if (labels.some((used) => normaliseLabel(used) === normaliseLabel(label))) return false
  if (!hasHeader && dates?.kind !== 'dateTime') return false
  const coming = dates?.seconds.filter((seconds) => seconds >= facts.nowSeconds - DAY).length ?? 0
  return coming > (dates?.seconds.length ?? 0) * HALF
}

function timeBeside({ columns, hasHeader }: Question, chosen: ColumnFacts): ColumnFacts | null {
  if (chosen.dates?.kind !== 'date' && chosen.role !== 'date') return null
  const times = columns.filter(({ role, label }) => role === 'time' && (!hasHeader || timeMeaning(label) !== 'other'))
  const beside = times.find(({ position }) => Math.abs(position - chosen.position) === 1)
  return beside ?? times[0] ?? null
}

function formatDoubts({ facts }: Question, column: ColumnFacts, doubts: Doubt[]): void {
  const { dates, called } = column
  if (dates === null) return
  const tell = (code: string, message: string, remedy: string) =>
    doubts.push(doubtAbout(column, { code, message, remedy }))
  if (dates.isOrderOpen) {
    const other = swapped(dates.format!)
    tell(
      'DAY_MONTH_ORDER',
      `No date in ${called} has a day above 12, so ${dates.format} is a guess: it could be ${other}.`,
      `If the month and the day are the other way round, set columns.sendAtFormat to ${JSON.stringify(other)}.`,
    )
  }
  if (dates.isOrderMixed) {
    tell(
      'DAY_MONTH_MIXED',
      `In ${called} some dates have the day first and some the month.`,
      'Correct the file: those that do not fit the format are rejected with BAD_DATE.',
    )
  } else if (dates.read < dates.filled) {
    const count = dates.filled - dates.read
    tell(
      'DATES_UNREAD',
      `${count} of ${dates.filled} times in ${called} are written in another way than the others.`,
      'Correct them: such rows are rejected with BAD_DATE.',
    )
  }
  if (dates.hasShortYear)
    tell(
      'SHORT_YEAR',
      `The years in ${called} have two digits and are read as 20…`,
      'Export them with four digits if that is wrong.',
    )
  const past = dates.kind === 'time' ? 0 : dates.seconds.filter((seconds) => seconds < facts.nowSeconds - DAY).length
  if (past > 0) {
    tell(
      'TIMES_PAST',
      `${past} of ${dates.filled} times in ${called} are over.`,
      'Such rows are sent at once; set columns.sendAtPast to "reject" to leave them out.',
    )
  }
}

/** DD/MM/YYYY as MM/DD/YYYY and back. */
function swapped(format: string): string {
  return format.replace(/D+|M+/g, (letters) => (letters[0] === 'D' ? 'M' : 'D').repeat(letters.length))
}

function aloneDoubt(chosen: ColumnFacts): Doubt {
  const message = `${chosen.called} has dates without a time of day; ${USUAL_TIME} is proposed.`
  const remedy = 'Set columns.sendAtTimeOfDay to another time, or columns.sendAtTime to the column of the times.'
  return doubtAbout(chosen, { code: 'DATE_WITHOUT_TIME', message, remedy })
}

/** Japan and GB are names of zones too, so the label must say it, or the cells must look it: Europe/Berlin. */
function isZoneColumn({ role, cells }: ColumnFacts): boolean {
  const isZoneLike = (cell: string) => (role === 'timeZone' || cell.includes('/')) && isZone(cell)
  return cells.length > 0 && share(cells, isZoneLike) === 1
}

function zoneDoubt({ given, facts }: Question, chosen: ColumnFacts): Doubt {
  const zone = given.timeZone ?? facts.timeZone
  const message = `The times in ${chosen.called} have no zone; they are read as times of ${zone}.`
  return doubtAbout(chosen, {
    code: 'TIME_ZONE',
    message,
    remedy: 'Set timeZone, e.g. "Europe/Berlin", if that is wrong.',
  })
}
