/**
 * The 'numbers' task: the phone numbers and email addresses of a file of any size, as a file of lines 'digits' or 'digits TAB
 * sender', and why the others are none. Synchronous, in an ingest thread; memory does not grow with the file.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { emailAddress, mailboxOf } from '../engine/base/email-address.js'
import type { IngestTask, NumbersResult } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import { reasonCode, reasonHelp, reasonNumber } from '../engine/contract/reasons.js'
import { isSender } from '../engine/jobs/create.js'
import { NumberParser } from '../engine/phone/number.js'
import { FileRecords } from './file-records.js'
import type { SourceRecord } from './record-source.js'

type NumbersTask = Extract<IngestTask, { kind: 'numbers' }>

const INVALID_EMAIL = reasonNumber('INVALID_EMAIL')
const MISSING_NUMBER = reasonNumber('MISSING_NUMBER')
const INVALID_SENDER = reasonNumber('INVALID_SENDER')
const WRITE_CHARACTERS = 64 * 1024

class NumberLines {
  readonly #out: number
  #text = ''

  constructor(out: number) {
    this.#out = out
  }

  add(digits: string, sender: string): void {
    this.#text += sender === '' ? `${digits}\n` : `${digits}\t${sender}\n`
    if (this.#text.length >= WRITE_CHARACTERS) this.flush()
  }

  flush(): void {
    const bytes = Buffer.from(this.#text)
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#out, bytes, at)
    this.#text = ''
  }
}

class NumberReader {
  readonly result: NumbersResult = { records: 0, rejected: 0, rejectedByReason: {}, errors: [] }
  readonly #lines: NumberLines
  readonly #parser: NumberParser
  readonly #column: number
  readonly #sender: number
  linesBefore: number

  constructor(task: NumbersTask, lines: NumberLines) {
    this.#lines = lines
    this.#parser = new NumberParser(task.defaultCountry, { shortCodes: task.shortCodes })
    this.#column = task.columns.phones[0]!
    // As our own export calls it.
    this.#sender = task.dialect.header ? (task.columns.fields.sender ?? -1) : -1
    this.linesBefore = task.dialect.linesBefore
  }

  read(record: SourceRecord): void {
    this.result.records++
    if (record.problem !== 0) {
      this.#reject(record, record.problem)
      return
    }
    const cell = this.#column < record.fields ? record.text(this.#column) : ''
    const sender = this.#sender < 0 || this.#sender >= record.fields ? '' : record.text(this.#sender).trim()
    const found = this.#recipient(cell)
    if (cell.trim() === '') this.#reject(record, MISSING_NUMBER)
    else if (typeof found === 'number') this.#reject(record, found)
    else if (sender !== '' && !isSender(sender) && mailboxOf(sender) === null) this.#reject(record, INVALID_SENDER)
    else this.#lines.add(found, sender)
  }

  /** Digits or an address; a number: the reason why it is neither. */
  #recipient(cell: string): string | number {
    if (cell.includes('@')) return emailAddress(cell) ?? INVALID_EMAIL
    const { reason, digits } = this.#parser.parse(cell)
    return reason === 0 ? digits : reason
  }

  #reject(record: SourceRecord, reason: number): void {
    const { result } = this
    const code = reasonCode(reason)
    result.rejected++
    result.rejectedByReason[code] = (result.rejectedByReason[code] ?? 0) + 1
    if (result.errors.length >= limits.importErrors) return
    result.errors.push({ line: this.linesBefore + record.line + 1, code, detail: reasonHelp(code) })
  }
}

export function readNumbers(task: NumbersTask): NumbersResult {
  const file = openSync(task.path, 'r')
  const out = openSync(task.out, 'w', 0o600)
  try {
    const lines = new NumberLines(out)
    const reader = new NumberReader(task, lines)
    const records = new FileRecords(file, task.dialect, { end: task.available, isWhole: true })
    const each = (record: SourceRecord): boolean => {
      if (!record.blank) reader.read(record)
      return true
    }
    while (records.window(each)) reader.linesBefore = records.linesBefore
    lines.flush()
    return reader.result
  } finally {
    closeSync(file)
    closeSync(out)
  }
}
