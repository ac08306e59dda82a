/**
 * The 'contactImport' task: the next piece of a file, row by row into contacts, in one transaction with how far the import
 * is. So a piece is there whole or not at all, and a piece that comes again changes nothing. Synchronous, in an ingest thread.
 */
import { closeSync, openSync } from 'node:fs'
import { unguarded } from '../engine/base/csv-cell.js'
import { emailKey, isEmail, keyOf, readKey } from '../engine/contacts/contact-key.js'
import { isAttributeText, isTag } from '../engine/contacts/contact-rules.js'
import type { ContactTables } from '../engine/contacts/contact-tables.js'
import { applyChanges } from '../engine/contacts/contact-writer.js'
import { type ImportRejects, importProgress, saveProgress } from '../engine/contacts/import-progress.js'
import type {
  ChangeEffect,
  ContactChange,
  ContactTask,
  ImportPlan,
  ImportProgress,
} from '../engine/contract/contact-tasks.js'
import { limits } from '../engine/contract/limits.js'
import { LINE_TYPES } from '../engine/contract/number-rules.js'
import { reasonNumber } from '../engine/contract/reasons.js'
import { NumberParser } from '../engine/phone/number.js'
import { readRange } from './range-reader.js'
import type { SourceRecord } from './record-source.js'

type ImportTask = Extract<ContactTask, { kind: 'contactImport' }>

const MISSING_NUMBER = reasonNumber('MISSING_NUMBER')
const TOO_FEW_COLUMNS = reasonNumber('TOO_FEW_COLUMNS')
const EXTRA_COLUMNS = reasonNumber('EXTRA_COLUMNS')
const FIELD_TOO_LONG = reasonNumber('FIELD_TOO_LONG')
const BODY_INVALID = reasonNumber('BODY_INVALID')
const FIXED = LINE_TYPES.indexOf('fixed')
const INVALID_EMAIL = reasonNumber('INVALID_EMAIL')
const CONTACT_TOO_LARGE = reasonNumber('CONTACT_TOO_LARGE')
const CONTACT_UNKNOWN = reasonNumber('CONTACT_UNKNOWN')

/** How far the import is behind the piece. @throws EngineError STORE_FAILED, VALIDATION: too many names of attributes. */
export function importPiece(tables: ContactTables, task: ImportTask): ImportProgress {
  const { plan, start, end, last, nowMs } = task
  const before = importProgress(tables, plan.import, plan.dialect)
  if (before.next !== start) return before
  const file = openSync(plan.path, 'r')
  try {
    const reader = new ContactRows(plan, before.lines)
    // In sequence, whatever the dialect: the later of two rows of a number wins.
    const dialect = { ...plan.dialect, parser: 'general' as const }
    const bounds = { range: before.pieces, start, end, last }
    const read = readRange(file, dialect, bounds, (record) => reader.row(record))
    if (read.misaligned || read.end <= start) return before
    return keep(tables, { task, before, reader, next: read.end, lines: before.lines + read.lines, nowMs })
  } finally {
    closeSync(file)
  }
}

interface Piece {
  task: ImportTask
  before: ImportProgress
  reader: ContactRows
  next: number
  lines: number
  nowMs: number
}

function keep(tables: ContactTables, { task, before, reader, next, lines, nowMs }: Piece): ImportProgress {
  const after: ImportProgress = { ...before, pieces: before.pieces + 1, next, lines }
  const beside = (effects: readonly ChangeEffect[]): void => {
    effects.forEach((effect, index) => {
      if (effect === 'added' || effect === 'changed' || effect === 'unchanged') after[effect]++
      else reader.refused(index, effect)
    })
    after.rows += reader.rows
    after.rejected += reader.rejects.length
    saveProgress(tables, task.plan.import, { progress: after, piece: before.pieces, rejects: reader.rejects })
  }
  applyChanges(tables, reader.changes, { account: task.plan.account, nowMs, beside })
  return after
}

function isBlank(cell: string): boolean {
  return cell.trim() === ''
}

class ContactRows {
  rows = 0
  readonly changes: ContactChange[] = []
  /** Line of each change, from 1. */
  readonly lines: number[] = []
  readonly rejects: ImportRejects = []
  readonly #plan: ImportPlan
  readonly #linesBefore: number
  readonly #parser: NumberParser
  readonly #tags: readonly string[] | undefined
  /** Set when a cell of the row at hand cannot be taken. */
  #wrong = 0
  #wrongColumn = -1

  constructor(plan: ImportPlan, linesBefore: number) {
    this.#plan = plan
    this.#linesBefore = linesBefore
    this.#parser = new NumberParser(plan.defaultCountry)
    this.#tags = plan.tag === null ? undefined : [plan.tag]
  }

  reject(line: number, column: number, reason: number): void {
    this.rejects.push([line, column + 1, reason])
  }

