/** 20,000 damaged files: every row is accounted for, wherever the ranges are cut, and read as csv-parse reads it where that can. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse } from 'csv-parse/sync'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { EngineError } from '../src/engine/contract/errors.js'
import type { Dialect, SniffResult } from '../src/engine/contract/ingest.js'
import type { CsvSettings } from '../src/engine/contract/job.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { bytesPerUnit, decodeText } from '../src/ingest/decode.js'
import { sniff } from '../src/ingest/dialect.js'
import { openSource } from '../src/ingest/open-source.js'
import { RECORD } from '../src/ingest/record-source.js'
import { RowMaker } from '../src/ingest/row.js'
import { mutated, mutators } from './csv-mutators.js'
import { type Reading, type ReadRow, readFile } from './csv-reading.js'
import { planFor } from './ingest-running.js'
import { seed } from './seed.js'

const FILES = Number(process.env.FILES ?? 20_000)
t.comment(`seed ${seed}`)
// csv-parse throws for most of the files, and the way there is of no interest.
Error.stackTraceLimit = 0

const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-mutations-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const file = path.join(folder, 'file.csv')

/** Errors that a whole file is refused with. */
const REFUSALS = ['FILE_EMPTY', 'FILE_NOT_CSV', 'COLUMN_UNKNOWN', 'RECIPIENT_COLUMN_MISSING']
/** Beyond its caps the scanner and csv-parse do not agree, and need not. */
const CAPS = new Set(['ROW_TOO_LONG', 'FIELD_TOO_LONG', 'TOO_MANY_COLUMNS', 'UNCLOSED_QUOTE'])

/** As the file shows itself, else as its customer says; null: it is refused whole. */
function look(bytes: Buffer, csv: CsvSettings): SniffResult | null {
  const task = { path: file, available: bytes.length, complete: true, labelsNeeded: false }
  for (const settings of [{ relaxQuotes: csv.relaxQuotes }, csv]) {
    try {
      return sniff({ ...task, csv: settings, columns: settings === csv ? { to: 1 } : {} })
    } catch (error) {
      if (!(error instanceof EngineError) || !REFUSALS.includes(error.code)) throw error
    }
  }
  return null
}

t.test(`${FILES} damaged files are read the same however they are cut, and every row of them is accounted for`, (t) => {
  t.ok(Object.keys(mutators).length >= 20, `${Object.keys(mutators).length} mutators`)
  const random = new Random(seed)
  const seen = { refused: 0, rows: 0, rejected: 0, fellBack: 0, compared: 0 }
  for (let round = 0; round < FILES; round++) {
    const { bytes, csv, names } = mutated(random)
    const wanted = { ...csv, relaxQuotes: random.below(30) === 0 }
    // A new file each time: what is cut to nothing and written again is flushed to the disk first.
    rmSync(file, { force: true })
    writeFileSync(file, bytes)
    const found = look(bytes, wanted)
    if (found === null) seen.refused++
    else {
      const wrong =
        judge(bytes, found, random, seen) ?? (round % 8 === 0 ? asCsvParse(bytes, found.dialect, seen) : null)
      if (wrong !== null) {
        t.fail(`${wrong}: file ${round} of seed ${seed} (${names}): ${bytes.toString('base64').slice(0, 4_000)}`)
        break
      }
    }
  }
  t.comment(JSON.stringify(seen))
  t.ok(seen.compared > FILES / 40, 'csv-parse reads many of them')
  t.ok(seen.refused < FILES / 5 && seen.fellBack > FILES / 20, 'most are read, and many not as they were cut')
  t.end()
})

type Seen = Record<'rows' | 'rejected' | 'fellBack' | 'compared', number>

/** What is wrong with the reading of a file, null: nothing. */
function judge(bytes: Buffer, found: SniffResult, random: Random, seen: Seen): string | null {
  const plan = planFor(1, file, found)
  const source = { plan, maker: new RowMaker(plan), size: bytes.length }
  const whole = readFile(source, { rangeBytes: 1 << 20 })
  seen.rows += whole.rows.length
  const text = JSON.stringify(whole.rows)
  for (let cut = random.below(2); cut < 2; cut++) {
    const cuts = { rangeBytes: 1 + random.below(400), slackBytes: cut === 0 ? undefined : random.below(300) }
    const pieces = readFile(source, cuts)
    if (pieces.fellBack) seen.fellBack++
    if (JSON.stringify(pieces.rows) !== text) return `other rows when cut at ${JSON.stringify(cuts)}`
    for (const sum of ['records', 'skipped', 'expanded', 'lines', 'end'] as const) {
      if (pieces[sum] !== whole[sum]) return `other ${sum} when cut at ${JSON.stringify(cuts)}`
    }
  }
  return sums(bytes, whole, seen) ?? places(bytes, found.dialect, whole)
}

