/**
 * The money of one account: credit = balance + held + spent, in whole millionths, always. Pure; the main thread owns it.
 *
 * What single messages take waits in `pending` until the batch that stores them is handed to the store, so that whoever
 * else writes the record meanwhile writes nothing of messages that are not durable yet.
 */
import type { Demand } from './demand.js'
import { countDemand, type DayCounters, noCounters } from './quotas.js'

/** As stored. */
export interface PurseRecord {
  prepaid: boolean
  /** Everything that was ever paid in; meaningless while the account pays afterwards. */
  credit: number
  held: number
  spent: number
  today: DayCounters
}

export class Purse {
  readonly record: PurseRecord
  /** Of messages whose batch is still filling. */
  #pending = 0
  #demands: Demand[] = []
  /** The counters of the record, and beside them what is pending. */
  readonly #today: DayCounters

  constructor(record: PurseRecord) {
    this.record = record
    this.#today = { ...record.today, prefixes: { ...record.today.prefixes } }
  }

  static empty(): Purse {
    return new Purse({ prepaid: false, credit: 0, held: 0, spent: 0, today: noCounters(0) })
  }

  get prepaid(): boolean {
    return this.record.prepaid
  }
  get reserved(): number {
    return this.record.held + this.#pending
  }
  /** Of a prepaid account. */
  get available(): number {
    const { credit, held, spent } = this.record
    return credit - held - spent - this.#pending
  }

  /** Counters of this day; those of another day are over. A clock that steps back stays in the day that has begun. */
  today(day: number): DayCounters {
    beginDay(this.record.today, day)
    return beginDay(this.#today, day)
  }

  /** Reserves for messages whose batch is being filled. The caller has looked whether it may. */
  takePending(demand: Demand, day: number): void {
    countDemand(this.today(day), demand)
    this.#pending += demand.micros
    this.#demands.push(demand)
  }

  /** The batch is handed to the store: the record is what is durable with it. */
  settlePending(): void {
    this.record.held += this.#pending
    this.#pending = 0
    for (const demand of this.#demands) countDemand(this.record.today, demand)
    this.#demands = []
  }

  /** Reserves for a job at once. */
  hold(demand: Demand, day: number): void {
    countDemand(this.today(day), demand)
    countDemand(this.record.today, demand)
    this.record.held += demand.micros
  }

  /** Makes `micros` the available amount; null: the account pays afterwards. */
  setBalance(micros: number | null): void {
    this.record.prepaid = micros !== null
    this.record.credit = micros === null ? 0 : micros + this.reserved + this.record.spent
  }
}

function beginDay(counters: DayCounters, day: number): DayCounters {
  if (day > counters.day) Object.assign(counters, noCounters(day))
  return counters
}
