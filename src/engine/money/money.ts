/**
 * Money at the moments that count: a call or a job is accepted (and reserves, or is refused whole), an admin pays in, a
 * job is over. Nothing waits between looking and reserving, so a balance never goes below zero however many ask at once.
 * Main thread.
 */
import { localDay } from '../base/local-day.js'
import { amountOf } from '../base/money.js'
import type { Clock } from '../contract/clock.js'
import { EngineError } from '../contract/errors.js'
import type { AccountMoney, BalanceView, Refusal } from '../contract/money.js'
import type { Note, Tally } from '../contract/store.js'
import { Demand } from './demand.js'
import { Folder, type FolderDeps } from './folder.js'
import { Purses } from './purses.js'
import { NO_QUOTAS, type QuotaRecord, quotaExceeded, quotasView, quotaUse } from './quotas.js'

/** What money needs to know of an account. */
export interface MoneyAccount {
  number: number
  timeZone: string
  currency: string | null
  quotas: QuotaRecord
}

export interface MoneyDeps extends Pick<FolderDeps, 'environment' | 'log'> {
  clock: Clock
  /** Durable when it resolves, in one transaction. */
  append(money: FolderWrites, notes: Note[]): Promise<void>
}
/** What is there once the engine is put together. */
export type MoneySources = Pick<FolderDeps, 'job' | 'zone' | 'snapshot' | 'stored'>
type FolderWrites = Parameters<FolderDeps['write']>[0]

/** Most that an account may have been paid in, so that every sum stays exact. */
const CREDIT_MAX = 4_000_000_000 * 1_000_000

export class Money {
  readonly #deps: MoneyDeps
  readonly #purses: Purses
  #folder: Folder | null = null

  /** @throws EngineError STORE_CORRUPT. */
  constructor(deps: MoneyDeps) {
    this.#deps = deps
    this.#purses = new Purses(deps.environment)
  }

  /** Call once, before anything is folded. */
  attach(sources: MoneySources): void {
    const { environment, log, append } = this.#deps
    const write = (writes: FolderWrites) => append(writes, [])
    this.#folder = new Folder({ environment, log, ...sources, purses: this.#purses, write })
  }

  isPrepaid(account: number): boolean {
    return this.#purses.of(account).prepaid
  }

