/**
 * The 'range' task: turns every record of a byte range into rows, and stores blocks and range record in one transaction, so
 * that a range is there whole or not at all; of a misaligned one nothing. Synchronous, in an ingest thread.
 */

import { closeSync, openSync } from 'node:fs'
import { crashPoint } from '../engine/base/crash-point.js'
import type { IngestTask, JobPlan, RangeBounds, RangeResult } from '../engine/contract/ingest.js'
import type { RangeRecord } from '../engine/contract/store.js'
import type { NewRecord } from '../engine/store/block.js'
import type { LmdbStore } from '../engine/store/lmdb-store.js'
import { OpenBlocks } from './open-blocks.js'
import { type RangeRead, readRange } from './range-reader.js'
import type { SourceRecord } from './record-source.js'
import { RejectList } from './rejects.js'
import { channelNumber, RowMaker, SUPPRESSED } from './row.js'
import type { Row, RowSink } from './row-result.js'
import { type RowZones, zonesOf } from './row-zones.js'
import { RunBuilder } from './run.js'
import { StoredRecords, storedColumns } from './stored-records.js'
import { suppressionsOf } from './suppressions-of.js'
import { TallyBuilder } from './tally.js'

const NO_BYTES = Buffer.alloc(0)

// One of each per thread: a range starts by clearing them.
const rejects = new RejectList()
const run = new RunBuilder()

/** @throws EngineError TEMPLATE_INVALID, TEMPLATE_LABEL_UNKNOWN, STORE_FAILED. */
export function ingestRange(store: LmdbStore, plan: JobPlan, bounds: RangeBounds): RangeResult {
  const file = openSync(plan.path, 'r')
  try {
    return new RangeIngest(store, plan, bounds).run((each) => readRange(file, plan.dialect, bounds, each))
  } finally {
    closeSync(file)
  }
}

type AgainTask = Extract<IngestTask, { kind: 'again' }>

/** What an earlier job stored of a range, as a range of this one. @throws EngineError STORE_FAILED. */
export function ingestAgain(store: LmdbStore, task: AgainTask): RangeResult {
  const { bounds, lines, picks } = task
  const columns = storedColumns(task.plan.columns)
  // The texts are whole, with their way to opt out, and no number comes twice: that was seen to before.
  const settings = { ...task.plan.settings, deduplicate: false }
  const { voice } = task.plan
  // What was an SMS may be a call by now: its text is spoken, for the play list has labels of columns that are not there.
  const spoken = voice === undefined ? {} : { voice: { ...voice, prompts: undefined, templates: {} } }
  const plan = { ...task.plan, ...spoken, columns, settings, text: undefined, wayOut: undefined }
  const records = new StoredRecords(columns, plan.createdSeconds)
  return new RangeIngest(store, plan, bounds).run((each) => {
    let count = 0
    for (const pick of picks) {
      const bytes = store.block(pick.block)
      if (bytes !== null) count += records.read(bytes, pick, each)
    }
    return { end: bounds.end, lines, records: count, skipped: 0, expanded: count, misaligned: false }
  })
}

class RangeIngest implements RowSink {
  readonly #store: LmdbStore
  readonly #plan: JobPlan
  readonly #maker: RowMaker
  readonly #blocks: OpenBlocks
  readonly #record: RangeRecord
  readonly #message: NewRecord
  readonly #deduplicate: boolean
  readonly #zones: RowZones | null
  readonly #tally = new TallyBuilder()

  constructor(store: LmdbStore, plan: JobPlan, bounds: RangeBounds) {
    this.#store = store
    this.#plan = plan
    this.#maker = new RowMaker(plan, suppressionsOf(plan, store.environment))
    this.#blocks = new OpenBlocks(plan, bounds.range, store.numbers)
    this.#record = emptyRecord(bounds)
    this.#message = emptyMessage()
    this.#zones = zonesOf(plan)
    this.#deduplicate = plan.settings.deduplicate ?? true
    rejects.clear()
    run.clear()
  }

