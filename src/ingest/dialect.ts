/**
 * Decides from the first 4 MiB of a file how all of it is read: encoding, delimiter, header, columns. What is not said
 * in the settings is guessed and marked as guessed. Once per file, in an ingest thread.
 */
import { EngineError } from '../engine/contract/errors.js'
import type { Dialect, IngestTask, SniffResult } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import { reasonCode, reasonHelp, reasonNumber } from '../engine/contract/reasons.js'
import { type Head, looksLikePhone, planColumns } from './columns.js'
import { bytesPerUnit, decodeText } from './decode.js'
import { findDelimiter } from './delimiter.js'
import { doubleEncodedSample, findEncoding } from './encoding.js'
import { refuseOtherFiles } from './file-type.js'
import { isCommon, openSource } from './open-source.js'
import { readHead } from './read-file.js'
import { RECORD, type RecordSource } from './record-source.js'

const BODY_INVALID = reasonNumber('BODY_INVALID')
const SAMPLE_RECORDS = 100
const SAMPLE_CHARACTERS = 256 * 1024
const SEP_LINE = /^"?sep=(.)"?(?:\r\n|\n|\r)/i

type SniffTask = Omit<Extract<IngestTask, { kind: 'sniff' }>, 'kind'>

/** @throws EngineError FILE_EMPTY, FILE_NOT_CSV, COLUMN_UNKNOWN, RECIPIENT_COLUMN_MISSING. */
export function sniff(task: SniffTask): SniffResult {
  const { dialect, head, text } = lookAt(task, SAMPLE_RECORDS)
  const columns = planColumns(head, task.columns, task.channel)
  return { dialect, columns, warnings: warningsFor(dialect, text, task.labelsNeeded) }
}

export interface Look {
  dialect: Dialect
  head: Head
  /** The beginning of the file, decoded. */
  text: string
}

/** Everything but what the columns are. `records`: most of them in the sample. @throws EngineError FILE_EMPTY, FILE_NOT_CSV. */
export function lookAt(task: Omit<SniffTask, 'columns' | 'labelsNeeded'>, records: number): Look {
  const head = readHead(task.path, Math.min(task.available, limits.sniffBytes))
  const whole = task.complete && task.available <= limits.sniffBytes
  if (head.length === 0) throw new EngineError('FILE_EMPTY', 'The file is empty.')
  refuseOtherFiles(head)
  const { dialect, text } = layout(head, whole, task.csv)
  const source = openSource(dialect)
  source.reset(head.subarray(dialect.bodyStart), head.length - dialect.bodyStart, whole ? 'final' : 'open')
  const first = firstRecords(source, dialect, { header: task.csv.header, records })
  if (whole && first.rows === 0) throw new EngineError('FILE_EMPTY', 'The file has a header and no rows.')
  return { dialect, head: first, text }
}

/** Everything but the header. */
function layout(head: Buffer, whole: boolean, csv: SniffTask['csv']): { dialect: Dialect; text: string } {
  const { encoding, markBytes, guessed } = findEncoding(head, whole, csv.encoding)
  const unit = bytesPerUnit(encoding)
  const text = decodeText(head, markBytes, Math.min(head.length, markBytes + SAMPLE_CHARACTERS * unit), encoding)
  const sepLine = SEP_LINE.exec(text)
  const body = sepLine === null ? text : text.slice(sepLine[0].length)
  const quote = csv.quote ?? '"'
  const marks = guessed ? ['encoding'] : []
  if (csv.delimiter !== undefined) checkDelimiter(csv.delimiter, quote)
  const delimiter = csv.delimiter ?? sepLine?.[1] ?? findDelimiter(body, quote).delimiter
  if (csv.delimiter === undefined && sepLine === null) marks.push('delimiter')
  const bodyStart = markBytes + (sepLine === null ? 0 : sepLine[0].length * unit)
  const dialect: Dialect = {
    encoding,
    delimiter,
    quote,
    relaxQuotes: csv.relaxQuotes ?? false,
    header: true,
    bodyStart,
    dataStart: bodyStart,
    linesBefore: sepLine === null ? 0 : 1,
    parser: 'general',
    guessed: marks,
  }
  if (isCommon(dialect)) dialect.parser = 'fast'
  return { dialect, text: body }
}

function checkDelimiter(delimiter: string, quote: string): void {
  if (delimiter !== '' && !/[\r\n]/.test(delimiter) && (quote === '' || !delimiter.includes(quote))) return
  const message = 'The delimiter must not be empty, a line end, or the quote.'
  throw new EngineError('VALIDATION', message, { fields: [{ pointer: '/csv/delimiter', message }] })
}

/** Reads the header and a sample; completes the dialect with where the data starts. `rows`: looked at, readable or not. */
function firstRecords(
  source: RecordSource,
  dialect: Dialect,
  { header: wanted, records }: { header: boolean | undefined; records: number },
): Head & { rows: number } {
  let header: string[] | null = null
  const sample: string[][] = []
  let first = true
  let rows = 0
  while (rows < records && source.next() === RECORD) {
    if (source.blank) continue
    const cells = cellsOf(source)
    if (first) {
      first = false
      dialect.header = wanted ?? !cells.some(looksLikePhone)
      if (wanted === undefined) dialect.guessed.push('header')
      if (dialect.header) {
        if (!hasFields(source)) throw unreadableHeader(source.problem)
        header = cells
        dialect.dataStart += source.position
        dialect.linesBefore += source.lines
        continue
      }
    }
    rows++
    if (hasFields(source)) sample.push(cells)
  }
  if (first && source.overlong) throw new EngineError('FILE_NOT_CSV', 'The first record is larger than 64 KiB.')
  if (first) throw new EngineError('FILE_EMPTY', 'The file has no rows.')
  return { header, sample, rows }
}

/** Octets that are no text spoil what a record says, but not where its fields are. */
function hasFields({ problem }: RecordSource): boolean {
  return problem === 0 || problem === BODY_INVALID
}

function unreadableHeader(problem: number): EngineError {
  const why = reasonHelp(reasonCode(problem))
  return new EngineError('FILE_NOT_CSV', `The header record cannot be read as CSV. ${why}`)
}

function cellsOf(source: RecordSource): string[] {
  const cells: string[] = []
  for (let column = 0; column < Math.min(source.fields, limits.columns); column++) cells.push(source.text(column))
  return cells
}

export function warningsFor(dialect: Dialect, text: string, labelsNeeded: boolean): string[] {
  const warnings: string[] = []
  if (dialect.guessed.includes('encoding')) {
    const why = dialect.encoding.startsWith('utf16') ? 'Every other byte is NUL' : 'Not all of the text is UTF-8'
    warnings.push(
      `${why}; it is read as ${dialect.encoding}, which was guessed. Set csv.encoding if special characters look wrong.`,
    )
  }
  const twice = dialect.encoding === 'utf8' ? doubleEncodedSample(text) : null
  if (twice !== null) warnings.push(`The text looks as if it had been encoded as UTF-8 twice, for example: ${twice}`)
  if (labelsNeeded && !dialect.header && dialect.guessed.includes('header')) {
    warnings.push('The first row looks like data, so the file is read without a header; labels are positions from 1.')
  }
  return warnings
}
