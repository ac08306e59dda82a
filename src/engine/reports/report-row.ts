/** One line of a report: what became of one message, as CSV that no spreadsheet runs, or as JSON. Main thread. */

import { isCallFacts, readCallFacts, wasAnswered } from '../base/call-facts.js'
import { readCarrierStatus } from '../base/carrier-status.js'
import { csvCell } from '../base/csv-cell.js'
import { jobId, messageId } from '../contract/ids.js'
import { blankMessage, CHANNELS, CODINGS, messageRef, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { ReportFormat } from '../contract/report.js'
import { callView, lastCall } from '../messages/call-view.js'
import { lineOf, type MessageSource, reasonOf, stateOf, type ViewNames } from '../messages/message-view.js'
import type { HistoryItem } from '../store/decoded-state.js'

/** In the order of the columns. */
interface ReportRow {
  id: string
  line: number | null
  to: string
  from: string
  channel: string
  state: string
  reason: string | null
  encoding: string
  parts: number
  carrier: string | null
  carrierId: string | null
  submittedAt: string | null
  doneAt: string | null
  status: number | null
  error: string | null
  job: string | null
  clientReference: string | null
  /** Of the last call; null: none was made. */
  heardPercent: number | null
  ringSeconds: number | null
  talkSeconds: number | null
  digits: string | null
  callStatus: number | null
}

type CallPart = Pick<ReportRow, 'heardPercent' | 'ringSeconds' | 'talkSeconds' | 'digits' | 'callStatus'>

const COLUMNS = [
  ...['id', 'line', 'to', 'from', 'channel', 'state', 'reason', 'encoding', 'parts', 'carrier', 'carrierId'],
  ...['submittedAt', 'doneAt', 'status', 'error', 'job', 'clientReference'],
  ...['heardPercent', 'ringSeconds', 'talkSeconds', 'digits', 'callStatus'],
] as const satisfies readonly (keyof ReportRow)[]

const message = blankMessage()

export function reportHead(format: ReportFormat): string {
  return format === 'csv' ? `${COLUMNS.join()}\r\n` : ''
}

export function reportLine(format: ReportFormat, row: ReportRow): string {
  if (format === 'ndjson') return `${JSON.stringify(row)}\n`
  let line = cell(row.id)
  for (let column = 1; column < COLUMNS.length; column++) line += `,${cell(row[COLUMNS[column]!])}`
  return `${line}\r\n`
}

/** In the place of all messages of a block that is damaged or gone: nothing more is known of them. */
export function lostRow(block: number): ReportRow {
  const row: Record<string, unknown> = {}
  for (const column of COLUMNS) row[column] = null
  const known = { id: messageId(messageRef(block, 0)), reason: 'RECORD_CORRUPT', parts: 0 }
  const texts = { to: '', from: '', channel: '', state: '', encoding: '' }
  return { ...row, ...known, ...texts } as ReportRow
}

export function reportRow(source: MessageSource, place: number, names: ViewNames): ReportRow {
  const { reader, facts } = source
  const intact = reader.read(place, message)
  const items = source.state?.history(place) ?? []
  const submitted = items.find(isTaken)
  const done = items.findLast(isEnd)
  const refused = items.findLast(isRefusal)
  const tried = submitted ?? refused
  const channel = CHANNELS[reader.facts(place).channel] ?? ''
  return {
    id: messageId(messageRef(source.block, place)),
    line: lineOf(source, place),
    to: intact ? reader.recipient(place) : '',
    from: reader.from,
    channel,
    state: stateOf(source, place),
    reason: intact ? reasonOf(source, place) : 'RECORD_CORRUPT',
    encoding: CODINGS[message.coding],
    parts: message.partCount,
    carrier: tried === undefined ? null : (names.carrier(tried.carrier) ?? null),
    carrierId: submitted === undefined ? null : (readCallFacts(submitted.error)?.callId ?? submitted.id),
    submittedAt: time(submitted),
    doneAt: time(done),
    status: refused === undefined ? null : (readCarrierStatus(refused.status)?.code ?? refused.status),
    // Of a message that was settled the log has in its place who said so.
    error: done?.code === OUTCOME.settled || isCallFacts(done?.error ?? '') ? null : done?.error || null,
    job: facts.job === null ? null : jobId(facts.job),
    clientReference: source.extras(messageRef(source.block, place)).clientReference ?? null,
    ...(channel === VOICE ? callPart(items) : NO_CALL),
  }
}

const VOICE = 'voice'
const NO_CALL: CallPart = { heardPercent: null, ringSeconds: null, talkSeconds: null, digits: null, callStatus: null }

function callPart(items: readonly HistoryItem[]): CallPart {
  const call = lastCall(items)
  if (call === null) return NO_CALL
  const { heardPercent, ringSeconds, talkSeconds, digits } = callView(call.facts)
  const callStatus = readCarrierStatus(call.item.status)?.code ?? null
  return { heardPercent, ringSeconds, talkSeconds, digits, callStatus }
}

/** A carrier accepted a part, or a call was answered. */
export function isTaken({ code, error }: HistoryItem): boolean {
  return code === OUTCOME.accepted || code === OUTCOME.heard || wasAnswered(error)
}

export function isEnd({ code, attempt }: HistoryItem): boolean {
  return (
    (code === OUTCOME.settled && attempt !== STATE.queued) ||
    code === OUTCOME.delivered ||
    code === OUTCOME.heard ||
    code === OUTCOME.unheard ||
    code === OUTCOME.undelivered ||
    code === OUTCOME.rejected ||
    code === OUTCOME.expired ||
    code === OUTCOME.canceled ||
    code === OUTCOME.noReceipt
  )
}

/** The carrier answered a submit with its own status number, or a call ended with one and was not heard. */
export function isRefusal({ code, status }: HistoryItem): boolean {
  return (
    status !== 0 &&
    (code === OUTCOME.rejected ||
      code === OUTCOME.unheard ||
      code === OUTCOME.putOff ||
      code === OUTCOME.rerouted ||
      code === OUTCOME.throttled ||
      code === OUTCOME.unavailable)
  )
}

function time(item: HistoryItem | undefined): string | null {
  return item === undefined ? null : new Date(item.atMs).toISOString()
}

/** A number in E.164 begins with + and is no formula: it is left as it is read back by importers. */
function cell(value: string | number | null): string {
  const text = String(value ?? '')
  return /^\+\d+$/.test(text) ? `"${text}"` : csvCell(text)
}
