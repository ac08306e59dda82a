/** Balance and usage behind the façade: who may see and change whose. Main thread. */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Accounts } from '../accounts/accounts.js'
import type { Askers } from '../accounts/askers.js'
import type { Audit } from '../audit/audit.js'
import { signedMicrosOf } from '../base/money.js'
import type { Page, Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { AccountMoney, Amount, BalanceView, MoneyApi, UsageItem, UsageQuery } from '../contract/money.js'
import type { Note } from '../contract/store.js'
import type { Environment } from '../store/environment.js'
import type { Money } from './money.js'
import { daysOf, type UsageRange, type UsageSum, usageItem, usageSums } from './usage-query.js'

export interface MoneyDeskDeps {
  money: Money
  accounts: Accounts
  askers: Askers
  audit: Audit
  environment: Environment
  /** What must become durable with the answer of a call, for its Idempotency-Key; null: nothing. */
  noteFor(answer: unknown): Note | null
  /** @throws EngineError SHUTTING_DOWN, STORE_FULL when nothing new may be taken. */
  admit(): void
}

export class MoneyDesk implements MoneyApi {
  readonly #deps: MoneyDeskDeps

  constructor(deps: MoneyDeskDeps) {
    this.#deps = deps
  }

  async balance(principal: Principal): Promise<AccountMoney> {
    const account = this.#deps.askers.record(principal)
    await this.#deps.money.catchUp()
    return { ...this.#deps.money.accountMoney(account), currency: account.currency }
  }

  async topUp(
    principal: Principal,
    id: string,
    { amount, reference }: { amount: Amount; reference?: string },
  ): Promise<BalanceView> {
    const { admit, audit, money, noteFor } = this.#deps
    const account = this.#deps.accounts.record(id)
    const micros = signedMicrosOf(amount)
    if (micros === null || micros === 0) {
      const message = 'must be an amount other than 0, at most 999999999, with at most 6 decimals'
      throw new EngineError('VALIDATION', `amount ${message}.`, { fields: [{ pointer: '/amount', message }] })
    }
    admit()
    const before = money.view(account)
    const view = await money.topUp(account, micros, noteFor)
    const entry = { principal, account, action: 'account.balance', object: `account/${id}` }
    await audit.write([], { ...entry, before, after: { ...view, amount, reference } })
    return view
  }

  async usage(
    principal: Principal,
    query: UsageQuery,
    { limit, cursor }: { limit: number; cursor?: string },
  ): Promise<Page<UsageItem>> {
    const items: UsageItem[] = []
    let last = ''
    for await (const sum of await this.#sums(principal, query)) {
      if (cursor !== undefined && sum.name <= cursor) continue
      if (items.length === limit) return { items, nextCursor: last }
      items.push(this.#item(sum))
      last = sum.name
    }
    return { items, nextCursor: null }
  }

  async *usageItems(principal: Principal, query: UsageQuery): AsyncIterable<UsageItem> {
    for await (const sum of await this.#sums(principal, query)) yield this.#item(sum)
  }

  async #sums(principal: Principal, query: UsageQuery): Promise<AsyncIterable<UsageSum>> {
    const days = daysOf(query)
    const accounts = this.#accounts(principal, query.account)
    const by = new Set(query.by)
    // What belongs to one account is named by it, also where it was not asked for.
    if (principal.kind === 'account' || query.account !== undefined) by.add('account')
    await this.#deps.money.catchUp()
    this.#deps.environment.root.resetReadTxn()
    const range: UsageRange = { ...days, accounts, by }
    return usageSums(this.#deps.environment, range)
  }

  /** @throws EngineError NOT_FOUND. */
  #accounts(principal: Principal, wanted: string | undefined): number[] {
    const { accounts, askers } = this.#deps
    const own = askers.number(principal)
    if (own !== null && wanted !== undefined && accounts.find(wanted) !== own) {
      throw new EngineError('NOT_FOUND', 'There is no such account.')
    }
    if (own !== null) return [own]
    return wanted === undefined ? accounts.numbers() : [accounts.record(wanted).number]
  }

  #item(sum: UsageSum): UsageItem {
    const account: AccountRecord | null =
      sum.key.account === null ? null : this.#deps.accounts.byNumber(sum.key.account)
    return usageItem(sum, account)
  }
}
