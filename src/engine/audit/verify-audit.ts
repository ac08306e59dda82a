/** Walks the audit log from its first record to its head and names the first that does not fit. Main thread. */
import { setImmediate as turn } from 'node:timers/promises'
import type { AuditAnchor, AuditChain } from '../contract/audit.js'
import type { DocumentKey, Documents } from '../store/documents.js'
import { type AuditHead, auditHead } from './audit.js'
import { type AuditRecord, hashOf, NO_HASH } from './audit-record.js'

const RECORDS_PER_TURN = 500

/** Records in order, also those that are written meanwhile; other work of the thread goes on in between. */
export async function* auditRecords(documents: Documents): AsyncGenerator<AuditRecord> {
  let after: DocumentKey | undefined
  for (;;) {
    const page = documents.list<AuditRecord>('audit', { after, limit: RECORDS_PER_TURN })
    for (const { value } of page) yield value
    if (page.length === 0) return
    after = page.at(-1)!.key
    await turn()
  }
}

/** With `anchor` also a log that was cut off at its end, or made anew as a whole, is found. */
export async function verifyAudit(documents: Documents, anchor?: AuditAnchor): Promise<AuditChain> {
  let head = auditHead(documents)
  let last = { number: 0, hash: NO_HASH }
  for await (const record of auditRecords(documents)) {
    // Behind the head as it was: written since, or put there by somebody else.
    if (record.number > head.number) head = auditHead(documents)
    const problem = problemOf(record, last, head)
    if (problem !== null) return broken(last, { number: Math.min(record.number, last.number + 1), problem })
    if (record.number === anchor?.number && record.hash !== anchor.hash) {
      return broken(last, { number: record.number, problem: 'the record is not the one that was noted' })
    }
    last = record
  }
  if (last.number < head.number) return broken(last, { number: last.number + 1, problem: 'the record is missing' })
  if (anchor !== undefined && anchor.number > last.number) {
    return broken(last, { number: last.number + 1, problem: 'the log ends before the record that was noted' })
  }
  return { ok: true, records: last.number, head: last.hash, broken: null }
}

function broken(last: { number: number; hash: string }, where: { number: number; problem: string }): AuditChain {
  return { ok: false, records: last.number, head: last.hash, broken: where }
}

function problemOf(record: AuditRecord, last: { number: number; hash: string }, head: AuditHead): string | null {
  if (record.number < last.number + 1) return 'a record was put in between'
  if (record.number > head.number) return 'a record was put behind the last one'
  if (record.number > last.number + 1) return 'the record is missing'
  if (hashOf(record) !== record.hash) return 'the record was changed'
  if (record.previous !== last.hash) return 'the record does not follow from the one before'
  return record.number === head.number && record.hash !== head.hash ? 'the last record was replaced' : null
}
