/**
 * The general parser: csv-parse for every dialect that the byte scanner does not read (quotes of other kinds, quotes
 * inside fields, delimiters of several characters), behind the same face and with the same rule: a bad record costs itself
 * only.
 *
 * What is not UTF-8 is transcoded first, so that csv-parse compares whole characters; offsets are carried back to the
 * octets of the file. Runs in the ingest threads, on about a MiB at a time.
 */
import { isUtf8 } from 'node:buffer'
import { type Options, parse } from 'csv-parse/sync'
import type { Dialect } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import { type ReasonCode, reasonNumber } from '../engine/contract/reasons.js'
import { bytesPerUnit, decodeText, isText } from './decode.js'
import { type Edge, END, INCOMPLETE, type Next, RECORD, type RecordSource } from './record-source.js'

const CTRL_Z = '\x1a'

const LF = 0x0a
const CR = 0x0d
/** NUL, and what becomes of octets that are no text. */
const DAMAGE = /[\0\ufffd]/
const LONE_SURROGATE = /\p{Surrogate}/u

type Shape = Pick<Dialect, 'encoding' | 'delimiter' | 'quote' | 'relaxQuotes'>

interface Parsed {
  cells: string[]
  problem: number
  problemColumn: number
  /** Offsets in the UTF-8 bytes. */
  start: number
  end: number
}

interface ParseError extends Error {
  code: string
  quoting?: boolean
  index?: number
}

export class GeneralParser implements RecordSource {
  problem = 0
  problemColumn = -1
  fields = 0
  offset = 0
  length = 0
  line = 0
  lines = 0
  position = 0
  overlong = false
  blank = false

  readonly #dialect: Shape
  readonly #options: Options
  #utf8: Buffer = Buffer.alloc(0)
  #edge: Edge = 'final'
  /** All of the bytes are text in the encoding; else each record is looked at. */
  #isText = true
  #records: Parsed[] = []
  #index = 0
  /** What stands behind the last whole record, in UTF-8 bytes. */
  #rest = 0
  #cells: string[] = []
  #current: Parsed | null = null

