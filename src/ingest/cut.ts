/**
 * Cuts a file into ranges that end at record boundaries, by the parity of its quotes.
 *
 * Exact for RFC 4180: a line end behind an even number of quotes ends a record. A stray quote turns the parity round; the
 * range that has it then does not end at a record, says so, and the main thread goes on in sequence from there. Where a
 * cut falls depends on the file's content alone, never on how much of it had arrived. Runs in an ingest thread.
 */
import { closeSync, openSync } from 'node:fs'
import type { CutResult, IngestTask, RangeBounds } from '../engine/contract/ingest.js'
import { limits } from '../engine/contract/limits.js'
import { readFully } from './read-file.js'

const QUOTE = 0x22
const LF = 0x0a
const CR = 0x0d

export interface CutRequest extends Omit<Extract<IngestTask, { kind: 'cut' }>, 'kind' | 'dialect'> {
  /** Octets that a range should have; tests use small ones. Default limits.rangeBytes. */
  rangeBytes?: number
  /** Octets behind the wish within which a record must end. Default limits.recordBytes. */
  slackBytes?: number
}

/** Whole ranges only: what is left waits for more of the file, or for its end. */
export function cutRanges(request: CutRequest): CutResult {
  const rangeBytes = request.rangeBytes ?? limits.rangeBytes
  const slackBytes = request.slackBytes ?? limits.recordBytes
  const { available, complete } = request
  const ranges: RangeBounds[] = []
  const buffer = Buffer.allocUnsafe(rangeBytes + slackBytes + 1)
  const file = openSync(request.path, 'r')
  let start = request.start
  try {
    while (start < available) {
      const rest = available - start
      // One octet more than the search needs: a cut must see whether an LF follows its CR.
      if (rest <= rangeBytes + slackBytes + 1 && !complete) break
      const range = request.firstRange + ranges.length
      const length = readFully(file, buffer, start, Math.min(rest, buffer.length))
      const size = rest <= rangeBytes ? rest : boundary(buffer, length, rangeBytes, rest)
      ranges.push({ range, start, end: start + size, last: complete && size === rest })
      start += size
    }
  } finally {
    closeSync(file)
  }
  return { ranges, next: start }
}

/** Size of the first range of `buffer`: up to the first record end at or behind `wish`, or a forced cut. */
function boundary(buffer: Buffer, length: number, wish: number, rest: number): number {
  let quotes = 0
  for (let at = 0; at < wish - 1; at++) if (buffer[at] === QUOTE) quotes ^= 1
  const end = length === rest ? length : length - 1
  for (let at = wish - 1; at < end; at++) {
    const octet = buffer[at]
    if (octet === QUOTE) quotes ^= 1
    else if (quotes === 0 && (octet === LF || (octet === CR && buffer[at + 1] !== LF))) return at + 1
  }
  if (length === rest) return rest
  return buffer[end - 1] === CR && buffer[end] === LF ? end - 1 : end
}
