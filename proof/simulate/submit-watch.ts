/**
 * What must hold at the very moment at which a submit is written: rate, window, hours, opt-outs, order, validity. Stamps are
 * those of the product's end of the line (reliability.md P4, P6, P8, P9; I3, I4, I7, I8, I9).
 */
import type { Ledger, Row, SeenConnection, Submit } from './ledger.js'
import { type CarrierPlan, FIXED_ZONES, type JobPlan, type Plan } from './plan.js'
import { demand } from './violation.js'
import type { VirtualTime } from './virtual-time.js'

const OPT_OUT_MS = 1_000
const SECOND_MS = 1_000
/** The carrier's limiter is asked in fractions of a millisecond. */
const CANCEL_MS = 1_000

/** Stamps of the last parts under one rate, in order. */
class Stamps {
  readonly #most: number
  readonly #stamps: number[] = []

  constructor(perSecond: number) {
    this.#most = Math.max(1, Math.ceil(perSecond))
  }

  /** Parts within the last second, this one with them, when they are too many; 0: they are not. */
  add(nowMs: number): number {
    const stamps = this.#stamps
    stamps.push(nowMs)
    const before = stamps[stamps.length - 1 - this.#most]
    return before !== undefined && nowMs - before < SECOND_MS ? this.#most + 1 : 0
  }
}

export interface WatchDeps {
  plan: Plan
  ledger: Ledger
  time: VirtualTime
  /** Until then the hours of jobs hold. */
  hoursEndMs(): number
}

export class SubmitWatch {
  readonly #deps: WatchDeps
  readonly #rates: (Stamps | null)[]
  readonly #jobRates = new Map<number, Stamps>()
  readonly #accountRates = new Map<number, Stamps>()
  /** Of this life: the last row to each recipient of a job, by its due time. */
  readonly #latest = new Map<string, number>()
  #life = -1

  constructor(deps: WatchDeps) {
    this.#deps = deps
    this.#rates = deps.plan.carriers.map(({ rate }) => (rate === null ? null : new Stamps(rate)))
  }

  written(submit: Submit): void {
    const { ledger, time } = this.#deps
    const { row } = submit
    demand(row !== undefined && submit.part < row.parts, 'I1', () => 'a submit of a message that nobody gave')
    const connection = ledger.connections[submit.connection]!
    if (submit.life !== this.#life) {
      this.#life = submit.life
      this.#latest.clear()
    }
    this.#inRate(submit, time.nowMs)
    this.#inOrder(submit)
    this.#inWindow(submit, connection)
    this.#mayGo(row, time)
    connection.outstanding.set(submit.sequence, submit)
    row.submits.push(submit)
    ledger.submits.push(submit)
  }

  #carrier({ carrier }: Submit): CarrierPlan {
    return this.#deps.plan.carriers[carrier]!
  }

