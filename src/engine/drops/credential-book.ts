/** All drop credentials, in memory by name and account, and as documents. Main thread. */
import { AddressRanges } from '../base/source-address.js'
import { EngineError } from '../contract/errors.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import type { CredentialRecord } from './credential-record.js'

const COLLECTION = 'drop-credentials'
const PER_ACCOUNT = 100

export interface HeldCredential {
  record: CredentialRecord
  /** null: from anywhere. */
  ranges: AddressRanges | null
}

export class CredentialBook {
  readonly #byName = new Map<string, HeldCredential>()
  readonly #byAccount = new Map<number, Map<string, HeldCredential>>()
  /** Names of those that are being made. */
  readonly #reserved = new Set<string>()

  constructor(documents: Documents) {
    for (const { value } of documents.list<CredentialRecord>(COLLECTION)) this.hold(value)
  }

  named(username: string): HeldCredential | undefined {
    return this.#byName.get(username)
  }

  /** Of an account, the oldest first. */
  of(account: number): CredentialRecord[] {
    const held = [...(this.#byAccount.get(account)?.values() ?? [])].map(({ record }) => record)
    return held.sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1))
  }

  /** Numbers of the accounts that have any. */
  accounts(): number[] {
    return [...this.#byAccount.keys()]
  }

  /** @throws EngineError NOT_FOUND. */
  find(account: number, id: string): CredentialRecord {
    const held = this.#byAccount.get(account)?.get(id)
    if (held === undefined) throw new EngineError('NOT_FOUND', 'There is no such log-in.')
    return held.record
  }

  /** @throws EngineError WRONG_STATE. */
  requireRoom(account: number): void {
    if ((this.#byAccount.get(account)?.size ?? 0) < PER_ACCOUNT) return
    throw new EngineError('WRONG_STATE', `The account has ${PER_ACCOUNT} log-ins; delete one first.`)
  }

  isFree(username: string): boolean {
    return !this.#byName.has(username) && !this.#reserved.has(username)
  }

  /** Nobody else takes the name while `work` makes the log-in. @throws EngineError NAME_TAKEN. */
  async reserving<T>(username: string, work: () => Promise<T>): Promise<T> {
    if (!this.isFree(username)) {
      const fields = [{ pointer: '/username', message: 'is taken' }]
      throw new EngineError('NAME_TAKEN', `There is a log-in ${username} already.`, { fields })
    }
    this.#reserved.add(username)
    try {
      return await work()
    } finally {
      this.#reserved.delete(username)
    }
  }

  hold(record: CredentialRecord): void {
    const held = { record, ranges: record.cidrs.length === 0 ? null : new AddressRanges(record.cidrs) }
    this.#byName.set(record.username, held)
    const own = this.#byAccount.get(record.account) ?? new Map<string, HeldCredential>()
    this.#byAccount.set(record.account, own.set(record.id, held))
  }

  /** At once: no log-in that comes later is let in. */
  drop({ account, id, username }: CredentialRecord): void {
    this.#byName.delete(username)
    const own = this.#byAccount.get(account)
    own?.delete(id)
    if (own?.size === 0) this.#byAccount.delete(account)
  }
}

export function credentialWrite(record: CredentialRecord): DocumentWrite {
  return { collection: COLLECTION, key: [record.account, record.id], value: record }
}

export function credentialRemoval({ account, id }: CredentialRecord): DocumentWrite {
  return { collection: COLLECTION, key: [account, id], value: null }
}
