/**
 * report.csv of a job: one line a message in the order of the file, range by range, so that memory stays flat whatever the
 * size of the job. Cells are quoted and cannot act as formulas. Main thread.
 */

import { setImmediate } from 'node:timers/promises'
import { csvCell } from '../base/csv-cell.js'
import { messageId } from '../contract/ids.js'
import { blankMessage, CHANNELS, CODINGS, messageRef } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { RangeRecord } from '../contract/store.js'
import type { HistoryItem } from '../store/decoded-state.js'
import { BLOCKS_PER_REQUEST, type MessageReader } from './message-reader.js'
import { lineOf, type MessageSource, reasonOf, stateOf, type ViewNames } from './message-view.js'

const COLUMNS = 'id,line,to,from,channel,state,reason,encoding,parts,carrier,carrierId,submittedAt,doneAt,status,error'
const PIECE_LINES = 1_000

export interface ReportDeps {
  reader: MessageReader
  names: ViewNames
  ranges(job: number): Iterable<RangeRecord>
}

const message = blankMessage()

/** Text in pieces of about a thousand lines. */
export async function* report(job: number, deps: ReportDeps): AsyncIterable<string> {
  yield `${COLUMNS}\r\n`
  for (const range of deps.ranges(job)) {
    const sources = await sourcesOf(range.blocks, deps.reader)
    let lines: string[] = []
    for (const [source, place] of inFileOrder(sources)) {
      if (deps.reader.isMarked(source.block, place)) continue
      lines.push(reportLine(source, place, deps.names))
      if (lines.length < PIECE_LINES) continue
      yield lines.join('')
      lines = []
      // Other requests have their turn between two pieces.
      await setImmediate()
    }
    if (lines.length > 0) yield lines.join('')
  }
}

async function sourcesOf(blocks: number[], reader: MessageReader): Promise<MessageSource[]> {
  const sources: MessageSource[] = []
  for (let at = 0; at < blocks.length; at += BLOCKS_PER_REQUEST) {
    sources.push(...(await reader.sources(blocks.slice(at, at + BLOCKS_PER_REQUEST))))
  }
  return sources
}

/** A range fills a block per route and sender side by side: its messages are put back into the order of their records. */
function* inFileOrder(sources: MessageSource[]): Iterable<[MessageSource, number]> {
  const entries: { source: MessageSource; place: number; offset: number }[] = []
  for (const source of sources) {
    for (let place = 0; place < source.reader.count; place++) {
      entries.push({ source, place, offset: source.reader.facts(place).offset })
    }
  }
  entries.sort((a, b) => a.offset - b.offset)
  for (const { source, place } of entries) yield [source, place]
}

function reportLine(source: MessageSource, place: number, names: ViewNames): string {
  const { reader } = source
  const intact = reader.read(place, message)
  const items = source.state?.history(place) ?? []
  const submitted = items.find((item) => item.code === OUTCOME.accepted)
  const done = items.findLast((item) => isEnd(item))
  const refused = items.findLast((item) => isRefusal(item))
  const tried = submitted ?? refused
  const cells = [
    messageId(messageRef(source.block, place)),
    lineOf(source, place),
    intact ? reader.recipient(place) : '',
    reader.from,
    CHANNELS[reader.facts(place).channel] ?? '',
    stateOf(source, place),
    intact ? (reasonOf(source, place) ?? '') : 'RECORD_CORRUPT',
    CODINGS[message.coding],
    message.partCount,
    tried === undefined ? '' : (names.carrier(tried.carrier) ?? ''),
    submitted?.id ?? '',
    time(submitted),
    time(done),
    refused === undefined ? '' : refused.status,
    done?.error ?? '',
  ]
  return `${cells.map(cell).join(',')}\r\n`
}

function isEnd({ code }: HistoryItem): boolean {
  return (
    code === OUTCOME.delivered ||
    code === OUTCOME.undelivered ||
    code === OUTCOME.rejected ||
    code === OUTCOME.expired ||
    code === OUTCOME.canceled ||
    code === OUTCOME.noReceipt
  )
}

/** The carrier answered a submit with its own status number. */
function isRefusal({ code, status }: HistoryItem): boolean {
  return status !== 0 && (code === OUTCOME.rejected || code === OUTCOME.throttled || code === OUTCOME.unavailable)
}

function time(item: HistoryItem | undefined): string {
  return item === undefined ? '' : new Date(item.atMs).toISOString()
}

/** A number in E.164 begins with + and is no formula: it is left as it is read back by importers. */
function cell(value: string | number | null): string {
  const text = String(value ?? '')
  return /^\+\d+$/.test(text) ? `"${text}"` : csvCell(text)
}
