/** What each column of a sample holds, by its label and its cells. Pure; once a sample. */
import type { ColumnRole, Doubt, SampleColumn } from '../../engine/contract/sample.js'
import { type Head, headerLabels, looksLikePhone, positionLabels } from '../columns.js'
import { isKnownLabel, isOtherNumber, isPhoneLabel, roleByLabel } from './column-labels.js'
import { type DateGuess, type DateHabits, guessDates, isDateLike } from './date-guess.js'

export interface ColumnFacts {
  /** From 0. */
  position: number
  label: string
  /** In words: its label in quotes, or its place. */
  called: string
  /** Cells that are filled, trimmed. */
  cells: string[]
  role: ColumnRole | null
  /** Share of the filled cells that look like telephone numbers; 0 where none is filled. */
  phoneShare: number
  dates: DateGuess | null
}

const EMAIL = /^[^\s@]+@[^\s@]+\.[^\s@]+$/
const KEYWORD = /^#\s?[\p{L}\p{N}_-]{1,31}$/u
/** Of the filled cells. */
const MOST = 0.6
const TEXT_CHARACTERS = 30
const EXAMPLES = 3
const EXAMPLE_CHARACTERS = 60

export function columnsOf(head: Head, habits: DateHabits): ColumnFacts[] {
  const labels = head.header === null ? positionLabels(head.sample) : headerLabels(head.header)
  return labels.map((label, position) => {
    const cells = head.sample.map((record) => (record[position] ?? '').trim()).filter((cell) => cell !== '')
    const hasLabel = head.header !== null
    const phoneShare = share(cells, (cell) => looksLikePhone(cell) && !isDateLike(cell))
    const called = hasLabel ? `"${label}"` : `column ${position + 1}`
    const facts = { position, label, called, cells, phoneShare, dates: guessDates(cells, habits) }
    return { ...facts, role: roleOf(facts, hasLabel) }
  })
}

/** The label says what it may be, the cells whether it is. */
function roleOf(
  { label, cells, phoneShare, dates }: Omit<ColumnFacts, 'role' | 'called'>,
  hasLabel: boolean,
): ColumnRole | null {
  if (hasLabel && isOtherNumber(label)) return null
  const named = hasLabel ? roleByLabel(label) : null
  if (named === 'phone' && isPhoneLabel(label) && (cells.length === 0 || phoneShare >= MOST)) return 'phone'
  if (share(cells, (cell) => EMAIL.test(cell)) >= MOST) return 'email'
  if (share(cells, (cell) => KEYWORD.test(cell)) >= MOST) return 'keyword'
  if (dates !== null && !(dates.kind === 'time' && !hasLabel && dates.seconds.length < cells.length)) return dates.kind
  if (phoneShare >= MOST) return 'phone'
  if (named !== null && named !== 'phone' && named !== 'email') return named
  const isText = averageLength(cells) >= TEXT_CHARACTERS && share(cells, (cell) => /\s/.test(cell)) >= MOST
  return !hasLabel && isText ? 'text' : null
}

export function share(cells: readonly string[], test: (cell: string) => boolean): number {
  return cells.length === 0 ? 0 : cells.filter(test).length / cells.length
}

function averageLength(cells: readonly string[]): number {
  return cells.length === 0 ? 0 : cells.reduce((sum, cell) => sum + cell.length, 0) / cells.length
}

/** A first row with an email address, a date or a mere number is hardly one of labels. */
export function isDataRow(cells: readonly string[]): boolean {
  if (cells.some((cell) => isKnownLabel(cell.trim()))) return false
  return cells.some((cell) => {
    const text = cell.trim()
    return (
      looksLikePhone(text) || EMAIL.test(text) || isDateLike(text) || /^#\d+$/.test(text) || /^\d+[.,]\d+$/.test(text)
    )
  })
}

export function shownColumn({ position, label, cells, role }: ColumnFacts): SampleColumn {
  const examples = [...new Set(cells)].slice(0, EXAMPLES).map((cell) => [...cell].slice(0, EXAMPLE_CHARACTERS).join(''))
  return { column: position + 1, label, role, examples }
}

/** A doubt about a column; null: about the file. */
export function doubtAbout(facts: ColumnFacts | null, words: Pick<Doubt, 'code' | 'message' | 'remedy'>): Doubt {
  const { code, message, remedy } = words
  return { code, column: facts === null ? null : facts.position + 1, label: facts?.label ?? null, message, remedy }
}
