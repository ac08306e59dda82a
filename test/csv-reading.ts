/** A file read range by range in this process, without a store: what its rows come to, however it is cut. */
import { closeSync, openSync } from 'node:fs'
import type { Dialect, JobPlan, RangeBounds } from '../src/engine/contract/ingest.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { cutRanges } from '../src/ingest/cut.js'
import { readRange } from '../src/ingest/range-reader.js'
import type { SourceRecord } from '../src/ingest/record-source.js'
import type { RowMaker } from '../src/ingest/row.js'
import type { Row, RowSink } from '../src/ingest/row-result.js'

export interface Cuts {
  rangeBytes: number
  slackBytes?: number
}

export interface ReadRow {
  line: number
  offset: number
  length: number
  /** Reason code, or '' of an accepted row. */
  code: string
  /** From 1, 0 = the record. */
  column: number
  number: string
  text: string
  dueSeconds: number
  expiresSeconds: number
}

export interface Reading {
  rows: ReadRow[]
  records: number
  skipped: number
  expanded: number
  lines: number
  /** Where it ended: the size of the file. */
  end: number
  /** The ranges could not be read side by side to the end. */
  fellBack: boolean
}

class Rows implements RowSink {
  readonly found: ReadRow[] = []
  start = 0
  linesBefore = 0

  row(row: Row, record: SourceRecord): void {
    this.found.push({
      line: this.linesBefore + record.line + 1,
      offset: this.start + record.offset,
      length: record.length,
      code: row.reason === 0 ? '' : reasonCode(row.reason),
      column: row.column + 1,
      number: row.digits,
      text: row.reason === 0 ? (row.text ?? '') : '',
      dueSeconds: row.dueSeconds,
      expiresSeconds: row.expiresSeconds,
    })
  }
}

export interface WholeFile {
  plan: JobPlan
  /** Of the plan: making one costs more than reading a small file. */
  maker: RowMaker
  size: number
}

/** As the main thread does it: ranges of the cut, and from the first that is misaligned one after the other. */
export function readFile(whole: WholeFile, cuts: Cuts): Reading {
  const file = openSync(whole.plan.path, 'r')
  try {
    return new FileReading(file, whole).read(cuts)
  } finally {
    closeSync(file)
  }
}

class FileReading {
  readonly #file: number
  readonly #plan: JobPlan
  readonly #size: number
  readonly #maker: RowMaker
  readonly #rows = new Rows()
  readonly #sums = { records: 0, skipped: 0, expanded: 0 }

  constructor(file: number, { plan, maker, size }: WholeFile) {
    this.#file = file
    this.#plan = plan
    this.#size = size
    this.#maker = maker
    this.#rows.start = plan.dialect.dataStart
    this.#rows.linesBefore = plan.dialect.linesBefore
  }

  read({ rangeBytes, slackBytes }: Cuts): Reading {
    const { path, dialect } = this.#plan
    const rows = this.#rows
    let isAligned = dialect.parser === 'fast'
    const shape = { path, start: dialect.dataStart, firstRange: 0, available: this.#size, complete: true }
    const ranges = isAligned ? cutRanges({ ...shape, rangeBytes, slackBytes }).ranges : []
    for (const bounds of ranges) {
      isAligned = this.#range(dialect, bounds)
      if (!isAligned) break
    }
    if (!isAligned) this.#inSequence({ ...dialect, parser: 'general' }, rangeBytes)
    const { found: all, linesBefore: lines, start: end } = rows
    return { rows: all, ...this.#sums, lines, end, fellBack: dialect.parser === 'fast' && !isAligned }
  }

  /** False: nothing of it counts. */
  #range(dialect: Dialect, bounds: RangeBounds): boolean {
    const rows = this.#rows
    const before = rows.found.length
    const read = readRange(this.#file, dialect, bounds, (record) => this.#maker.rows(record, rows))
    if (read.misaligned) {
      rows.found.length = before
      return false
    }
    this.#sums.records += read.records
    this.#sums.skipped += read.skipped
    this.#sums.expanded += read.expanded
    rows.linesBefore += read.lines
    rows.start = read.end
    return true
  }

  #inSequence(dialect: Dialect, rangeBytes: number): void {
    const rows = this.#rows
    for (let wish = rangeBytes; rows.start < this.#size; ) {
      const { start } = rows
      const end = Math.min(start + wish, this.#size)
      this.#range(dialect, { range: 0, start, end, last: end === this.#size })
      if (rows.start === start && end === this.#size) throw new Error('the file cannot be read to its end')
      wish = rows.start === start ? wish * 2 : rangeBytes
    }
  }
}