  run(readAll: (each: (record: SourceRecord) => void) => RangeRead): RangeResult {
    const { misaligned, ...read } = readAll((record) => this.#maker.rows(record, this))
    Object.assign(this.#record, read)
    return misaligned ? this.#result(0, true) : this.#keep()
  }

  row(row: Row, source: SourceRecord): void {
    const record = this.#record
    record.rows++
    crashPoint('row-read')
    if (row.reason === 0) this.#accept(row, source)
    else {
      if (row.reason === SUPPRESSED) record.suppressed++
      else record.rejected++
      this.#tally.refuse(row.reason)
      rejects.add({
        line: source.line,
        offset: source.offset,
        length: source.length,
        reason: row.reason,
        column: row.column + 1,
      })
    }
  }

  #accept(row: Row, source: SourceRecord): void {
    const record = this.#record
    const message = this.#message
    const segmented = row.segmented!
    message.channel = channelNumber(row.channel)
    message.coding = segmented.coding
    message.shift = segmented.shift
    message.digits = row.digits
    message.isShortCode = row.isShortCode
    message.phone = row.phone
    message.dueSeconds = row.dueSeconds
    message.expiresSeconds = row.expiresSeconds
    message.line = source.line
    message.offset = source.offset
    message.length = source.length
    message.partCount = segmented.partCount
    message.bytes = segmented.bytes
    message.partStarts = segmented.partStarts
    message.partLengths = segmented.partLengths
    message.country = row.country
    message.partPrice = row.partPrice
    this.#blocks.add(row.route!.route, message, this.#zones?.of(row, source))
    const scheduled = row.dueSeconds > this.#plan.createdSeconds
    record.parts += segmented.partCount
    if (scheduled) record.scheduled++
    const { block, place } = this.#blocks
    this.#tally.see(row)
    const kind = this.#tally.accept(row)
    if (this.#deduplicate) {
      run.add({ number: row.value, kind, block, place, parts: segmented.partCount, scheduled })
    }
    record.accepted++
  }

  #keep(): RangeResult {
    const record = this.#record
    const blocks = this.#blocks.finish()
    // Nothing could be read yet: a range of no octets would only stand in the way of the next try.
    if (record.end === record.start) return this.#result(0, false)
    record.blocks = blocks.map(({ block }) => block)
    record.rejects = rejects.toBuffer()
    record.run = run.toBuffer(record.blocks)
    record.tally = this.#tally.finish()
    this.#store.append({ job: this.#plan.job, blocks, range: record })
    crashPoint('range-stored')
    return this.#result(blocks.length, false)
  }

  #result(blocks: number, misaligned: boolean): RangeResult {
    const { rejects: _rejects, run: _run, blocks: _blocks, ...record } = this.#record
    return { record, blocks, misaligned }
  }
}

function emptyRecord({ range, start, end }: RangeBounds): RangeRecord {
  return {
    range,
    start,
    end,
    lines: 0,
    records: 0,
    skipped: 0,
    expanded: 0,
    rows: 0,
    accepted: 0,
    rejected: 0,
    suppressed: 0,
    parts: 0,
    scheduled: 0,
    blocks: [],
    rejects: NO_BYTES,
    run: NO_BYTES,
    tally: { reasons: {}, kinds: [], findings: {} },
  }
}

function emptyMessage(): NewRecord {
  return {
    channel: 0,
    coding: 0,
    shift: 0,
    wantsReceipt: true,
    digits: '',
    isShortCode: false,
    phone: 0,
    dueSeconds: 0,
    expiresSeconds: 0,
    line: 0,
    offset: 0,
    length: 0,
    partCount: 0,
    bytes: NO_BYTES,
    partStarts: new Uint32Array(0),
    partLengths: new Uint16Array(0),
    country: '',
    partPrice: null,
  }
}