  /** Of a change that came to nothing. */
  refused(index: number, effect: ChangeEffect): void {
    const isOrphan = effect === 'orphan'
    this.reject(this.lines[index]!, isOrphan ? this.#plan.memberOf : -1, isOrphan ? CONTACT_UNKNOWN : CONTACT_TOO_LARGE)
  }

  row(record: SourceRecord): void {
    this.rows++
    const line = this.#linesBefore + record.line + 1
    const problem = record.problem === 0 ? this.#ragged(record) : record.problem
    if (problem !== 0) {
      this.reject(line, record.problemColumn, problem)
      return
    }
    const to = this.#numberColumn(record)
    const cell = to < 0 ? '' : record.text(to)
    const email = this.#email(record)
    // Without a number the address is the key.
    if (email !== null && isBlank(cell)) this.#take(record, line, emailKey(email), email)
    else {
      const parsed = this.#parser.parse(cell)
      if (parsed.reason === 0) this.#take(record, line, keyOf(parsed), email)
      else if (this.#wrong !== 0 && isBlank(cell)) this.reject(line, this.#wrongColumn, this.#wrong)
      else this.reject(line, to < 0 ? this.#plan.email : to, isBlank(cell) ? this.#missing() : parsed.reason)
    }
  }

  /** A person is messaged on the mobile where there is one. */
  #numberColumn(record: SourceRecord): number {
    const { to, phones } = this.#plan
    if (phones === undefined) return to
    let first = -1
    for (const column of phones) {
      const { reason, lineType } = this.#parser.parse(record.text(column))
      if (reason === 0 && lineType !== FIXED) return column
      if (reason === 0 && first < 0) first = column
    }
    return first < 0 ? to : first
  }

  #missing(): number {
    return this.#plan.to < 0 ? INVALID_EMAIL : MISSING_NUMBER
  }

  /** null: there is none; one that is none is noted. */
  #email(record: SourceRecord): string | null {
    this.#wrong = 0
    const email = this.#text(record, this.#plan.email).trim()
    if (email !== '' && !isEmail(email)) this.#refuse(this.#plan.email, INVALID_EMAIL)
    return email === '' || this.#wrong !== 0 ? null : email
  }

  #take(record: SourceRecord, line: number, key: ContactChange['key'], email: string | null): void {
    const change = this.#change(record, key, email)
    if (this.#wrong !== 0) this.reject(line, this.#wrongColumn, this.#wrong)
    else {
      this.changes.push(change)
      this.lines.push(line)
    }
  }

  #ragged(record: SourceRecord): number {
    const { width } = this.#plan
    if (record.fields === width) return 0
    if (record.fields < width) return TOO_FEW_COLUMNS
    for (let column = width; column < record.fields; column++) if (record.text(column) !== '') return EXTRA_COLUMNS
    return 0
  }

  /** An empty cell leaves what is there. */
  #change(record: SourceRecord, key: ContactChange['key'], email: string | null): ContactChange {
    const plan = this.#plan
    const change: ContactChange = { key, mode: 'merge' }
    const tags = plan.tags < 0 ? this.#tags : this.#tagsOf(record)
    if (tags !== undefined) change.tags = tags
    if (plan.kind !== null) change.kind = plan.kind
    if (plan.optIn !== null) change.optIn = plan.optIn
    if (email !== null) change.email = email
    const parent = this.#text(record, plan.memberOf).trim()
    if (parent !== '') this.#belongTo(change, parent)
    const company = this.#text(record, plan.company)
    if (company.length > limits.companyChars) this.#refuse(plan.company, FIELD_TOO_LONG)
    else if (company !== '') change.company = company
    const attributes: Record<string, string> = {}
    for (const { name, column } of plan.attributes) {
      const text = this.#text(record, column)
      if (text !== '') attributes[name] = text
    }
    change.attributes = attributes
    return change
  }

  #belongTo(change: ContactChange, parent: string): void {
    const key = readKey(this.#parser, parent)
    if (key === null) this.#refuse(this.#plan.memberOf, CONTACT_UNKNOWN)
    else change.memberOf = key
  }

  /** The import's own, and those of the cell. */
  #tagsOf(record: SourceRecord): string[] {
    const tags = [...(this.#tags ?? [])]
    for (const part of this.#text(record, this.#plan.tags).split(/[,;]/)) {
      const tag = part.trim().normalize('NFC')
      if (tag === '') continue
      if (isTag(tag)) tags.push(tag)
      else this.#refuse(this.#plan.tags, FIELD_TOO_LONG)
    }
    return tags
  }

  #text(record: SourceRecord, column: number): string {
    if (column < 0) return ''
    const text = unguarded(record.text(column))
    if (text === '') return text
    if (!record.sound(column)) this.#refuse(column, BODY_INVALID)
    else if (!isAttributeText(text)) {
      this.#refuse(column, text.length > limits.attributeValueChars ? FIELD_TOO_LONG : BODY_INVALID)
    }
    return text
  }

  #refuse(column: number, reason: number): void {
    if (this.#wrong !== 0) return
    this.#wrong = reason
    this.#wrongColumn = column
  }
}
