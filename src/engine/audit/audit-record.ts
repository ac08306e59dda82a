/** A record of the audit log as stored, and its hash: over plain JSON, so that anyone can compute it again. Main thread. */
import { createHash } from 'node:crypto'
import type { AuditView } from '../contract/audit.js'

export interface AuditRecord extends Omit<AuditView, 'at'> {
  atMs: number
}

/** What the first record names as the one before it. */
export const NO_HASH = '0'.repeat(64)

export function hashOf(record: Omit<AuditRecord, 'hash'>): string {
  const { number, atMs, actor, key, ip, action, object, account, before, after, previous } = record
  const at = new Date(atMs).toISOString()
  const fields = [number, at, actor, key, ip, action, object, account, before, after, previous]
  return createHash('sha256').update(JSON.stringify(fields)).digest('hex')
}

export function auditView({ atMs, number, ...rest }: AuditRecord): AuditView {
  return { number, at: new Date(atMs).toISOString(), ...rest }
}