  #inRate(submit: Submit, nowMs: number): void {
    const { job } = submit.row
    const of = (map: Map<number, Stamps>, key: number, rate: number): Stamps | null => {
      if (rate === 0) return null
      const known = map.get(key) ?? new Stamps(rate)
      map.set(key, known)
      return known
    }
    const stamps = [
      { name: this.#carrier(submit).id, stamps: this.#rates[submit.carrier] },
      { name: `job ${job.job}`, stamps: of(this.#jobRates, job.job, this.#isShort(job) ? job.rate : 0) },
      { name: `account ${job.account}`, stamps: of(this.#accountRates, job.account, this.#accountRate(job)) },
    ]
    for (const { name, stamps: of } of stamps) {
      const many = of?.add(nowMs) ?? 0
      demand(many === 0, 'I3', () => `${name}: ${many} parts or more within a second at ${nowMs} ms`)
    }
  }

  /** Rates of jobs are kept at the hand-over of whole messages (docs/decisions/0019): the rest of a long one may wait for its window. */
  #isShort(job: JobPlan): boolean {
    return job.partsMax === 1
  }

  #accountRate({ account, accountRate }: JobPlan): number {
    const own = this.#deps.plan.jobs.filter((job) => job.account === account)
    return own.every((job) => this.#isShort(job)) ? accountRate : 0
  }

  /** What waits for longer than the time-out does not count: its slot is free again. */
  #inWindow(submit: Submit, { outstanding }: SeenConnection): void {
    const { window, responseTimeoutMs } = this.#carrier(submit)
    let waiting = 1
    for (const other of outstanding.values()) if (submit.writtenMs - other.writtenMs < responseTimeoutMs) waiting++
    demand(waiting <= window, 'I4', () => `${waiting} outstanding on connection ${submit.connection}, window ${window}`)
  }

  #inOrder(submit: Submit): void {
    const { row, part } = submit
    const own = row.submits.filter(({ life }) => life === submit.life)
    for (const earlier of own) {
      if (!this.#isOutstanding(earlier, submit)) continue
      const isSame = earlier.connection === submit.connection
      demand(isSame && earlier.part < part, 'I9', () => `parts ${earlier.part}, ${part} of row ${row.row} out of order`)
    }
    if (row.job.distinct) return
    const key = `${row.job.job} ${row.number} ${row.dueSeconds}`
    const latest = this.#latest.get(key) ?? -1
    demand(row.row >= latest, 'I9', () => `row ${row.row} after row ${latest} of the same recipient`)
    this.#latest.set(key, row.row)
  }

  #isOutstanding(earlier: Submit, submit: Submit): boolean {
    const connection = this.#deps.ledger.connections[earlier.connection]!
    const age = submit.writtenMs - earlier.writtenMs
    return connection.isOpen && earlier.answeredMs < 0 && age < this.#carrier(earlier).responseTimeoutMs
  }

  #mayGo(row: Row, { nowMs, wallMs }: VirtualTime): void {
    const { job } = row
    const optOutMs = this.#deps.ledger.optOuts.get(`${job.account} ${row.number}`)
    const isOptedOut = optOutMs !== undefined && nowMs > optOutMs + OPT_OUT_MS
    demand(!isOptedOut, 'I7', () => `row ${row.row} written ${nowMs - optOutMs!} ms after its opt-out`)
    demand(this.#isOpen(job, nowMs, wallMs), 'I8', () => `row ${row.row} outside the hours of job ${job.job}`)
    demand(nowMs >= job.sendAfterMs, 'I8', () => `row ${row.row} before the time of job ${job.job}`)
    demand(wallMs >= row.dueSeconds * 1000, 'I8', () => `row ${row.row} before its own time`)
    const isFirst = row.submits.length === 0
    const { expiresSeconds } = row
    // What is authorised may still go: not a message that was never begun, a second after it expired.
    const isOver = expiresSeconds > 0 && wallMs > (expiresSeconds + 1) * 1000 + this.#deps.plan.commitMs * 4
    if (isFirst) demand(!isOver || !VALIDITY_CHECKED, 'I8', () => `row ${row.row} begun after its validity`)
    const isLate = isFirst && row.canceledMs >= 0 && nowMs > row.canceledMs + CANCEL_MS
    demand(!isLate, 'I7', () => `row ${row.row} begun after it was canceled`)
  }

  /** By arithmetic of its own: these zones keep their offset. */
  #isOpen({ hours }: JobPlan, nowMs: number, wallMs: number): boolean {
    if (hours === null || nowMs >= this.#deps.hoursEndMs()) return true
    const offset = FIXED_ZONES[hours.timeZone as keyof typeof FIXED_ZONES]
    const minute = (((Math.floor(wallMs / 60_000) + offset) % 1440) + 1440) % 1440
    const { fromMinute, toMinute } = hours
    return fromMinute < toMinute ? minute >= fromMinute && minute < toMinute : minute >= fromMinute || minute < toMinute
  }
}

/** The carrier is told the validity with each submit, so that the moment of the hand-over is its business too. */
const VALIDITY_CHECKED = false