function sums(bytes: Buffer, { rows, records, skipped, expanded, end }: Reading, seen: Seen): string | null {
  const numbers = new Set<string>()
  const counts = { accepted: 0, rejected: 0, suppressed: 0, duplicate: 0 }
  for (const { code, number } of rows) {
    if (code === 'SUPPRESSED') counts.suppressed++
    else if (code !== '') counts.rejected++
    else if (numbers.has(number)) counts.duplicate++
    else counts.accepted++
    if (code === '') numbers.add(number)
  }
  seen.rejected += counts.rejected
  const { accepted, rejected, suppressed, duplicate } = counts
  if (accepted + rejected + suppressed + duplicate + skipped !== records) return 'the rows do not add up to the records'
  if (records !== expanded + skipped) return 'the records do not add up'
  return end === bytes.length ? null : 'the end was not reached'
}

/** Lines and places, counted over again from the bytes; no two records overlap. */
function places(bytes: Buffer, dialect: Dialect, { rows, lines }: Reading): string | null {
  const starts = lineStarts(bytes, dialect)
  if (lines !== starts.length - 1) return `${lines} lines instead of ${starts.length - 1}`
  let line = 1
  let behind: ReadRow | null = null
  for (const row of rows) {
    while (line < starts.length && starts[line]! <= row.offset) line++
    // A quote that was never closed is reported where it was opened, which may be a later line of its record.
    const isRight = row.code === 'UNCLOSED_QUOTE' ? row.line >= line : row.line === line
    if (!isRight) return `line ${row.line} instead of ${line}`
    if (behind !== null && row.offset < behind.offset + behind.length) return `records overlap in line ${line}`
    behind = row
  }
  return null
}

function lineStarts(bytes: Buffer, { encoding }: Dialect): number[] {
  const unit = bytesPerUnit(encoding)
  const units = unit === 1 ? bytes : unitsOf(bytes, encoding)
  const starts = [0]
  for (let at = 0; at < units.length; at++) {
    if (units[at] === 0x0a || (units[at] === 0x0d && units[at + 1] !== 0x0a)) starts.push((at + 1) * unit)
  }
  return starts
}

function unitsOf(bytes: Buffer, encoding: string): Uint16Array {
  const copy = Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % 2)))
  if (encoding === 'utf16be') copy.swap16()
  return new Uint16Array(Uint8Array.from(copy).buffer)
}

/** Where csv-parse reads the file without complaint, the scanner must have the same fields. */
function asCsvParse(bytes: Buffer, dialect: Dialect, seen: Seen): string | null {
  const { encoding, delimiter, bodyStart, relaxQuotes } = dialect
  if (relaxQuotes) return null
  const body = Buffer.from(
    decodeText(bytes, bodyStart, bytes.length - (bytes.length % bytesPerUnit(encoding)), encoding),
  )
  // csv-parse takes a NUL behind a quote for the end of the field.
  if (body.includes(0)) return null
  let expected: string[][]
  try {
    expected = parse(body, { delimiter, record_delimiter: ['\r\n', '\n', '\r'], relax_column_count: true })
  } catch {
    return null
  }
  const source = openSource(dialect)
  source.reset(bytes.subarray(bodyStart), bytes.length - bodyStart, 'final')
  const found: string[][] = []
  let problem = ''
  while (source.next() === RECORD && problem === '') {
    const code = reasonCode(source.problem)
    if (code !== 'NONE' && code !== 'BODY_INVALID') problem = code
    found.push(Array.from({ length: source.fields }, (_, column) => source.text(column)))
  }
  if (CAPS.has(problem)) return null
  seen.compared++
  if (problem !== '') return `${problem} where csv-parse reads on`
  return JSON.stringify(found) === JSON.stringify(expected) ? null : 'other fields than csv-parse has'
}
