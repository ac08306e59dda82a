/**
 * Accounts and their keys: stored as documents, held in memory whole. Every change is audited in its own transaction.
 * Main thread.
 */

import type { Audit } from '../audit/audit.js'
import { crashPoint } from '../base/crash-point.js'
import type { AccountSettings, AccountView, NewAccountSettings, Page, PageQuery, Principal } from '../contract/api.js'
import type { KeySettings, KeyView } from '../contract/api-key.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { Amount } from '../contract/money.js'
import type { Money } from '../money/money.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import { type AccountRecord, accountView, newAccount, withDefaults, withSettings } from './account-record.js'
import { refuseTaken } from './inbound-rules.js'
import { KeyBook } from './key-book.js'
import { keyTerms } from './key-record.js'
import type { Numbering } from './numbering.js'
import { balanceMicros } from './prices.js'

export interface AccountsDeps {
  documents: Documents
  numbering: Numbering
  audit: Audit
  clock: Clock
  money: Pick<Money, 'begin' | 'setBalance' | 'accountMoney'>
  adminKey: string
  knownCountry(country: string): boolean
}

/** Who asked for a change, and what else goes into its transaction. */
export interface Change {
  /** null: the program itself. */
  by: Principal | null
  /** Given what will be answered. */
  beside?(answer: object): DocumentWrite[]
}

const BY_ITSELF: Change = { by: null }

export class Accounts {
  readonly #deps: AccountsDeps
  readonly #keys: KeyBook
  readonly #byId = new Map<string, AccountRecord>()
  readonly #byNumber = new Map<number, AccountRecord>()
  readonly #reachable = new Map<number, AccountRecord>()
  readonly #watchers: ((account: number) => void)[] = []

  constructor(deps: AccountsDeps) {
    this.#deps = deps
    this.#keys = new KeyBook(deps)
    for (const { value } of deps.documents.list<AccountRecord>('accounts')) this.#hold(withDefaults(value))
  }

