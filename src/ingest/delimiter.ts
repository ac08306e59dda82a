/** Finds the delimiter of a file from its first 100 records, looking outside quotes only. */
import { looksLikePhone } from './columns.js'

const CANDIDATES = [',', ';', '\t', '|'] as const
const RECORDS = 100

export interface DelimiterFound {
  delimiter: string
  /** False: nothing speaks for it; the file seems to have one column. */
  seen: boolean
}

interface SampleRecord {
  text: string
  /** Of each candidate, outside quotes. */
  counts: number[]
}

/**
 * The candidate that most records have equally often; of two alike, such as the semicolons and the decimal commas of a file
 * without a header, the one that leaves numbers standing; then the more frequent.
 */
export function findDelimiter(text: string, quote: string): DelimiterFound {
  const records = sampleOf(text, quote)
  let best: DelimiterFound = { delimiter: ',', seen: false }
  let bestMerits = [0, 0, 0]
  for (const [index, delimiter] of CANDIDATES.entries()) {
    const { share, count } = consistency(records.map(({ counts }) => counts[index]!))
    if (share < bestMerits[0]!) continue
    const merits = [share, phonesUnder(delimiter, records), count]
    if (!isMore(merits, bestMerits)) continue
    bestMerits = merits
    best = { delimiter, seen: true }
  }
  return best
}

/** Records in which a cell looks like a number. */
function phonesUnder(delimiter: string, records: readonly SampleRecord[]): number {
  return records.filter(({ text }) => text.split(delimiter).some((cell) => looksLikePhone(cell.replaceAll('"', ''))))
    .length
}

/** The first difference decides. */
function isMore(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((merit, index) => merit !== other[index])
  return at >= 0 && one[at]! > other[at]!
}

function sampleOf(text: string, quote: string): SampleRecord[] {
  const records: SampleRecord[] = []
  let counts = CANDIDATES.map(() => 0)
  let quoted = false
  let start = -1
  for (let at = 0; at < text.length && records.length < RECORDS; at++) {
    const char = text[at]!
    const isLineEnd = char === '\n' || char === '\r'
    if (start < 0 && !isLineEnd) start = at
    if (char === quote) quoted = !quoted
    if (quoted) continue
    const candidate = CANDIDATES.indexOf(char as (typeof CANDIDATES)[number])
    if (candidate >= 0) counts[candidate]!++
    if (isLineEnd && start >= 0) {
      records.push({ text: text.slice(start, at), counts })
      counts = CANDIDATES.map(() => 0)
      start = -1
    }
  }
  if (start >= 0 && records.length < RECORDS) records.push({ text: text.slice(start), counts })
  return records
}

/** The commonest count above 0, and the share of records that have it; of two as common, the greater. */
function consistency(counts: readonly number[]): { share: number; count: number } {
  const frequency = new Map<number, number>()
  for (const count of counts) if (count > 0) frequency.set(count, (frequency.get(count) ?? 0) + 1)
  let best = { share: 0, count: 0 }
  for (const [count, records] of frequency) {
    const share = records / counts.length
    if (share > best.share || (share === best.share && count > best.count)) best = { share, count }
  }
  return best
}
