/** What time alone brings about: due jobs, receipts that never came, validity that ran out while nothing could be sent. */
import type { Clock } from '../contract/clock.js'
import { messageRef, STATE } from '../contract/message.js'
import type { Metrics } from '../contract/metrics.js'
import { OUTCOME } from '../contract/outcome.js'
import type { Lane } from '../schedule/lane.js'
import type { BlockState } from '../store/block-state.js'
import type { JobTotals } from './board.js'
import type { Carrier } from './carriers.js'
import type { Claims } from './claims.js'
import type { Ledger } from './ledger.js'
import type { Receipts } from './receipts.js'
import type { Seating } from './seating.js'

const LANES_EVERY_MS = 100
const RECEIPTS_EVERY_MS = 1_000
const OVERDUE_AT_ONCE = 64

export interface HousekeepingDeps {
  ledger: Ledger
  claims: Claims
  seating: Seating
  receipts: Receipts
  carriers: Carrier[]
  clock: Clock
  metrics: Metrics
}

export class Housekeeping {
  readonly #deps: HousekeepingDeps
  #lanesAt = 0
  #receiptsAt = 0

  constructor(deps: HousekeepingDeps) {
    this.#deps = deps
  }

  run(monotonicMs: number, jobs: Iterable<JobTotals>): void {
    if (monotonicMs - this.#lanesAt >= LANES_EVERY_MS) {
      this.#lanesAt = monotonicMs
      this.#deps.seating.updateTimed()
      this.#lanes(jobs)
    }
    this.#deps.receipts.work()
    if (monotonicMs - this.#receiptsAt >= RECEIPTS_EVERY_MS) {
      this.#receiptsAt = monotonicMs
      this.#overdueReceipts()
      this.#deps.receipts.look(this.#deps.clock.now())
      for (const carrier of this.#deps.carriers) carrier.unmatched.set(this.#deps.receipts.unmatched(carrier.number))
    }
  }

  #lanes(jobs: Iterable<JobTotals>): void {
    const nowMs = this.#deps.clock.now()
    for (const totals of jobs) {
      if (totals.dispatch === null) continue
      if (totals.nextDueSeconds * 1000 <= nowMs) this.countScheduled(totals)
      for (const lane of totals.lanes.values()) {
        if (lane.nextDueMs <= nowMs && lane.nextDueMs > 0) {
          lane.mayHaveBlocks = true
          lane.nextDueMs = 0
        }
        const stuck = !lane.route.hasOpen || totals.dispatch.state === 'paused' || lane.isShut
        if (stuck && totals.dispatch.state !== 'canceled') this.#deps.claims.expireHead(lane)
        if (lane.route.failoverAfterMs > 0) this.#lookAtHead(lane)
        this.#deps.seating.refresh(lane)
      }
    }
  }

  /** How long the first message waits, for the carriers that take what has waited too long. */
  #lookAtHead(lane: Lane): void {
    const mayGo = lane.job.state === 'running' && lane.sinceMs > 0 && !lane.isShut
    lane.headSinceMs = mayGo ? this.#deps.claims.headSince(lane) : Number.POSITIVE_INFINITY
  }

  /**
   * Messages whose own time is still to come show as scheduled; those already claimed count by their state. Not while some leave
   * the queue index: they would be counted once more, and of a job that ends with them for ever.
   */
  countScheduled(totals: JobTotals): void {
    // Of single messages there may be millions with a time of their own, and nobody asks how many of them wait.
    if (totals.dispatch?.openEnded === true || totals.leaving > 0) return
    const nowSeconds = Math.floor(this.#deps.clock.now() / 1000)
    let scheduled = totals.putOff
    totals.nextDueSeconds = Number.POSITIVE_INFINITY
    if (totals.dispatch?.state !== 'canceled') {
      for (const { key, messages } of this.#deps.ledger.store.queueOf(totals.number, nowSeconds)) {
        scheduled += messages
        totals.nextDueSeconds = Math.min(totals.nextDueSeconds, key[2]!)
      }
    }
    if (totals.counts.states[STATE.scheduled] === scheduled) return
    totals.counts.states[STATE.scheduled] = scheduled
    this.#deps.ledger.board.touch(totals)
  }

  /** Notes until when the receipts of what was accepted since the last commit should have come. */
  noteAwaited(): void {
    const nowSeconds = Math.floor(this.#deps.clock.now() / 1000)
    for (const carrier of this.#deps.carriers) {
      const deadline = nowSeconds + carrier.terms.timeoutSeconds
      for (const block of carrier.takeAwaited()) this.#deps.ledger.commit.awaiting.push([deadline, block])
    }
  }

  #overdueReceipts(): void {
    const { ledger, clock } = this.#deps
    const nowSeconds = Math.floor(clock.now() / 1000)
    ledger.commit.lateDone.push(...ledger.store.lateOver(nowSeconds, OVERDUE_AT_ONCE))
    for (const key of ledger.store.overdue(nowSeconds, OVERDUE_AT_ONCE)) {
      ledger.commit.awaitingDone.push(key)
      const state = ledger.residents.state(key[1]!)
      if (state !== null && !state.done) this.#giveUpOn(state)
    }
  }

  #giveUpOn(state: BlockState): void {
    const { ledger, carriers, clock } = this.#deps
    const overdue = new Set<number>()
    state.eachEntry((entry) => {
      if (entry.code !== OUTCOME.accepted) return
      const carrier = carriers.find((one) => one.number === entry.carrier)
      const waitMs = (carrier?.terms.timeoutSeconds ?? 0) * 1000
      // A later part or attempt has a later deadline, and a key of its own.
      if (entry.atMs + waitMs <= clock.now() + 1_000) overdue.add(entry.place)
      else overdue.delete(entry.place)
    })
    for (const place of overdue) {
      if (state.final[place] === 1 || state.states[place] !== STATE.sent) continue
      ledger.record(state, ledger.own(OUTCOME.noReceipt, messageRef(state.block, place), clock.now()))
    }
  }
}
