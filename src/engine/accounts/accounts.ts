/**
 * Accounts and their keys: stored as documents, held in memory whole, so that `authenticate` costs one hash and a revoked
 * key dies at once. Main thread.
 */
import type { AccountSettings, AccountView, Page, PageQuery, Principal } from '../contract/api.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import {
  type AccountRecord,
  accountView,
  type KeyRecord,
  newAccount,
  withDefaults,
  withSettings,
} from './account-record.js'
import { digestOf, keyId, keyPrefix, makeKey, sameDigest } from './key.js'
import type { Numbering } from './numbering.js'

const LIVE_KEYS = 2
/** Last use is kept in memory and written at most this often. */
const LAST_USED_FLUSH_MS = 60_000

export interface AccountsDeps {
  documents: Documents
  numbering: Numbering
  clock: Clock
  adminKey: string
  knownCountry(country: string): boolean
}

export class Accounts {
  readonly #deps: AccountsDeps
  readonly #adminDigest: Buffer
  readonly #byId = new Map<string, AccountRecord>()
  readonly #byNumber = new Map<number, AccountRecord>()
  readonly #keys = new Map<string, KeyRecord>()
  readonly #used = new Set<KeyRecord>()
  #flushedAtMs = 0

  constructor(deps: AccountsDeps) {
    this.#deps = deps
    this.#adminDigest = digestOf(deps.adminKey)
    for (const { value } of deps.documents.list<AccountRecord>('accounts')) this.#hold(withDefaults(value))
    for (const { value } of deps.documents.list<KeyRecord>('keys')) this.#keys.set(value.id, value)
  }

  #hold(record: AccountRecord): void {
    this.#byId.set(record.id, record)
    this.#byNumber.set(record.number, record)
  }

  /** null: no such key. The same steps are taken whether or not the id exists. */
  authenticate(key: string): Principal | null {
    const digest = digestOf(key)
    const admin = sameDigest(this.#adminDigest, digest)
    const record = this.#keys.get(keyId(key))
    const known = sameDigest(record?.digest, digest)
    if (admin) return { kind: 'admin' }
    if (!known || record === undefined) return null
    record.lastUsedAtMs = this.#deps.clock.now()
    this.#used.add(record)
    return { kind: 'account', account: record.account, key: record.id }
  }

  /** Writes last uses that are due; `force` at shutdown. */
  async flushLastUsed(force = false): Promise<void> {
    const nowMs = this.#deps.clock.now()
    if (this.#used.size === 0 || (!force && nowMs - this.#flushedAtMs < LAST_USED_FLUSH_MS)) return
    this.#flushedAtMs = nowMs
    const used = [...this.#used].filter((record) => this.#keys.has(record.id))
    this.#used.clear()
    await this.#deps.documents.write(used.map((record) => ({ collection: 'keys', key: [record.id], value: record })))
  }

  /** @throws EngineError ACCOUNT_EXISTS, VALIDATION. */
  async create(id: string, settings: AccountSettings): Promise<{ account: AccountView; key: string }> {
    if (this.#byId.has(id)) throw new EngineError('ACCOUNT_EXISTS', `There is an account ${id} already.`)
    const nowMs = this.#deps.clock.now()
    const draft = withSettings(newAccount({ id, number: 0, nowMs }), settings, this.#deps.knownCountry)
    const number = this.#deps.numbering.take('account')
    const record = { ...draft, number: number.value }
    this.#hold(record)
    const made = this.#newKey(id)
    const writes: DocumentWrite[] = [{ collection: 'accounts', key: [id], value: record }, number.write, made.write]
    await this.#deps.documents.write(writes)
    this.#keys.set(made.record.id, made.record)
    return { account: this.view(id), key: made.key }
  }

  #newKey(account: string): { key: string; record: KeyRecord; write: DocumentWrite } {
    const { id, key, digest } = makeKey()
    const record = { id, account, digest, createdAtMs: this.#deps.clock.now(), lastUsedAtMs: null }
    return { key, record, write: { collection: 'keys', key: [id], value: record } }
  }

  list(query: PageQuery): Page<AccountView> {
    const ids = [...this.#byId.keys()].sort().filter((id) => query.cursor === undefined || id > query.cursor)
    const page = ids.slice(0, query.limit)
    return {
      items: page.map((id) => this.view(id)),
      nextCursor: ids.length > page.length ? (page.at(-1) ?? null) : null,
    }
  }

  view(id: string): AccountView {
    const keys = [...this.#keys.values()]
      .filter((key) => key.account === id)
      .map((key) => ({
        id: key.id,
        prefix: keyPrefix(key.id),
        createdAt: new Date(key.createdAtMs).toISOString(),
        lastUsedAt: key.lastUsedAtMs === null ? null : new Date(key.lastUsedAtMs).toISOString(),
      }))
    return accountView(this.record(id), keys)
  }

  /** @throws EngineError NOT_FOUND. */
  record(id: string): AccountRecord {
    const record = this.#byId.get(id)
    if (record === undefined) throw new EngineError('NOT_FOUND', 'There is no such account.')
    return record
  }

  /** Number of the account of this id; undefined: there is none. */
  find(id: string): number | undefined {
    return this.#byId.get(id)?.number
  }

  /** null once the account was deleted. */
  byNumber(number: number): AccountRecord | null {
    return this.#byNumber.get(number) ?? null
  }

  async patch(id: string, settings: AccountSettings): Promise<AccountView> {
    const record = withSettings(this.record(id), settings, this.#deps.knownCountry)
    await this.#deps.documents.put('accounts', [id], record)
    this.#hold(record)
    return this.view(id)
  }

  /** Its keys die with it; its number is never given again, so that its jobs stay unreachable. */
  async remove(id: string): Promise<void> {
    const record = this.record(id)
    const keys = [...this.#keys.values()].filter((key) => key.account === id)
    for (const key of keys) this.#keys.delete(key.id)
    this.#byId.delete(id)
    this.#byNumber.delete(record.number)
    const doomed: DocumentWrite[] = keys.map((key) => ({ collection: 'keys', key: [key.id], value: null }))
    await this.#deps.documents.write([{ collection: 'accounts', key: [id], value: null }, ...doomed])
  }

  /** @throws EngineError WRONG_STATE when two keys are live already. */
  async createKey(account: string): Promise<{ id: string; key: string }> {
    this.record(account)
    const live = [...this.#keys.values()].filter((key) => key.account === account)
    if (live.length >= LIVE_KEYS) {
      throw new EngineError('WRONG_STATE', 'The account has two live keys; delete one first.')
    }
    const made = this.#newKey(account)
    this.#keys.set(made.record.id, made.record)
    await this.#deps.documents.write([made.write])
    return { id: made.record.id, key: made.key }
  }

  async deleteKey(account: string, id: string): Promise<void> {
    const key = this.#keys.get(id)
    if (key === undefined || key.account !== account) throw new EngineError('NOT_FOUND', 'There is no such key.')
    this.#keys.delete(id)
    await this.#deps.documents.remove('keys', [id])
  }
}
