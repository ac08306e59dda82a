/**
 * The audit log as the API shows it: who changed what and when, each record chained to the one before by its hash. How to
 * check the chain by hand: docs/security.md.
 */
import type { Page, PageQuery, Principal } from './api.js'

export interface AuditView {
  /** From 1 without a gap, over all accounts. */
  number: number
  /** Never before that of the record before. */
  at: string
  /** `engine`: it did so by itself. */
  actor: 'admin' | 'key' | 'engine'
  /** Id of the key that asked, where an account did. */
  key: string | null
  ip: string | null
  /** Such as `account.create`, `job.pause`. */
  action: string
  /** Such as `account/acme`, `job/job_00000001`; a telephone number in it is masked. */
  object: string
  /** Whose object it is; null: the engine's own. */
  account: string | null
  /** Keyed SHA-256 of the object's stored form before and after; null: there was, or is, none. */
  before: string | null
  after: string | null
  /** Hash of the record before; 64 zeros before the first. */
  previous: string
  /** SHA-256 over the JSON array of number, at, actor, key, ip, action, object, account, before, after, previous. */
  hash: string
}

export interface AuditFilter {
  account?: string
  action?: string
  object?: string
  /** RFC 3339; at or after. */
  since?: string
  /** RFC 3339; before. */
  until?: string
}

/** Number and hash of a record, kept where nobody who changes the log can change it. */
export interface AuditAnchor {
  number: number
  hash: string
}

/** What a walk over the whole chain found. */
export interface AuditChain {
  ok: boolean
  records: number
  /** Hash of the last record: kept elsewhere, it proves later that nothing before it was changed. */
  head: string
  /** The first record that does not fit, and why. */
  broken: { number: number; problem: string } | null
}

export interface AuditApi {
  /** Newest first; an account sees its own, the admin all. @throws EngineError VALIDATION. */
  list(principal: Principal, query: PageQuery & AuditFilter): Page<AuditView>
  /** The same, all of it, oldest first, so that the chain can be followed. A JSON object a line. */
  lines(principal: Principal, filter: AuditFilter): AsyncIterable<string>
  /** Walks the whole chain without holding the thread. `anchor`: a record as it was once noted elsewhere. */
  verify(anchor?: AuditAnchor): Promise<AuditChain>
}
