/**
 * The text of a row: from its text column, from the template that its keyword names, or from the job's template.
 * A cell is data and is never read as template. Runs in the ingest threads, once per row.
 */
import { EngineError } from '../engine/contract/errors.js'
import type { JobPlan } from '../engine/contract/ingest.js'
import { reasonNumber } from '../engine/contract/reasons.js'
import { foldKeyword, Keywords } from '../engine/text/keyword.js'
import { normaliseLabel } from '../engine/text/label.js'
import { type BoundTemplate, bindTemplate, compileTemplate } from '../engine/text/template.js'
import type { SourceRecord } from './record-source.js'

const MISSING_FIELD = reasonNumber('MISSING_FIELD')
const EMPTY_TEXT = reasonNumber('EMPTY_TEXT')
const BODY_INVALID = reasonNumber('BODY_INVALID')
const TEMPLATE_UNKNOWN = reasonNumber('TEMPLATE_UNKNOWN')

interface Prepared {
  /** null: it needs a label that no column has. */
  template: BoundTemplate | null
  /** Columns that it takes values from. */
  columns: number[]
}

export class RowText {
  /** Why the last `render` gave null, and the column to blame (-1 = none). */
  reason = 0
  column = -1
  readonly #fields: Record<string, number>
  readonly #textColumn: number
  readonly #keywordColumn: number
  readonly #templates: Record<string, string>
  readonly #keywords: Keywords
  readonly #job: Prepared | null
  readonly #byKeyword = new Map<string, Prepared | null>()
  readonly #values: string[]
  /** What a value becomes in this text; null: itself. */
  readonly #shown: ((value: string) => string) | null

  /** @throws EngineError TEMPLATE_INVALID, TEMPLATE_LABEL_UNKNOWN. */
  constructor(plan: Pick<JobPlan, 'text' | 'templates' | 'columns'>, shown: ((value: string) => string) | null = null) {
    this.#shown = shown
    this.#fields = plan.columns.fields
    this.#textColumn = plan.columns.text
    this.#keywordColumn = plan.columns.keyword
    this.#templates = plan.templates
    this.#keywords = new Keywords(plan.templates)
    this.#job = plan.text === undefined ? null : this.#prepare(plan.text)
    this.#values = new Array(plan.columns.labels.length).fill('')
  }

  /** null: the row has no text; see reason and column. */
  render(record: SourceRecord): string | null {
    if (this.#textColumn >= 0) {
      const text = record.text(this.#textColumn)
      if (text.trim() !== '') return record.sound(this.#textColumn) ? text : this.#fail(BODY_INVALID, this.#textColumn)
    }
    const prepared = this.#keywordColumn < 0 ? this.#job : this.#forKeyword(record.text(this.#keywordColumn))
    if (prepared !== null) return this.#fill(prepared, record)
    return this.#keywordColumn < 0
      ? this.#fail(EMPTY_TEXT, this.#textColumn)
      : this.#fail(TEMPLATE_UNKNOWN, this.#keywordColumn)
  }

  #fill(prepared: Prepared, record: SourceRecord): string | null {
    const { template, columns } = prepared
    if (template === null) return this.#fail(MISSING_FIELD, this.#keywordColumn)
    if (template.constant !== null) return template.constant
    for (let index = 0; index < columns.length; index++) {
      const column = columns[index]!
      if (!record.sound(column)) return this.#fail(BODY_INVALID, column)
      const value = record.text(column)
      this.#values[column] = this.#shown === null ? value : this.#shown(value)
    }
    return template.render(this.#values) ?? this.#fail(MISSING_FIELD, this.#columnOf(template.missingLabel ?? ''))
  }

  #fail(reason: number, column: number): null {
    this.reason = reason
    this.column = column
    return null
  }

  #forKeyword(cell: string): Prepared | null {
    const keyword = foldKeyword(cell)
    if (keyword === '') return this.#job
    let prepared = this.#byKeyword.get(keyword)
    if (prepared === undefined) {
      const known = this.#keywords.find(keyword)
      prepared = known === null ? null : this.#prepareKeyword(this.#templates[known]!)
      // Wrong keywords are not kept: a column of free text must not fill the memory.
      if (prepared !== null) this.#byKeyword.set(keyword, prepared)
    }
    return prepared
  }

  /** The account's templates are not made for this file: one that lacks a column costs its own rows only. */
  #prepareKeyword(source: string): Prepared {
    try {
      return this.#prepare(source)
    } catch (error) {
      if (error instanceof EngineError && error.code === 'TEMPLATE_LABEL_UNKNOWN')
        return { template: null, columns: [] }
      throw error
    }
  }

  #prepare(source: string): Prepared {
    const template = compileTemplate(source)
    const columns = template.labels.map((label) => this.#columnOf(label)).filter((column) => column >= 0)
    return { template: bindTemplate(template, (label) => this.#columnOf(label)), columns: [...new Set(columns)] }
  }

  #columnOf(label: string): number {
    if (Object.hasOwn(this.#fields, label)) return this.#fields[label]!
    const normal = normaliseLabel(label)
    return Object.hasOwn(this.#fields, normal) ? this.#fields[normal]! : -1
  }
}
