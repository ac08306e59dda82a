/**
 * The money of all accounts and what their jobs hold of it, in memory and as records of the queue's environment. Every
 * change is made here in one turn, and written absolutely in the batch of what it is about. Main thread.
 */
import type { MoneyWrite } from '../contract/store.js'
import type { Environment } from '../store/environment.js'
import { openRecord, sealRecord } from '../store/sealed-record.js'
import type { Demand } from './demand.js'
import { type Hold, holdOf, openHold, sealHold } from './hold.js'
import { Purse, type PurseRecord } from './purse.js'
import { UsageBook } from './usage-book.js'

/** Writes of one batch; `done` once they are on disk. */
export interface MoneyBatch {
  writes: MoneyWrite[]
  done: () => void
}

export class Purses {
  readonly usage: UsageBook
  readonly #purses = new Map<number, Purse>()
  readonly #holds = new Map<number, Hold>()
  /** Accounts with messages whose batch is being filled. */
  readonly #pending = new Set<number>()
  readonly #touchedPurses = new Set<number>()
  readonly #touchedHolds = new Set<number>()

  /** @throws EngineError STORE_CORRUPT. */
  constructor(environment: Environment) {
    this.usage = new UsageBook(environment)
    for (const { key, value } of environment.money.getRange({})) {
      this.#purses.set(key, new Purse(openRecord<PurseRecord>(value, 'money')))
    }
    for (const { key, value } of environment.holds.getRange({})) this.#holds.set(key, openHold(value))
  }

  /** An account of which nothing is stored pays afterwards and has spent nothing. */
  of(account: number): Purse {
    let purse = this.#purses.get(account)
    if (purse === undefined) {
      purse = Purse.empty()
      this.#purses.set(account, purse)
    }
    return purse
  }

  hold(job: number): Hold | null {
    return this.#holds.get(job) ?? null
  }
  holds(): Iterable<Hold> {
    return this.#holds.values()
  }

  /** A new account: whatever its number had before a crash kept it from being stored is gone. */
  begin(account: number, micros: number | null): void {
    const purse = Purse.empty()
    purse.setBalance(micros)
    this.#purses.set(account, purse)
    this.#touchedPurses.add(account)
  }

  /** The purse is going to be changed: it goes into the next batch. */
  change(account: number): Purse {
    this.#touchedPurses.add(account)
    return this.of(account)
  }

  /** As `change` for what a job holds. */
  changeHold(job: number): Hold | null {
    if (this.#holds.has(job)) this.#touchedHolds.add(job)
    return this.hold(job)
  }

  /** Messages whose batch is being filled: the caller has looked whether it may. */
  takePending(account: number, day: number, demand: Demand): void {
    this.of(account).takePending(demand, day)
    this.usage.acceptPending(account, day, demand)
    this.#pending.add(account)
  }

  /** The batch is handed over in this turn. */
  settlePending(): void {
    for (const account of this.#pending) this.change(account).settlePending()
    this.#pending.clear()
    this.usage.settlePending()
  }

  /** Reserves for a job. */
  holdJob(of: { account: number; job: number; day: number }, demand: Demand): void {
    this.change(of.account).hold(demand, of.day)
    this.usage.accept(of.account, of.day, demand)
    this.#holds.set(of.job, holdOf(demand, of))
    this.#touchedHolds.add(of.job)
  }

  /** Everything changed since the last call. To be handed to the store in the same turn. */
  batch(): MoneyBatch {
    const { writes, done } = this.usage.take()
    for (const account of this.#touchedPurses) {
      writes.push({ table: 'money', key: account, value: sealRecord(this.of(account).record) })
    }
    for (const job of this.#touchedHolds) writes.push(this.#holdWrite(job))
    this.#touchedPurses.clear()
    this.#touchedHolds.clear()
    return { writes, done }
  }

  /** A job that is over and has nothing unsettled is forgotten. */
  #holdWrite(job: number): MoneyWrite {
    const hold = this.#holds.get(job)!
    const isOver = hold.closed && hold.seen === hold.settled
    if (isOver) this.#holds.delete(job)
    return { table: 'holds', key: job, value: isOver ? null : sealHold(hold) }
  }
}
