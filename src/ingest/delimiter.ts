/** Finds the delimiter of a file from its first 100 records, looking outside quotes only. */
const CANDIDATES = [',', ';', '\t', '|'] as const
const RECORDS = 100

export interface DelimiterFound {
  delimiter: string
  /** False: nothing speaks for it; the file seems to have one column. */
  seen: boolean
}

/** The candidate that most records have equally often; of two alike, the more frequent. */
export function findDelimiter(text: string, quote: string): DelimiterFound {
  const counts = countPerRecord(text, quote)
  let best: DelimiterFound = { delimiter: ',', seen: false }
  let bestScore = 0
  for (const [index, delimiter] of CANDIDATES.entries()) {
    const score = consistency(counts.map((record) => record[index]!))
    if (score > bestScore) {
      bestScore = score
      best = { delimiter, seen: true }
    }
  }
  return best
}

function countPerRecord(text: string, quote: string): number[][] {
  const records: number[][] = []
  let counts = CANDIDATES.map(() => 0)
  let quoted = false
  let started = false
  for (let at = 0; at < text.length && records.length < RECORDS; at++) {
    const char = text[at]!
    if (char === quote) quoted = !quoted
    if (quoted) continue
    const candidate = CANDIDATES.indexOf(char as (typeof CANDIDATES)[number])
    if (candidate >= 0) counts[candidate]!++
    if (char !== '\n' && char !== '\r') started = true
    else if (started) {
      records.push(counts)
      counts = CANDIDATES.map(() => 0)
      started = false
    }
  }
  if (started && records.length < RECORDS) records.push(counts)
  return records
}

/** Share of records that have the commonest count above 0, with the count as tie-break; 0 = never seen. */
function consistency(counts: number[]): number {
  const frequency = new Map<number, number>()
  for (const count of counts) if (count > 0) frequency.set(count, (frequency.get(count) ?? 0) + 1)
  let best = 0
  for (const [count, records] of frequency) {
    best = Math.max(best, records / counts.length + Math.min(count, 255) / 1024)
  }
  return best
}
