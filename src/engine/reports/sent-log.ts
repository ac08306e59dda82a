/**
 * The sent log of an account: every message of all its jobs and single messages from the newest block on, one line each, so
 * that memory stays flat whatever was sent. Main thread.
 */
import { setImmediate } from 'node:timers/promises'
import { CHANNELS, type ChannelName, messageRef, type StateName } from '../contract/message.js'
import type { ReportFormat } from '../contract/report.js'
import type { MessageReader } from '../messages/message-reader.js'
import { type MessageSource, stateOf, type ViewNames } from '../messages/message-view.js'
import { lostRow, reportHead, reportLine, reportRow } from './report-row.js'

const BLOCKS_PER_TURN = 8

export interface SentLogQuery {
  format: ReportFormat
  states?: readonly StateName[]
  channel?: ChannelName
  /** Epoch milliseconds, of the message's making; `untilMs` is behind the last one. */
  sinceMs?: number
  untilMs?: number
  from?: string
  /** As `BlockReader.recipient` writes it. */
  to?: string
}

/** `account`: its number; null: all accounts. Text in pieces of a block. */
export async function* sentLog(
  account: number | null,
  deps: { reader: MessageReader; names: ViewNames },
  query: SentLogQuery,
): AsyncIterable<string> {
  yield reportHead(query.format)
  for await (const { sources, lost } of deps.reader.newestFirst(account, BLOCKS_PER_TURN)) {
    for (const block of lost) yield reportLine(query.format, lostRow(block))
    for (const source of sources) {
      const piece = mayHold(source, query) ? linesOf(source, deps, query) : ''
      if (piece === '') continue
      yield piece
      // Other requests have their turn between two pieces.
      await setImmediate()
    }
  }
}

function linesOf(
  source: MessageSource,
  { reader, names }: { reader: MessageReader; names: ViewNames },
  { format, states, channel, to }: SentLogQuery,
): string {
  let piece = ''
  for (let place = source.reader.count - 1; place >= 0; place--) {
    if (reader.isMarked(source.block, place)) continue
    const isWhole = source.reader.verified(place) >= 0
    // What is damaged may be what is asked for; its row says so.
    if (!isWhole) reader.damaged.message(messageRef(source.block, place))
    if (isWhole && channel !== undefined && CHANNELS[source.reader.facts(place).channel] !== channel) continue
    if (isWhole && to !== undefined && source.reader.recipient(place) !== to) continue
    if (states !== undefined && !states.includes(stateOf(source, place))) continue
    piece += reportLine(format, reportRow(source, place, names))
  }
  return piece
}

function mayHold({ reader, facts }: MessageSource, { from, sinceMs, untilMs }: SentLogQuery): boolean {
  const madeAtMs = facts.createdAtMs ?? reader.createdSeconds * 1000
  if (from !== undefined && reader.from !== from) return false
  // The time of a single message is stored in whole seconds.
  if (sinceMs !== undefined && madeAtMs < Math.floor(sinceMs / 1000) * 1000) return false
  return untilMs === undefined || madeAtMs < untilMs
}
