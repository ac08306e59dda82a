/**
 * What became of every message of a job, one line each in the order of the file, range by range, so that memory stays flat
 * whatever the size of the job. Main thread.
 */
import { setImmediate } from 'node:timers/promises'
import { CHANNELS, messageRef } from '../contract/message.js'
import type { ReportQuery } from '../contract/report.js'
import type { RangeRecord } from '../contract/store.js'
import type { MessageReader } from '../messages/message-reader.js'
import { type MessageSource, stateOf, type ViewNames } from '../messages/message-view.js'
import { lostRow, reportHead, reportLine, reportRow } from './report-row.js'

/** Lines, and blocks, that are made in one turn of the event loop: some milliseconds. */
const PIECE_LINES = 256
const BLOCKS_PER_TURN = 8

export interface JobReportDeps {
  reader: MessageReader
  names: ViewNames
  ranges(job: number): Iterable<RangeRecord>
}

/** Text in pieces of some hundred lines. */
export async function* jobReport(job: number, deps: JobReportDeps, query: ReportQuery): AsyncIterable<string> {
  const { format = 'csv', states, channel } = query
  const lost = new LostBlocks()
  yield reportHead(format)
  for (const range of deps.ranges(job)) {
    let piece = ''
    let lines = 0
    const sources = await sourcesOf(range.blocks, deps.reader)
    lost.look(range.blocks, sources)
    for (const [source, place] of inFileOrder(sources)) {
      if (deps.reader.isMarked(source.block, place)) continue
      const isWhole = source.reader.verified(place) >= 0
      // What is damaged may be what is asked for; its row says so.
      if (!isWhole) deps.reader.damaged.message(messageRef(source.block, place))
      if (isWhole && channel !== undefined && CHANNELS[source.reader.facts(place).channel] !== channel) continue
      if (states !== undefined && !states.includes(stateOf(source, place))) continue
      piece += reportLine(format, reportRow(source, place, deps.names))
      if (++lines % PIECE_LINES !== 0) continue
      yield piece
      piece = ''
      // Other requests have their turn between two pieces.
      await setImmediate()
    }
    if (piece !== '') yield piece
  }
  for (const block of lost.of(deps.ranges(job))) {
    deps.reader.damaged.block(block)
    yield reportLine(format, lostRow(block))
  }
}

/** Blocks that a job's ranges name and that are not there, or not whole: a report without them must not pass for a whole one. */
export class LostBlocks {
  readonly #blocks: number[] = []

  look(asked: readonly number[], found: readonly MessageSource[]): void {
    if (found.length === asked.length) return
    const there = new Set(found.map(({ block }) => block))
    this.#blocks.push(...asked.filter((block) => !there.has(block)))
  }

  /** `ranges`: as they are now, because an upload that broke off is taken back. */
  of(ranges: Iterable<RangeRecord>): number[] {
    if (this.#blocks.length === 0) return []
    const named = new Set<number>()
    for (const { blocks } of ranges) for (const block of blocks) named.add(block)
    return this.#blocks.filter((block) => named.has(block))
  }
}

/** Blocks with their states, read a few at a time. */
export async function sourcesOf(blocks: number[], reader: MessageReader): Promise<MessageSource[]> {
  const sources: MessageSource[] = []
  for (let at = 0; at < blocks.length; at += BLOCKS_PER_TURN) {
    sources.push(...(await reader.sources(blocks.slice(at, at + BLOCKS_PER_TURN))))
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
