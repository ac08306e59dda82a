/**
 * Writes the audit log: append-only, each record chained to the one before, in the transaction of the change that it tells
 * of. Main thread.
 *
 * The order of the chain is the order of the commits: number and hash are given and the write is queued in one turn, and
 * the documents commit in the order queued. A failed write ends the process, so no number is lost.
 */
import { createHmac } from 'node:crypto'
import { encode } from '@msgpack/msgpack'
import type { Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { maskAddress, maskNumber } from '../contract/log.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import { type AuditRecord, hashOf, NO_HASH } from './audit-record.js'

/** What a caller says of a change. Never a body, a secret or a whole telephone number: `object` is shown as it is. */
export interface AuditEntry {
  /** null: the engine itself. */
  principal: Principal | null
  /** Kind of object and verb, such as `template.put`; stable. */
  action: string
  /** Kind and name, such as `template/welcome`; for numbers see auditedNumber. */
  object: string
  /** Whose it is, also when an admin acts; null: nobody's. An AccountRecord fits. */
  account: { id: string; number: number } | null
  /** The stored object; only a keyed hash of it is kept. Absent: there was, or is, none. */
  before?: object | null
  after?: object | null
}

export interface AuditHead {
  number: number
  hash: string
  atMs: number
}

export function auditHead(documents: Documents): AuditHead {
  return documents.get<AuditHead>('meta', ['audit']) ?? { number: 0, hash: NO_HASH, atMs: 0 }
}

/** 'suppression', '+447712345678' → 'suppression/+4477****678'. */
export function auditedNumber(kind: string, number: string): string {
  return `${kind}/${number.includes('@') ? maskAddress(number) : maskNumber(number)}`
}

export interface AuditDeps {
  documents: Documents
  clock: Clock
  /** Of the hashes of objects: without it a hash says nothing of what was hashed, and a number cannot be guessed. */
  secret: Buffer
}

export class Audit {
  readonly #deps: AuditDeps
  #head: AuditHead

  constructor(deps: AuditDeps) {
    this.#deps = deps
    this.#head = auditHead(deps.documents)
  }

  /** The change and its record in one transaction, durable when it resolves. For a change kept elsewhere: no writes. */
  async write(writes: DocumentWrite[], entry: AuditEntry): Promise<void> {
    await this.#deps.documents.write([...writes, ...this.recordWrites(entry)])
  }

  /**
   * The record alone, for a caller that has a transaction of its own. It must be handed to `documents.write` in the same
   * turn and unconditionally: the next record builds upon it.
   */
  recordWrites(entry: AuditEntry): DocumentWrite[] {
    const record = this.#next(entry)
    const { number, hash, atMs } = record
    this.#head = { number, hash, atMs }
    const writes: DocumentWrite[] = [
      { collection: 'audit', key: [number], value: record },
      { collection: 'meta', key: ['audit'], value: this.#head },
    ]
    // By number: another account may have this name later.
    if (entry.account !== null) writes.push({ collection: 'audit-of', key: [entry.account.number, number], value: {} })
    return writes
  }

  #next({ principal, action, object, account, before, after }: AuditEntry): AuditRecord {
    const draft = {
      number: this.#head.number + 1,
      atMs: Math.max(this.#deps.clock.now(), this.#head.atMs),
      ...actorOf(principal),
      ip: principal?.ip ?? null,
      action,
      object,
      account: account?.id ?? null,
      before: this.#digest(before),
      after: this.#digest(after),
      previous: this.#head.hash,
    }
    return { ...draft, hash: hashOf(draft) }
  }

  #digest(state: object | null | undefined): string | null {
    if (state === null || state === undefined) return null
    const bytes = encode(state, { sortKeys: true, ignoreUndefined: true })
    return createHmac('sha256', this.#deps.secret).update(bytes).digest('hex')
  }
}

function actorOf(principal: Principal | null): Pick<AuditRecord, 'actor' | 'key'> {
  if (principal === null) return { actor: 'engine', key: null }
  // The admin who acts for an account has no key of it.
  if (principal.kind === 'admin' || principal.key === 'admin') return { actor: 'admin', key: null }
  return { actor: 'key', key: principal.key }
}