  /** Why this may not be accepted now; null: it may. */
  refusal(account: MoneyAccount, demand: Demand): Refusal | null {
    const purse = this.#purses.of(account.number)
    const detail = quotaExceeded(account.quotas, purse.today(this.#day(account).day), demand)
    if (detail !== null) return { code: 'QUOTA_EXCEEDED', detail }
    if (!purse.prepaid || demand.micros <= purse.available) return null
    const { currency } = account
    const [missing, balance, price] = [
      amountOf(demand.micros - purse.available),
      amountOf(purse.available),
      amountOf(demand.micros),
    ]
    const unit = currency === null ? '' : ` ${currency}`
    const text = `This costs ${price}${unit} and the balance is ${balance}${unit}: ${missing}${unit} missing.`
    return { code: 'INSUFFICIENT_BALANCE', detail: text, missing, balance, price, currency }
  }

  #day({ timeZone }: MoneyAccount) {
    return localDay(this.#deps.clock.now(), timeZone)
  }

  /** As an error. `about`: what else is to be said, such as which job it is about. */
  #error(account: MoneyAccount, { code, detail, ...members }: Refusal, about = ''): EngineError {
    const retryAfterSeconds =
      code === 'QUOTA_EXCEEDED' ? Math.max(1, Math.ceil((this.#day(account).endMs - this.#deps.clock.now()) / 1000)) : 0
    return new EngineError(code, `${detail}${about}`, { members, retryAfterSeconds })
  }

  /**
   * Reserves for messages that are added to the filling batch in this turn, and answers the day that they count for. What
   * is demanded at a price of nothing is counted all the same. @throws EngineError INSUFFICIENT_BALANCE, QUOTA_EXCEEDED.
   */
  take(account: MoneyAccount, demand: Demand): number {
    const refusal = this.refusal(account, demand)
    if (refusal !== null) throw this.#error(account, refusal)
    const { day } = this.#day(account)
    this.#purses.takePending(account.number, day, demand)
    return day
  }

  /** The filling batch is handed to the store in this turn: what must be in its transaction. */
  handOver(): { writes: FolderWrites; done: () => void } {
    this.#purses.settlePending()
    return this.#purses.batch()
  }

  /**
   * Reserves for a job; durable when it resolves, and done once however often it is asked for. `account`: null once it was
   * deleted. @throws EngineError INSUFFICIENT_BALANCE, QUOTA_EXCEEDED.
   */
  async hold(job: { job: number; account: number; id: string }, account: MoneyAccount | null, tally: Tally) {
    if (this.#purses.hold(job.job) !== null) return
    const demand = Demand.of(tally)
    const known = account ?? { number: job.account, timeZone: 'UTC', currency: null, quotas: NO_QUOTAS }
    const refusal = account === null ? null : this.refusal(known, demand)
    if (refusal !== null) throw this.#error(known, refusal, ` It is about ${job.id}.`)
    this.#purses.holdJob({ account: job.account, job: job.job, day: this.#day(known).day }, demand)
    await this.#write([])
  }

  /** Why a job would be refused if it were accepted now. */
  jobRefusal(account: MoneyAccount, tally: Tally): Refusal | null {
    return this.refusal(account, Demand.of(tally))
  }

  /** The job is over: what it holds of messages that nobody claimed comes back once its blocks are folded. */
  closing(job: number): void {
    this.#folder?.closing(job)
  }

  /** A new account; `micros` null: it pays afterwards. To be durable before the account is. */
  async begin(account: number, micros: number | null): Promise<void> {
    this.#purses.begin(account, micros)
    await this.#write([])
  }

  /** Makes `micros` the available amount; null: the account pays afterwards. */
  async setBalance(account: number, micros: number | null): Promise<void> {
    const { held, spent } = this.#purses.of(account).record
    if ((micros ?? 0) + held + spent > CREDIT_MAX) throw tooMuch('/balance')
    this.#purses.change(account).setBalance(micros)
    await this.#write([])
  }

  /**
   * Adds to the balance, or takes from it; an account that paid afterwards is prepaid from now on. The note that `noteFor`
   * makes of the answer is durable with it. @throws EngineError VALIDATION, INSUFFICIENT_BALANCE.
   */
  async topUp(account: MoneyAccount, micros: number, noteFor: (answer: BalanceView) => Note | null) {
    const purse = this.#purses.of(account.number)
    const before = purse.prepaid ? purse.available : 0
    if (before + micros < 0) {
      const [missing, balance, price] = [amountOf(-before - micros), amountOf(before), amountOf(-micros)]
      const members = { missing, balance, price, currency: account.currency }
      throw new EngineError('INSUFFICIENT_BALANCE', `The balance is ${balance}: it cannot be lowered by ${price}.`, {
        members,
      })
    }
    if (before + micros + purse.record.held + purse.record.spent > CREDIT_MAX) throw tooMuch('/amount')
    this.#purses.change(account.number).setBalance(before + micros)
    const view = this.view(account)
    const note = noteFor(view)
    await this.#write(note === null ? [] : [note])
    return view
  }

  async #write(notes: Note[]): Promise<void> {
    const batch = this.#purses.batch()
    await this.#deps.append(batch.writes, notes)
    batch.done()
  }

  view({ number, currency }: Pick<MoneyAccount, 'number' | 'currency'>): BalanceView {
    const purse = this.#purses.of(number)
    return {
      balance: purse.prepaid ? amountOf(purse.available) : null,
      reserved: amountOf(purse.reserved),
      spent: amountOf(purse.record.spent),
      currency,
    }
  }

  /** As an account shows it. */
  accountMoney(account: MoneyAccount): Omit<AccountMoney, 'currency'> {
    const day = this.#day(account)
    const { balance, reserved, spent } = this.view(account)
    const today = quotaUse(account.quotas, this.#purses.of(account.number).today(day.day), day)
    return { balance, reserved, spent, quotas: quotasView(account.quotas), today }
  }

  /** After a start, when the dispatcher is ready: takes up jobs that ended before their money was given back. */
  resume(isClosed: (job: number) => boolean): void {
    for (const { job, closed } of this.#purses.holds()) if (!closed && isClosed(job)) this.closing(job)
  }

  /** What was stored since is settled. @throws EngineError STORE_FAILED. */
  async fold(): Promise<void> {
    await this.#folder?.fold()
  }

  /** Everything that has happened until now is settled, within a bound. */
  async catchUp(): Promise<void> {
    await this.#folder?.catchUp()
  }

  async stop(): Promise<void> {
    await this.#folder?.idle()
  }
}

function tooMuch(pointer: string): EngineError {
  const message = `must not make it more than ${CREDIT_MAX / 1_000_000} altogether`
  return new EngineError('VALIDATION', `${pointer} ${message}.`, { fields: [{ pointer, message }] })
}
