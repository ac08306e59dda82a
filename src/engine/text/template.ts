/**
 * Texts with labels: `~label~`, `~label|fallback~`, and `~~` for a tilde.
 *
 * Compiled once a job, bound to the columns of a file, rendered once a row in the ingest threads. Values are data:
 * they are put in as they stand and never read as template.
 */
import { EngineError } from '../contract/errors.js'
import { normaliseLabel } from './label.js'

interface Slot {
  label: string
  /** null: the row must have a value. */
  fallback: string | null
}

export interface Template {
  /** Each label once, in order of appearance. */
  readonly labels: readonly string[]
  /** literals[n] stands before slots[n]; one literal more than slots. */
  readonly literals: readonly string[]
  readonly slots: readonly Slot[]
}

/** Throws TEMPLATE_INVALID for an unclosed or empty label; the position counts UTF-16 units from 1. */
export function compileTemplate(source: string): Template {
  const literals: string[] = []
  const slots: Slot[] = []
  let literal = ''
  let at = 0
  for (;;) {
    const open = source.indexOf('~', at)
    if (open < 0) break
    literal += source.slice(at, open)
    const close = source.indexOf('~', open + 1)
    if (close < 0) {
      throw new EngineError('TEMPLATE_INVALID', `The ~ at position ${open + 1} is never closed; write ~~ for a tilde.`)
    }
    if (close === open + 1) literal += '~'
    else {
      slots.push(readSlot(source.slice(open + 1, close), open))
      literals.push(literal)
      literal = ''
    }
    at = close + 1
  }
  literals.push(literal + source.slice(at))
  return { labels: [...new Set(slots.map((slot) => slot.label))], literals, slots }
}

function readSlot(inner: string, open: number): Slot {
  const bar = inner.indexOf('|')
  const label = bar < 0 ? inner : inner.slice(0, bar)
  if (label.trim() === '') throw new EngineError('TEMPLATE_INVALID', `The label at position ${open + 1} has no name.`)
  return { label, fallback: bar < 0 ? null : inner.slice(bar + 1) }
}

/** Finds a column by its name: exactly, else without regard to case, accents and surrounding spaces; -1 when there is none. */
export function labelLookup(names: readonly string[]): (label: string) => number {
  const exact = new Map<string, number>()
  const folded = new Map<string, number>()
  names.forEach((name, column) => {
    if (!exact.has(name)) exact.set(name, column)
    if (!folded.has(normaliseLabel(name))) folded.set(normaliseLabel(name), column)
  })
  return (label) => exact.get(label) ?? folded.get(normaliseLabel(label)) ?? -1
}

export class BoundTemplate {
  /** The text when it is the same for every row, else null. */
  readonly constant: string | null
  /** The label that made the last `render` return null. */
  missingLabel: string | null = null
  readonly #literals: readonly string[]
  readonly #columns: readonly number[]
  readonly #slots: readonly Slot[]

  constructor(literals: readonly string[], slots: readonly Slot[], columns: readonly number[]) {
    this.#literals = literals
    this.#slots = slots
    this.#columns = columns
    this.constant = slots.length === 0 ? literals[0]! : null
  }

  /** null: a label without fallback has no value (absent, empty or only white space) in this row; see missingLabel. */
  render(fields: readonly string[]): string | null {
    if (this.constant !== null) return this.constant
    let text = this.#literals[0]!
    for (let index = 0; index < this.#slots.length; index++) {
      let value: string | null | undefined = fields[this.#columns[index]!]
      if (isBlank(value)) value = this.#slots[index]!.fallback
      if (value == null) {
        this.missingLabel = this.#slots[index]!.label
        return null
      }
      text += value
      text += this.#literals[index + 1]!
    }
    return text
  }
}

function isBlank(value: string | undefined): boolean {
  if (value === undefined || value === '') return true
  // Most values begin with a letter or digit: no trim for those.
  const first = value.charCodeAt(0)
  if (first > 0x20 && first < 0x80) return false
  return value.trim() === ''
}

/**
 * Ties labels to columns. `columnOf` answers -1 for a label that no column has; it is asked with the label as written,
 * then normalised. Throws TEMPLATE_LABEL_UNKNOWN when a label without fallback has no column.
 */
export function bindTemplate(template: Template, columnOf: (label: string) => number): BoundTemplate {
  const literals: string[] = [template.literals[0]!]
  const slots: Slot[] = []
  const columns: number[] = []
  template.slots.forEach((slot, index) => {
    const after = template.literals[index + 1]!
    const exact = columnOf(slot.label)
    const column = exact >= 0 ? exact : columnOf(normaliseLabel(slot.label))
    if (column >= 0) {
      slots.push(slot)
      columns.push(column)
      literals.push(after)
    } else if (slot.fallback !== null) {
      literals[literals.length - 1] += slot.fallback + after
    } else {
      throw new EngineError('TEMPLATE_LABEL_UNKNOWN', `No column is called ${JSON.stringify(slot.label)}.`)
    }
  })
  return new BoundTemplate(literals, slots, columns)
}
