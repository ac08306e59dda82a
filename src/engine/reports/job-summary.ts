/** A job summed up: how its messages ended and why, and what each carrier made of them. Main thread. */

import { setImmediate } from 'node:timers/promises'
import { readCarrierStatus } from '../base/carrier-status.js'
import { STATES } from '../contract/message.js'
import { type ReasonCode, reasonHelp } from '../contract/reasons.js'
import type { CarrierShare, JobSummary, OutcomeShare } from '../contract/report.js'
import { type MessageSource, reasonOf, stateOf, type ViewNames } from '../messages/message-view.js'
import type { HistoryItem } from '../store/decoded-state.js'
import { NO_CARRIER } from '../store/entry.js'
import { isRefusal, isTaken } from './report-row.js'

interface CarrierSums {
  submitted: number
  delivered: number
  refusals: Map<number, number>
}

export class SummaryOfJob {
  readonly #names: ViewNames
  readonly #isMarked: (block: number, place: number) => boolean
  readonly #outcomes = new Map<string, number>()
  readonly #carriers = new Map<number, CarrierSums>()
  #firstMs = Number.POSITIVE_INFINITY
  #lastMs = 0

  constructor(names: ViewNames, isMarked: (block: number, place: number) => boolean) {
    this.#names = names
    this.#isMarked = isMarked
  }

  /** Takes in a block; gives other requests a turn. */
  async add(source: MessageSource): Promise<void> {
    for (let place = 0; place < source.reader.count; place++) {
      if (this.#isMarked(source.block, place)) continue
      const state = stateOf(source, place)
      const key = `${STATES.indexOf(state)} ${reasonOf(source, place) ?? ''}`
      this.#outcomes.set(key, (this.#outcomes.get(key) ?? 0) + 1)
      if (source.state !== null) this.#history(source.state.history(place), state === 'delivered')
    }
    await setImmediate()
  }

  #history(items: readonly HistoryItem[], isDelivered: boolean): void {
    let taker: CarrierSums | null = null
    for (const item of items) {
      if (item.atMs > this.#lastMs) this.#lastMs = item.atMs
      if (item.carrier === NO_CARRIER) continue
      const sums = this.#carrier(item.carrier)
      if (isRefusal(item)) sums.refusals.set(item.status, (sums.refusals.get(item.status) ?? 0) + 1)
      if (!isTaken(item)) continue
      if (item.atMs < this.#firstMs) this.#firstMs = item.atMs
      if (taker !== sums) sums.submitted++
      taker = sums
    }
    if (isDelivered && taker !== null) taker.delivered++
  }

  #carrier(number: number): CarrierSums {
    let sums = this.#carriers.get(number)
    if (sums === undefined) {
      sums = { submitted: 0, delivered: 0, refusals: new Map() }
      this.#carriers.set(number, sums)
    }
    return sums
  }

  view(id: string): JobSummary {
    const outcomes = [...this.#outcomes].map(([key, messages]) => outcomeShare(key, messages))
    return {
      id,
      outcomes: outcomes.sort((a, b) => b.messages - a.messages),
      carriers: [...this.#carriers].map(([number, sums]) => this.#share(number, sums)),
      firstSubmittedAt: this.#firstMs === Number.POSITIVE_INFINITY ? null : new Date(this.#firstMs).toISOString(),
      lastOutcomeAt: this.#lastMs === 0 ? null : new Date(this.#lastMs).toISOString(),
    }
  }

  #share(number: number, { submitted, delivered, refusals }: CarrierSums): CarrierShare {
    return {
      carrier: this.#names.carrier(number) ?? 'none',
      submitted,
      delivered,
      refusals: [...refusals]
        .map(([status, times]) => ({ ...this.#refusal(status), times }))
        .sort((a, b) => b.times - a.times),
    }
  }

  #refusal(status: number): { status: number; statusName: string | null } {
    const own = readCarrierStatus(status)
    if (own !== null) return { status: own.code, statusName: own.name }
    return { status, statusName: this.#names.status(status) ?? null }
  }
}

function outcomeShare(key: string, messages: number): OutcomeShare {
  const [state, code] = key.split(' ') as [string, ReasonCode | '']
  const reason = code === '' ? null : code
  return { state: STATES[Number(state)]!, reason, help: reason === null ? null : reasonHelp(reason), messages }
}