  #hold(record: AccountRecord): void {
    this.#byId.set(record.id, record)
    this.#byNumber.set(record.number, record)
    const { numbers, keywords } = record.inbound
    if (numbers.length + keywords.length > 0) this.#reachable.set(record.number, record)
    else this.#reachable.delete(record.number)
  }

  /** Calls `watcher` with the number of each account that was made, changed or deleted. */
  watch(watcher: (account: number) => void): void {
    this.#watchers.push(watcher)
  }

  #changed(account: number): void {
    for (const watcher of this.#watchers) watcher(account)
  }

  /** null: no such key. @throws EngineError UNAUTHORIZED: mistyped or expired. FORBIDDEN: from the wrong address. */
  authenticate(key: string, ip?: string): Principal | null {
    return this.#keys.authenticate(key, ip)
  }

  /** Writes last uses that are due; `force` at shutdown. */
  async flushLastUsed(force = false): Promise<void> {
    await this.#keys.flushLastUsed(force)
  }

  /** @throws EngineError ACCOUNT_EXISTS, VALIDATION. */
  async create(
    id: string,
    { key = {}, ...settings }: NewAccountSettings,
    { by, beside }: Change = BY_ITSELF,
  ): Promise<{ account: AccountView; key: string }> {
    if (this.#byId.has(id)) throw new EngineError('ACCOUNT_EXISTS', `There is an account ${id} already.`)
    const { audit, clock, documents, knownCountry, numbering } = this.#deps
    const nowMs = clock.now()
    const draft = withSettings(newAccount({ id, number: 0, nowMs }), settings, knownCountry)
    refuseTaken(draft, this.reachable)
    const made = this.#keys.make(id, keyTerms(key, nowMs, '/key'))
    const number = numbering.take('account')
    const record = { ...draft, number: number.value }
    this.#hold(record)
    this.#keys.hold(made.record)
    // Before the account is: one that was to pay in advance must never be found without its balance.
    await this.#deps.money.begin(record.number, balanceMicros(settings.balance))
    const answer = { account: this.view(id), key: made.key }
    const account = { principal: by, account: record }
    await documents.write([
      { collection: 'accounts', key: [id], value: record },
      number.write,
      made.write,
      ...(beside?.(answer) ?? []),
      ...audit.recordWrites({ ...account, action: 'account.create', object: `account/${id}`, after: record }),
      ...audit.recordWrites({ ...account, action: 'key.create', object: `key/${made.record.id}`, after: made.record }),
    ])
    crashPoint('account-made')
    this.#changed(record.number)
    return answer
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
    const record = this.record(id)
    return accountView(record, this.#keys.views(id), this.#deps.money.accountMoney(record))
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

  /** Of all accounts, ascending. */
  numbers(): number[] {
    return [...this.#byNumber.keys()].sort((a, b) => a - b)
  }

  /** Those that own numbers or keywords, in no order. */
  get reachable(): Iterable<AccountRecord> {
    return this.#reachable.values()
  }

  /** null once the account was deleted. */
  byNumber(number: number): AccountRecord | null {
    return this.#byNumber.get(number) ?? null
  }

  /** What comes later sees the change at once; it is durable when this resolves. */
  async patch(id: string, settings: AccountSettings, { by }: Change = BY_ITSELF): Promise<AccountView> {
    const before = this.record(id)
    const record = withSettings(before, settings, this.#deps.knownCountry)
    if (settings.inbound !== undefined) refuseTaken(record, this.reachable)
    this.#hold(record)
    await this.#deps.audit.write([{ collection: 'accounts', key: [id], value: record }], {
      ...{ principal: by, account: record, action: 'account.change', object: `account/${id}` },
      ...{ before, after: record },
    })
    if (settings.balance !== undefined) await this.#setBalance(record, settings.balance, by)
    this.#changed(record.number)
    return this.view(id)
  }

  async #setBalance(account: AccountRecord, balance: Amount | null, by: Principal | null): Promise<void> {
    const { audit, money } = this.#deps
    const before = money.accountMoney(account)
    await money.setBalance(account.number, balanceMicros(balance))
    const entry = { principal: by, account, action: 'account.balance', object: `account/${account.id}` }
    await audit.write([], { ...entry, before, after: money.accountMoney(account) })
  }

  /** Its keys die with it; its number is never given again, so that its jobs stay unreachable. */
  async remove(id: string, { by }: Change = BY_ITSELF): Promise<void> {
    const record = this.record(id)
    const keys = this.#keys.of(id)
    for (const key of keys) this.#keys.drop(key)
    this.#byId.delete(id)
    this.#byNumber.delete(record.number)
    this.#reachable.delete(record.number)
    const doomed: DocumentWrite[] = keys.map((key) => ({ collection: 'keys', key: [key.id], value: null }))
    await this.#deps.audit.write([{ collection: 'accounts', key: [id], value: null }, ...doomed], {
      ...{ principal: by, account: record, action: 'account.delete', object: `account/${id}`, before: record },
    })
    this.#changed(record.number)
  }

  /** @throws EngineError NOT_FOUND, VALIDATION, WRONG_STATE: two keys are live already. */
  async createKey(
    id: string,
    settings: KeySettings = {},
    { by, beside }: Change = BY_ITSELF,
  ): Promise<KeyView & { key: string }> {
    const account = this.record(id)
    const terms = keyTerms(settings, this.#deps.clock.now())
    this.#keys.requireRoom(id)
    const { key, record, write } = this.#keys.make(id, terms)
    this.#keys.hold(record)
    const answer = { ...this.#keys.view(record), key }
    await this.#deps.audit.write([write, ...(beside?.(answer) ?? [])], {
      ...{ principal: by, account, action: 'key.create', object: `key/${record.id}`, after: record },
    })
    return answer
  }

  /** No request that comes later is let in. @throws EngineError NOT_FOUND. */
  async deleteKey(id: string, keyId: string, { by }: Change = BY_ITSELF): Promise<void> {
    const account = this.record(id)
    const record = this.#keys.find(id, keyId)
    this.#keys.drop(record)
    await this.#deps.audit.write([{ collection: 'keys', key: [keyId], value: null }], {
      ...{ principal: by, account, action: 'key.delete', object: `key/${keyId}`, before: record },
    })
  }
}
