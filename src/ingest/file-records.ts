/**
 * The records of a whole file, one window after another, for readings that store nothing: the dry run and the preview.
 * Synchronous within a window, in any thread.
 */
import type { Dialect } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import { openSource } from './open-source.js'
import { overlongRecord } from './overlong.js'
import { readFully } from './read-file.js'
import { RECORD, type RecordSource, type SourceRecord } from './record-source.js'

const WINDOW_BYTES = 4 * limits.rangeBytes

export interface Extent {
  /** Octets of the file as far as it is there. */
  end: number
  /** No more of it will come. */
  isWhole: boolean
}

export class FileRecords {
  /** Lines of the file before those that records of this window count from. */
  linesBefore: number
  readonly #file: number
  readonly #dialect: Dialect
  readonly #extent: Extent
  readonly #source: RecordSource
  readonly #buffer: Buffer
  #position: number

  /** `file`: descriptor. */
  constructor(file: number, dialect: Dialect, extent: Extent) {
    this.#file = file
    this.#dialect = dialect
    this.#extent = extent
    this.#source = openSource(dialect)
    this.#buffer = Buffer.allocUnsafe(Math.min(WINDOW_BYTES, Math.max(0, extent.end - dialect.dataStart)))
    this.#position = dialect.dataStart
    this.linesBefore = dialect.linesBefore
  }

  /** Offset up to which the file was read. */
  get position(): number {
    return this.#position
  }

  /** Hands on the next records until `each` answers false; false: there is nothing more. */
  window(each: (record: SourceRecord) => boolean): boolean {
    const { end, isWhole } = this.#extent
    const source = this.#source
    const base = this.#position
    if (base >= end) return false
    const length = readFully(this.#file, this.#buffer, base, Math.min(this.#buffer.length, end - base))
    source.reset(this.#buffer, length, isWhole && base + length >= end ? 'final' : 'open')
    while (source.next() === RECORD) if (!each(source)) return false
    if (source.overlong) return this.#passOverlong(each)
    this.#position = base + source.position
    this.linesBefore += source.lines
    return source.position > 0
  }

  #passOverlong(each: (record: SourceRecord) => boolean): boolean {
    const { end, isWhole } = this.#extent
    const search = { file: this.#file, dialect: this.#dialect, base: this.#position, end, last: isWhole }
    const record = overlongRecord(this.#source, { ...search, scratch: this.#buffer })
    if (record === null || !each(record)) return false
    this.#position += record.offset + record.length
    this.linesBefore += record.linesBehind
    return true
  }
}
