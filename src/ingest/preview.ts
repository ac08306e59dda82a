/** The 'preview' task: the first rows as they would be sent. Nothing is stored. Runs in an ingest thread, once a job. */
import { closeSync, openSync } from 'node:fs'
import { amountOf } from '../engine/base/money.js'
import type { IngestTask, JobPlan, PreviewResult, PreviewRow } from '../engine/contract/ingest.js'
import { CODINGS } from '../engine/contract/message.js'
import { reasonCode, reasonHelp } from '../engine/contract/reasons.js'
import type { Environment } from '../engine/store/environment.js'
import { FileRecords } from './file-records.js'
import { reasonText } from './reason-text.js'
import type { SourceRecord } from './record-source.js'
import { RowMaker } from './row.js'
import type { Row, RowSink } from './row-result.js'
import { suppressionsOf } from './suppressions-of.js'

/** A window is a few MiB, or one record of any size: enough for the rows of the contract's preview, unless all are blank. */
const WINDOWS_MOST = 32

type PreviewRequest = Omit<Extract<IngestTask, { kind: 'preview' }>, 'kind' | 'plan'>

/** Keeps the first `rows` rows of what passes through it. */
export class PreviewSink implements RowSink {
  readonly rows: PreviewRow[] = []
  /** Lines before the bytes that the records come from. */
  linesBefore: number
  readonly #most: number
  readonly #labels: readonly string[]
  /** Numbers so far; null: duplicates are wanted. */
  readonly #seen: Set<number> | null

  constructor(most: number, { dialect, columns, settings }: JobPlan) {
    this.#most = most
    this.linesBefore = dialect.linesBefore
    this.#labels = columns.labels
    this.#seen = (settings.deduplicate ?? true) ? new Set() : null
  }

  get full(): boolean {
    return this.rows.length >= this.#most
  }

  row(row: Row, record: SourceRecord): void {
    if (this.full) return
    const shown = previewRow(row, record, this.rows.length + 1, this.linesBefore)
    if (row.reason !== 0) shown.detail = reasonText(row.reason, this.#labels[row.column])
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
    ...mailPart(row),
    ...callPart(row),
    encoding: CODINGS[row.segmented?.coding ?? 0],
    parts: row.segmented?.partCount ?? 0,
    price: code !== null || row.partPrice === null ? null : amountOf(row.partPrice * row.segmented!.partCount),
    carrier: row.route?.carrier ?? null,
    sendAt: row.dueSeconds === 0 ? null : new Date(row.dueSeconds * 1000).toISOString(),
    reason: code,
    detail: null,
  }
}

/** Of an email its subject and, where it has one, its HTML. */
function mailPart({ mail }: Row): Pick<PreviewRow, 'subject' | 'html'> {
  if (mail === null) return {}
  return mail.html === '' ? { subject: mail.subject } : { subject: mail.subject, html: mail.html }
}

/** Of a call all that is played. */
function callPart({ spoken }: Row): Pick<PreviewRow, 'prompts' | 'language'> {
  return spoken === null ? {} : { prompts: spoken.items, language: spoken.language }
}

function shownNumber(row: Row): string {
  return row.isShortCode || row.channel === 'email' ? row.digits : `+${row.digits}`
}

/** `complete`: no more of the file will come. @throws EngineError TEMPLATE_INVALID, TEMPLATE_LABEL_UNKNOWN. */
export function preview(plan: JobPlan, request: PreviewRequest, environment: Environment): PreviewResult {
  const maker = new RowMaker(plan, suppressionsOf(plan, environment))
  const sink = new PreviewSink(request.rows, plan)
  const file = openSync(plan.path, 'r')
  try {
    const records = new FileRecords(file, plan.dialect, { end: request.available, isWhole: request.complete })
    const each = (record: SourceRecord): boolean => {
      if (!record.blank) maker.rows(record, sink)
      return !sink.full
    }
    for (let windows = 0; windows < WINDOWS_MOST && records.window(each); windows++) {
      sink.linesBefore = records.linesBefore
    }
  } finally {
    closeSync(file)
  }
  return { rows: sink.rows }
}
