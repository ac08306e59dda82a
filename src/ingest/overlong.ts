/** A record of any size is one rejected row, and is never read into memory: finds its end in the file. Ingest threads. */
import type { Dialect } from '../engine/contract/ingest.js'
import { reasonNumber } from '../engine/contract/reasons.js'
import { bytesPerUnit } from './decode.js'
import { findLineEnd } from './read-file.js'
import type { RecordSource, SourceRecord } from './record-source.js'

const ROW_TOO_LONG = reasonNumber('ROW_TOO_LONG')

export interface OverlongRecord extends SourceRecord {
  /** Line ends up to and with its own. */
  readonly linesBehind: number
}

export interface OverlongSearch {
  file: number
  dialect: Dialect
  /** Offset in the file of the bytes that the source was given, and where the file ends as far as it is known. */
  base: number
  end: number
  /** No more of the file will come. */
  last: boolean
  scratch: Buffer
}

/** The record at which `source` stopped; null: its end has not arrived. */
export function overlongRecord(source: RecordSource, search: OverlongSearch): OverlongRecord | null {
  const { file, dialect, base, end, last, scratch } = search
  const shape = { unit: bytesPerUnit(dialect.encoding), low: dialect.encoding === 'utf16be' ? 1 : 0 }
  const found = findLineEnd(file, base + source.overlongFrom, scratch, shape)
  // At the end of what has arrived a CR may be half of a CRLF.
  if (!last && (found === null || found >= end)) return null
  return {
    problem: ROW_TOO_LONG,
    problemColumn: -1,
    fields: 0,
    offset: source.position,
    length: (found ?? end) - base - source.position,
    line: source.lines,
    linesBehind: source.overlongLines + (found === null ? 0 : 1),
    blank: false,
    text: () => '',
    sound: () => true,
  }
}
