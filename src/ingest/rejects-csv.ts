/**
 * Streams the rows of a job that became no message, in file order: from the range records, the duplicate marks, and the
 * uploaded file itself. Runs in the main thread; reads windows, never the file.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { csvCell } from '../engine/base/csv-cell.js'
import type { ColumnPlan, Dialect } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import { reasonCode, reasonNumber } from '../engine/contract/reasons.js'
import type { RangeRecord, StoreReader } from '../engine/contract/store.js'
import { BlockReader } from '../engine/store/block.js'
import { decodeText } from './decode.js'
import { reasonText } from './reason-text.js'
import { type Reject, readReject, rejectCount } from './rejects.js'

const DUPLICATE = reasonNumber('DUPLICATE')
const PIECE_CHARACTERS = 64 * 1024
const WINDOW_BYTES = 256 * 1024

export interface RejectsSource {
  store: StoreReader
  job: number
  /** The uploaded file. */
  path: string
  dialect: Dialect
  columns: ColumnPlan
}

/**
 * Text in pieces: a line per row under `line,column,code,reason,record`, formulas guarded. With `raw` the octets of the
 * records as they came, each record once and nothing else.
 */
export async function* rejectsCsv(source: RejectsSource, raw: boolean): AsyncGenerator<string | Buffer> {
  const file = await open(source.path, 'r')
  try {
    const records = new RecordBytes(file)
    yield* raw ? rawRecords(source, records) : reasonLines(source, records)
  } finally {
    await file.close()
  }
}

async function* reasonLines(source: RejectsSource, records: RecordBytes): AsyncGenerator<string> {
  const { dialect, columns } = source
  let piece = 'line,column,code,reason,record\n'
  let linesBefore = dialect.linesBefore
  for (const range of source.store.ranges(source.job)) {
    for (const reject of rejectsOf(source, range)) {
      const bytes = await records.read(range.start + reject.offset, Math.min(reject.length, limits.recordBytes))
      const record = decodeText(bytes, 0, bytes.length, dialect.encoding).replace(/(?:\r\n|\n|\r)$/, '')
      const column = reject.column === 0 ? '' : String(reject.column)
      const reason = csvCell(reasonText(reject.reason, columns.labels[reject.column - 1]))
      piece += `${linesBefore + reject.line + 1},${column},${reasonCode(reject.reason)},${reason},${csvCell(record)}\n`
      if (piece.length < PIECE_CHARACTERS) continue
      yield piece
      piece = ''
    }
    linesBefore += range.lines
  }
  if (piece !== '') yield piece
}

async function* rawRecords(source: RejectsSource, records: RecordBytes): AsyncGenerator<Buffer> {
  for (const range of source.store.ranges(source.job)) {
    let before = -1
    for (const reject of rejectsOf(source, range)) {
      if (reject.offset === before) continue
      before = reject.offset
      for (let done = 0; done < reject.length; done += WINDOW_BYTES) {
        const length = Math.min(WINDOW_BYTES, reject.length - done)
        yield Buffer.from(await records.read(range.start + reject.offset + done, length))
      }
    }
  }
}

/** Rejected, suppressed and duplicate rows of a range, by offset. */
function rejectsOf(source: RejectsSource, range: RangeRecord): Reject[] {
  const rejects: Reject[] = []
  for (let index = 0; index < rejectCount(range.rejects); index++) rejects.push(readReject(range.rejects, index))
  const count = rejects.length
  for (const block of range.blocks) addDuplicates(source, block, rejects)
  return rejects.length === count ? rejects : rejects.sort((a, b) => a.offset - b.offset)
}

function addDuplicates({ store, columns }: RejectsSource, block: number, rejects: Reject[]): void {
  const bitmap = store.marks(block)
  const bytes = bitmap === null ? null : store.block(block)
  if (bitmap === null || bytes === null) return
  const reader = new BlockReader(bytes)
  if (!reader.intact) return
  for (let place = 0; place < reader.count; place++) {
    if ((bitmap[place >> 3]! & (1 << (place & 7))) === 0) continue
    const { line, offset, length, phone } = reader.facts(place)
    const column = phone === null ? 0 : (columns.phones[phone] ?? -1) + 1
    rejects.push({ line, offset, length, reason: DUPLICATE, column })
  }
}

/** Octets of records by way of one window that moves forward. */
class RecordBytes {
  readonly #file: FileHandle
  readonly #window = Buffer.allocUnsafe(WINDOW_BYTES)
  #start = 0
  #end = 0

  constructor(file: FileHandle) {
    this.#file = file
  }

  /** At most WINDOW_BYTES; a view that holds until the next read. */
  async read(offset: number, length: number): Promise<Buffer> {
    if (offset < this.#start || offset + length > this.#end) {
      const { bytesRead } = await this.#file.read(this.#window, 0, WINDOW_BYTES, offset)
      this.#start = offset
      this.#end = offset + bytesRead
    }
    return this.#window.subarray(offset - this.#start, Math.min(offset + length, this.#end) - this.#start)
  }
}
