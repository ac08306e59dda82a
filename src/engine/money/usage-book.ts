/**
 * Usage as it is changed: records in memory, written whole and absolutely in the batch of what they count. Main thread.
 *
 * A record stays in memory while a batch with it is under way, since the store shows it only once it is on disk.
 */
import type { MoneyWrite } from '../contract/store.js'
import type { Environment } from '../store/environment.js'
import type { Demand } from './demand.js'
import {
  addOutcomes,
  noUsage,
  type Outcomes,
  openUsage,
  sealUsage,
  type UsageKey,
  type UsageRecord,
} from './usage-record.js'

const KEPT = 4_096

interface Entry {
  key: UsageKey
  record: UsageRecord
  /** Of single messages whose batch is still filling. */
  pending: { rows: number; parts: number; price: number }
  /** Batches under way that have it. */
  busy: number
  isTouched: boolean
}

export class UsageBook {
  readonly #environment: Environment
  readonly #entries = new Map<string, Entry>()
  readonly #pending = new Set<Entry>()
  #touched: Entry[] = []

  constructor(environment: Environment) {
    this.#environment = environment
  }

  #entry(key: UsageKey): Entry {
    const name = key.join(' ')
    let entry = this.#entries.get(name)
    if (entry === undefined) {
      this.#environment.root.resetReadTxn()
      const bytes = this.#environment.usage.getBinary(key)
      const record = bytes === undefined ? noUsage() : openUsage(bytes)
      entry = { key, record, pending: { rows: 0, parts: 0, price: 0 }, busy: 0, isTouched: false }
      this.#trim()
      this.#entries.set(name, entry)
    }
    return entry
  }

  #trim(): void {
    if (this.#entries.size < KEPT) return
    for (const [name, entry] of this.#entries) {
      if (entry.busy === 0 && !entry.isTouched && !this.#pending.has(entry)) this.#entries.delete(name)
      if (this.#entries.size < KEPT / 2) return
    }
  }

  /** Accepted messages whose batch is being filled. */
  acceptPending(account: number, day: number, demand: Demand): void {
    for (const { country, channel, rows, parts, micros } of demand.groups) {
      const entry = this.#entry([account, day, country, channel])
      entry.pending.rows += rows
      entry.pending.parts += parts
      entry.pending.price += micros
      this.#pending.add(entry)
    }
  }

  /** The batch is handed over: what was pending goes with it. */
  settlePending(): void {
    for (const entry of this.#pending) {
      const { rows, parts, price } = entry.pending
      this.#add(entry, { rows, parts, price })
      entry.pending = { rows: 0, parts: 0, price: 0 }
    }
    this.#pending.clear()
  }

  accept(account: number, day: number, demand: Demand): void {
    for (const { country, channel, rows, parts, micros } of demand.groups) {
      this.#add(this.#entry([account, day, country, channel]), { rows, parts, price: micros })
    }
  }

  #add(entry: Entry, { rows, parts, price }: { rows: number; parts: number; price: number }): void {
    entry.record.rows += rows
    entry.record.parts += parts
    entry.record.price += price
    this.#touch(entry)
  }

  /** What became of messages; `sign` -1: what was counted before is taken back. */
  change(key: UsageKey, outcomes: Outcomes, sign: 1 | -1): void {
    const entry = this.#entry(key)
    addOutcomes(entry.record, outcomes, sign)
    this.#touch(entry)
  }

  #touch(entry: Entry): void {
    if (entry.isTouched) return
    entry.isTouched = true
    this.#touched.push(entry)
  }

  /** Records changed since the last call; `done` once the batch that they go into is on disk. */
  take(): { writes: MoneyWrite[]; done: () => void } {
    const touched = this.#touched
    this.#touched = []
    const writes = touched.map((entry): MoneyWrite => {
      entry.isTouched = false
      entry.busy++
      return { table: 'usage', key: entry.key, value: sealUsage(entry.record) }
    })
    return {
      writes,
      done: () => {
        for (const entry of touched) entry.busy--
      },
    }
  }
}
