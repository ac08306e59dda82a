/** Ends a job's unsent messages: claimed ones one by one, all others at one stroke with their queue keys. */
import type { Clock } from '../contract/clock.js'
import { messageRef, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { BlockState } from '../store/block-state.js'
import type { JobTotals } from './board.js'
import type { Claims } from './claims.js'
import type { Ledger } from './ledger.js'
import { movedKey } from './zone-hours.js'

export class Cancel {
  readonly #ledger: Ledger
  readonly #claims: Claims
  readonly #clock: Clock

  constructor(ledger: Ledger, claims: Claims, clock: Clock) {
    this.#ledger = ledger
    this.#claims = claims
    this.#clock = clock
  }

  /** Idempotent. Messages that are being sent end by their answers, or when their pipeline is withdrawn. */
  job(totals: JobTotals): void {
    for (const lane of totals.lanes.values()) {
      this.#claims.forget(lane)
      if (lane.current !== null) this.#block(lane.current.block)
      for (const block of lane.recovered.splice(0)) this.#block(block)
      lane.current = null
      lane.mayHaveBlocks = false
      lane.returned.clear()
      for (const seat of lane.seats) seat.bound.clear()
      lane.order?.clear()
    }
    this.#claimedElsewhere(totals.number)
    this.#unclaimed(totals)
  }

  #block(block: number): void {
    const state = this.#ledger.residents.open(block)
    if (state !== null) this.#queued(state)
  }

  #queued(state: BlockState): void {
    for (let place = 0; place < state.count; place++) {
      const now = state.states[place]
      if ((now !== STATE.queued && now !== STATE.scheduled) || state.inFlight[place]! > 0) continue
      this.#ledger.record(state, this.#ledger.own(OUTCOME.canceled, messageRef(state.block, place), this.#clock.now()))
    }
  }

  /** Messages that wait for a retry lie in open blocks that no lane points at. */
  #claimedElsewhere(job: number): void {
    for (const block of [...this.#ledger.store.openBlocks(job)]) {
      const state = this.#ledger.residents.state(block)
      if (state !== null) this.#queued(state)
    }
  }

  /** True: some messages of the unclaimed block were canceled before, so that the others end one by one. */
  #begun(key: number[]): boolean {
    const { residents, commit } = this.#ledger
    const state = residents.state(key[3]!)
    if (state === null) return false
    commit.claimed.push(key)
    this.#queued(state)
    return true
  }

  #unclaimed(totals: JobTotals): void {
    const { store, claiming, moving, commit, feed } = this.#ledger
    const nowMs = this.#clock.now()
    let messages = 0
    for (const { key, messages: inBlock } of store.queueOf(totals.number)) {
      if (claiming.has(key[3]!)) continue
      if (this.#begun(key)) continue
      messages += inBlock - marked(store.marks(key[3]!))
      // Until the commit it is in the queue still, and must not be counted once more.
      claiming.add(key[3]!)
      const moved = moving.get(key[3]!)
      commit.claimed.push(moved === undefined ? key : movedKey(key, moved.dueSeconds))
      feed.canceled(totals, { block: key[3]!, messages: inBlock }, nowMs)
    }
    if (messages === 0) return
    totals.counts.canceledUnclaimed += messages
    totals.counts.states[STATE.canceled]! += messages
    this.#ledger.board.touch(totals)
  }
}

function marked(bitmap: Buffer | null): number {
  if (bitmap === null) return 0
  let count = 0
  for (const octet of bitmap) for (let rest = octet; rest !== 0; rest &= rest - 1) count++
  return count
}
