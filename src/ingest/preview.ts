/** The 'preview' task: the first rows as they would be sent. Nothing is stored. Runs in an ingest thread, once a job. */
import { amountOf } from '../engine/base/money.js'
import type { JobPlan, PreviewResult, PreviewRow } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import { CODINGS } from '../engine/contract/message.js'
import { reasonCode, reasonHelp } from '../engine/contract/reasons.js'
import { openSource } from './open-source.js'
import { readHead } from './read-file.js'
import { RECORD, type SourceRecord } from './record-source.js'
import { type Row, RowMaker, type RowSink } from './row.js'

/** Rows of the contract's preview fit into this many octets unless most are rejected as too long. */
const PREVIEW_BYTES = 2 * limits.rangeBytes

/** Keeps the first `rows` rows of what passes through it. */
export class PreviewSink implements RowSink {
  readonly rows: PreviewRow[] = []
  /** Lines before the bytes that the records come from. */
  linesBefore: number
  readonly #most: number
  /** Numbers so far; null: duplicates are wanted. */
  readonly #seen: Set<number> | null

  constructor(most: number, linesBefore: number, deduplicate: boolean) {
    this.#most = most
    this.linesBefore = linesBefore
    this.#seen = deduplicate ? new Set() : null
  }

  get full(): boolean {
    return this.rows.length >= this.#most
  }

  row(row: Row, record: SourceRecord): void {
    if (this.full) return
    const shown = previewRow(row, record, this.rows.length + 1, this.linesBefore)
    // The first row of a number wins, so that no row behind the preview can change it.
    if (row.reason === 0 && this.#isRepeated(row.value)) {
      shown.reason = 'DUPLICATE'
      shown.detail = reasonHelp('DUPLICATE')
      shown.price = null
    }
    this.rows.push(shown)
  }

  #isRepeated(value: number): boolean {
    if (this.#seen === null || !Number.isSafeInteger(value)) return false
    const isRepeated = this.#seen.has(value)
    this.#seen.add(value)
    return isRepeated
  }
}

function previewRow(row: Row, record: SourceRecord, number: number, linesBefore: number): PreviewRow {
  const code = row.reason === 0 ? null : reasonCode(row.reason)
  return {
    row: number,
    line: linesBefore + record.line + 1,
    to: row.digits !== '' ? shownNumber(row) : row.phoneColumn < 0 ? '' : record.text(row.phoneColumn),
    channel: row.channel,
    // What is sent: a transliterated text is not the one that came.
    text: row.segmented?.text ?? row.text ?? '',
    encoding: CODINGS[row.segmented?.coding ?? 0],
    parts: row.segmented?.partCount ?? 0,
    price: code !== null || row.partPrice === null ? null : amountOf(row.partPrice * row.segmented!.partCount),
    carrier: row.route?.carrier ?? null,
    sendAt: row.dueSeconds === 0 ? null : new Date(row.dueSeconds * 1000).toISOString(),
    reason: code,
    detail: code === null ? null : reasonHelp(code),
  }
}

function shownNumber(row: Row): string {
  return row.isShortCode ? row.digits : `+${row.digits}`
}

/** @throws EngineError TEMPLATE_INVALID, TEMPLATE_LABEL_UNKNOWN. */
export function preview(plan: JobPlan, request: { available: number; rows: number }): PreviewResult {
  const { dataStart, linesBefore } = plan.dialect
  const head = readHead(plan.path, Math.min(request.available, dataStart + PREVIEW_BYTES))
  const bytes = head.subarray(dataStart)
  const source = openSource(plan.dialect)
  const maker = new RowMaker(plan)
  const sink = new PreviewSink(request.rows, linesBefore, plan.settings.deduplicate ?? true)
  source.reset(bytes, bytes.length, head.length === request.available ? 'final' : 'open')
  while (!sink.full && source.next() === RECORD) if (!source.blank) maker.rows(source, sink)
  return { rows: sink.rows }
}
