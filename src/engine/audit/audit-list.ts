/** Reads the audit log: pages from the newest, and all of it from the oldest for export. Main thread. */
import type { Page, PageQuery } from '../contract/api.js'
import type { AuditView } from '../contract/audit.js'
import type { Documents } from '../store/documents.js'
import { auditHead } from './audit.js'
import { type AuditRecord, auditView } from './audit-record.js'
import { auditRecords } from './verify-audit.js'

/** Records looked at for one page: with a narrow filter a page may have fewer items than asked, and still go on. */
const SCAN_MAX = 5_000

export interface AuditWanted {
  /** Number of the account that asks; null: the admin. */
  asker: number | null
  account?: string
  action?: string
  object?: string
  sinceMs: number
  untilMs: number
}

export function listAudit(documents: Documents, query: PageQuery, wanted: AuditWanted): Page<AuditView> {
  const behind = Math.min(firstFrom(documents, wanted.untilMs), cursorNumber(query.cursor))
  const numbers = wanted.asker === null ? allBefore(behind) : ownBefore(documents, wanted.asker, behind)
  const items: AuditView[] = []
  let looked = 0
  for (const number of numbers) {
    const record = documents.get<AuditRecord>('audit', [number])
    if (record === null) continue
    if (record.atMs < wanted.sinceMs) break
    if (isWanted(record, wanted)) items.push(auditView(record))
    if (items.length === query.limit || ++looked === SCAN_MAX) return { items, nextCursor: String(number) }
  }
  return { items, nextCursor: null }
}

function cursorNumber(cursor: string | undefined): number {
  const number = cursor === undefined ? Number.POSITIVE_INFINITY : Number(cursor)
  return Number.isNaN(number) ? 0 : number
}

function* allBefore(behind: number): Generator<number> {
  for (let number = behind - 1; number > 0; number--) yield number
}

function* ownBefore(documents: Documents, asker: number, behind: number): Generator<number> {
  const keys = documents.list('audit-of', { prefix: [asker], after: [asker, behind], reverse: true, limit: SCAN_MAX })
  for (const { key } of keys) yield key[1] as number
}

/** Number of the first record at or after this time, or behind the last: times never go back along the chain. */
function firstFrom(documents: Documents, atMs: number): number {
  let low = 1
  let high = auditHead(documents).number + 1
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    const record = documents.get<AuditRecord>('audit', [middle])
    if (record !== null && record.atMs < atMs) low = middle + 1
    else high = middle
  }
  return low
}

/** A JSON object a line, in the order of the chain. */
export async function* auditLines(documents: Documents, wanted: AuditWanted): AsyncGenerator<string> {
  const own = wanted.asker
  for await (const record of auditRecords(documents)) {
    if (record.atMs >= wanted.untilMs) return
    if (record.atMs < wanted.sinceMs || !isWanted(record, wanted)) continue
    if (own !== null && documents.get('audit-of', [own, record.number]) === null) continue
    yield `${JSON.stringify(auditView(record))}\n`
  }
}

function isWanted(record: AuditRecord, { account, action, object }: AuditWanted): boolean {
  return (
    (account === undefined || record.account === account) &&
    (action === undefined || record.action === action) &&
    (object === undefined || record.object === object)
  )
}