  constructor(dialect: Shape) {
    this.#dialect = dialect
    this.#options = {
      delimiter: dialect.delimiter,
      quote: dialect.quote === '' ? false : dialect.quote,
      escape: dialect.quote === '' ? null : dialect.quote,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      relax_quotes: dialect.relaxQuotes,
      max_record_size: limits.recordBytes,
    }
  }

  get overlongFrom(): number {
    return this.position
  }
  get overlongLines(): number {
    return this.lines
  }

  reset(bytes: Buffer, end: number, edge: Edge): void {
    const { encoding } = this.#dialect
    const whole = end - (end % bytesPerUnit(encoding))
    this.#utf8 = encoding === 'utf8' ? bytes.subarray(0, end) : this.#toUtf8(decodeText(bytes, 0, whole, encoding))
    if (encoding === 'utf8') this.#isText = isUtf8(this.#utf8)
    if (this.#utf8.includes(0)) this.#isText = false
    this.#edge = edge
    this.#index = 0
    this.position = 0
    this.lines = 0
    this.overlong = false
    this.#records = []
    this.#rest = 0
    while (this.#rest < this.#utf8.length && this.#parseOn());
  }

  #toUtf8(text: string): Buffer {
    this.#isText = !LONE_SURROGATE.test(text)
    return Buffer.from(text)
  }

  /** Parses from #rest to the next bad record. False: what is left is not whole. */
  #parseOn(): boolean {
    const base = this.#rest
    const keep = (cells: string[], context: { bytes: number }): null => {
      const start = this.#rest
      this.#rest = base + context.bytes
      this.#records.push({ cells, problem: 0, problemColumn: -1, start, end: this.#rest })
      return null
    }
    try {
      parse(this.#utf8.subarray(base), { ...this.#options, on_record: keep } as Options)
    } catch (error) {
      return this.#refuse(error as ParseError)
    }
    return this.#checkLast()
  }

  /** Takes the last record back when more of it may follow. */
  #checkLast(): boolean {
    const last = this.#utf8[this.#utf8.length - 1]
    const whole = this.#edge === 'final' || last === LF || (last === CR && this.#edge === 'cut')
    if (whole) return true
    const record = this.#records.pop()
    if (record !== undefined) this.#rest = record.start
    this.overlong = this.#utf8.length - this.#rest > limits.recordBytes
    return false
  }

  #refuse(error: ParseError): boolean {
    const start = this.#rest
    const atEnd = error.code === 'CSV_QUOTE_NOT_CLOSED'
    if (atEnd && this.#edge !== 'final') return false
    const end = this.#lineEnd(start)
    if (end < 0) {
      this.overlong = this.#utf8.length - start > limits.recordBytes
      return false
    }
    const code = this.#reasonOf(error, end - start)
    const problemColumn = code === 'ROW_TOO_LONG' ? -1 : (error.index ?? -1)
    this.#records.push({ cells: [], problem: reasonNumber(code), problemColumn, start, end })
    this.#rest = end
    return true
  }

  #reasonOf(error: ParseError, lineBytes: number): ReasonCode {
    if (error.code === 'CSV_QUOTE_NOT_CLOSED') return 'UNCLOSED_QUOTE'
    if (error.code !== 'CSV_MAX_RECORD_SIZE') return 'STRAY_QUOTE'
    return lineBytes > limits.recordBytes ? 'ROW_TOO_LONG' : 'UNCLOSED_QUOTE'
  }

  /** Behind the first line end from `start`; -1 when it is not (wholly) there. */
  #lineEnd(start: number): number {
    const bytes = this.#utf8
    let at = start
    while (at < bytes.length && bytes[at] !== LF && bytes[at] !== CR) at++
    if (at === bytes.length) return this.#edge === 'final' ? at : -1
    if (bytes[at] === LF) return at + 1
    if (at + 1 < bytes.length) return bytes[at + 1] === LF ? at + 2 : at + 1
    return this.#edge === 'open' ? -1 : at + 1
  }

  next(): Next {
    const record = this.#records[this.#index]
    if (record === undefined) {
      this.offset = this.position
      return this.#rest >= this.#utf8.length ? END : INCOMPLETE
    }
    this.#index++
    this.#current = record
    this.#cells = record.cells
    this.fields = record.cells.length
    this.problem = record.problem
    this.problemColumn = record.problemColumn
    this.offset = this.position
    this.length = this.#sourceLength(record)
    this.position += this.length
    this.line = this.lines
    this.lines += countLines(this.#utf8, record.start, record.end)
    this.blank = record.problem === 0 && this.#isBlank(record)
    if (this.problem === 0) this.#checkCaps(record)
    if (this.problem === 0 && !this.#isText) this.#findDamage(record)
    return RECORD
  }

  #sourceLength(record: Parsed): number {
    if (this.#dialect.encoding === 'utf8') return record.end - record.start
    return this.#utf8.toString('utf8', record.start, record.end).length * bytesPerUnit(this.#dialect.encoding)
  }

  #isBlank(record: Parsed): boolean {
    if (record.cells.some((cell) => cell !== '' && cell[0] !== CTRL_Z)) return false
    const text = this.#utf8.toString('utf8', record.start, record.end).replace(/[\r\n]+$/, '')
    const isCtrlZ = text !== '' && text.replaceAll(CTRL_Z, '') === ''
    if (isCtrlZ) return record.end === this.#utf8.length && this.#edge === 'final'
    return text.replaceAll(this.#dialect.delimiter, '') === ''
  }

  #checkCaps(record: Parsed): void {
    // csv-parse counts the content of the fields only.
    if (record.end - record.start > limits.recordBytes + 2) {
      this.#mark('ROW_TOO_LONG', -1)
      return
    }
    const tooLong = record.cells.findIndex((cell) => Buffer.byteLength(cell) > limits.fieldBytes)
    if (tooLong >= 0) this.#mark('FIELD_TOO_LONG', tooLong)
    else if (record.cells.length > limits.columns) this.#mark('TOO_MANY_COLUMNS', limits.columns)
  }

  #findDamage({ cells, start, end }: Parsed): void {
    const bytes = this.#utf8.subarray(start, end)
    if (this.#dialect.encoding === 'utf8' && isUtf8(bytes) && !bytes.includes(0)) return
    const column = cells.findIndex((cell) => DAMAGE.test(cell))
    if (column >= 0) this.#mark('BODY_INVALID', column)
  }

  #mark(code: ReasonCode, column: number): void {
    this.problem = reasonNumber(code)
    this.problemColumn = column
  }

  text(column: number): string {
    return this.#cells[column] ?? ''
  }

  sound(column: number): boolean {
    const text = this.text(column)
    if (!text.includes('\ufffd')) return isText(text, Buffer.alloc(0), this.#dialect.encoding)
    const { start, end } = this.#current!
    return this.#dialect.encoding === 'utf8' && isText(text, this.#utf8.subarray(start, end), 'utf8')
  }
}

function countLines(bytes: Buffer, start: number, end: number): number {
  let lines = 0
  for (let at = start; at < end; at++) {
    if (bytes[at] === LF || (bytes[at] === CR && bytes[at + 1] !== LF)) lines++
  }
  return lines
}
