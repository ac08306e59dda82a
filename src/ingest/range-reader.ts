/**
 * Reads one byte range of a job's file and hands every record to the row maker. Synchronous, in an ingest thread.
 *
 * A range of the fast parser must end exactly at its bound, else it is misaligned and what was read counts for nothing. A
 * range in sequence takes its bound as a wish and ends with the first record that reaches it. Where the bounds lie makes no
 * difference to the rows.
 */
import type { Dialect, RangeBounds } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import { openSource } from './open-source.js'
import { overlongRecord } from './overlong.js'
import { readFully } from './read-file.js'
import { INCOMPLETE, RECORD, type RecordSource, type SourceRecord } from './record-source.js'

/** Behind a sequential range's wish: the longest record, its line end, and one unit to see that it is too long. */
const LOOK_AHEAD = 2 * (limits.recordBytes + 4)
const SEQUENTIAL_MOST = 4 * limits.rangeBytes

// One per thread.
let buffer = Buffer.alloc(0)

/** What a range came to, before its rows are looked at. */
export interface RangeRead {
  /** Offset in the file behind its last record. */
  end: number
  lines: number
  records: number
  skipped: number
  expanded: number
  misaligned: boolean
}

/** `file`: descriptor. `each`: called with every record that is not blank, valid until the next. */
export function readRange(
  file: number,
  dialect: Dialect,
  bounds: RangeBounds,
  each: (record: SourceRecord) => void,
): RangeRead {
  return new RangeReader(file, dialect, bounds).read(each)
}

class RangeReader {
  readonly #file: number
  readonly #dialect: Dialect
  readonly #bounds: RangeBounds
  readonly #isSequential: boolean
  /** Octets to go through; of a sequential range never more than SEQUENTIAL_MOST. */
  readonly #wish: number
  /** The wish ends with the file. */
  readonly #isFinal: boolean
  readonly #result: RangeRead

  constructor(file: number, dialect: Dialect, bounds: RangeBounds) {
    this.#file = file
    this.#dialect = dialect
    this.#bounds = bounds
    this.#isSequential = dialect.parser === 'general'
    const size = bounds.end - bounds.start
    this.#wish = this.#isSequential ? Math.min(size, SEQUENTIAL_MOST) : size
    this.#isFinal = bounds.last && this.#wish === size
    this.#result = { end: bounds.start, lines: 0, records: 0, skipped: 0, expanded: 0, misaligned: false }
  }

  read(each: (record: SourceRecord) => void): RangeRead {
    const { start, end } = this.#bounds
    const result = this.#result
    const wanted = this.#wish + (this.#isSequential && !this.#isFinal ? LOOK_AHEAD : 0)
    if (buffer.length < wanted) buffer = Buffer.allocUnsafeSlow(wanted)
    const length = readFully(this.#file, buffer, start, wanted)
    const source = openSource(this.#dialect)
    source.reset(buffer, length, this.#isFinal ? 'final' : this.#isSequential ? 'open' : 'cut')
    const isWhole = this.#readAll(source, each)
    result.end = start + source.position
    result.lines = source.lines
    if (!this.#isSequential) result.misaligned = !isWhole || source.position !== end - start
    else if (!isWhole && source.overlong) this.#passOverlong(source, each)
    return result
  }

  /** False: the last record at hand is not whole. */
  #readAll(source: RecordSource, each: (record: SourceRecord) => void): boolean {
    const result = this.#result
    while (source.position < this.#wish) {
      const next = source.next()
      if (next !== RECORD) return next !== INCOMPLETE
      result.records++
      if (source.blank) result.skipped++
      else {
        result.expanded++
        each(source)
      }
    }
    return true
  }

  /** Leaves it where it is until its end has arrived. */
  #passOverlong(source: RecordSource, each: (record: SourceRecord) => void): void {
    const { start, end, last } = this.#bounds
    const search = { file: this.#file, dialect: this.#dialect, base: start, end, last, scratch: buffer }
    const record = overlongRecord(source, search)
    if (record === null) return
    this.#result.records++
    this.#result.expanded++
    each(record)
    this.#result.lines = record.linesBehind
    this.#result.end = start + record.offset + record.length
  }
}
