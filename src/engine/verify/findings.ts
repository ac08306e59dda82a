/** What a verification found wrong: each damaged record by table and key, and what it belongs to. Any process. */

/** Of which all are counted, and so many are named. */
const NAMED_MAX = 1_000

export interface Finding {
  /** Environment and table, such as queue/blocks; or files, audit. */
  where: string
  /** Key of the record, or name of the file. */
  key: string
  problem: string
  /** Ids of the messages and jobs that it concerns, at most some. */
  concerns: string[]
}

export class Findings {
  readonly named: Finding[] = []
  count = 0

  add(where: string, key: unknown, problem: string, concerns: string[] = []): void {
    this.count++
    if (this.named.length < NAMED_MAX) this.named.push({ where, key: keyText(key), problem, concerns })
  }
}

function keyText(key: unknown): string {
  return Array.isArray(key) ? `[${key.map((part) => JSON.stringify(part)).join(', ')}]` : String(key)
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
