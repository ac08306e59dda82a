/**
 * Cancels single messages that wait: each gets an entry in the outcome log like any other outcome. A message of a block that
 * nobody has claimed costs no claim: the block stays in the queue index with one message less, so that what is due in a year
 * and canceled tomorrow never lies in memory. Dispatcher thread.
 */
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef, placeOf, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { BlockState } from '../store/block-state.js'
import type { Ledger } from './ledger.js'
import type { Seating } from './seating.js'
import { movedKey } from './zone-hours.js'

/** Where an unclaimed block stands. */
interface Queued {
  key: number[]
  ownSeconds?: number
}

export class MessageCancel {
  readonly #ledger: Ledger
  readonly #seating: Seating
  readonly #clock: Clock

  constructor(ledger: Ledger, seating: Seating, clock: Clock) {
    this.#ledger = ledger
    this.#seating = seating
    this.#clock = clock
  }

  /** False: it was handed over (also if only in part), it has ended, or there is none. Call `fresh` once before. */
  cancel(ref: MessageRef): boolean {
    const { residents } = this.#ledger
    const block = blockOf(ref)
    const key = this.#queueKey(block)
    // Without a state and not in the queue it is gone: it must not begin anew.
    const state = key === null ? residents.state(block) : residents.open(block)
    const place = placeOf(ref)
    if (state === null || place >= state.count || !mayEnd(state, place)) return false
    this.#ledger.record(state, this.#ledger.own(OUTCOME.canceled, ref, this.#clock.now()))
    if (key === null) this.#seating.done(this.#ledger.board.lane(state.job, state.route), ref)
    else this.#leave(key, state)
    return true
  }

  /** What was appended since the last commit is seen. */
  fresh(): void {
    this.#ledger.store.environment.root.resetReadTxn()
  }

  /** Where the block stands in the queue index; null: it is claimed. */
  #queueKey(block: number): Queued | null {
    const { claiming, moving, residents, store } = this.#ledger
    const reader = claiming.has(block) ? null : residents.body(block)
    if (reader === null) return null
    const moved = moving.get(block)
    if (moved !== undefined) return { key: movedKey(moved.key, moved.dueSeconds), ownSeconds: moved.ownSeconds }
    let due = 0xffffffff
    for (let place = 0; place < reader.count; place++) due = Math.min(due, reader.dueSeconds(place))
    const key = [reader.job, reader.route, due, block]
    if (store.environment.queue.doesExist(key)) return { key }
    if (this.#ledger.board.totals(reader.job).zoned === null) return null
    // It waits for hours in its recipients' zone: where, only the queue knows.
    for (const queued of store.queueOf(reader.job)) if (queued.key[3] === block) return queued
    return null
  }

  /** What waited for a time to come was counted so by the queue index, which shows it once this is durable. */
  #countOut(dueSeconds: number, { job }: BlockState): void {
    const { board } = this.#ledger
    const totals = board.totals(job)
    const { states } = totals.counts
    if (dueSeconds * 1000 > this.#clock.now() && states[STATE.scheduled]! > 0) states[STATE.scheduled]!--
    totals.leaving++
    this.#ledger.whenDurable(() => {
      totals.leaving--
      totals.nextDueSeconds = 0
    })
  }

  /** The unclaimed block says how many messages are left in it; without any it leaves the queue. */
  #leave({ key, ownSeconds }: Queued, state: BlockState): void {
    const { commit } = this.#ledger
    this.#countOut(key[2]!, state)
    if (state.done) {
      commit.claimed.push(key)
      return
    }
    let left = 0
    // Marked duplicates count, as they do in what ingest wrote.
    for (const value of state.states) if (value === STATE.queued || value === STATE.duplicate) left++
    commit.requeued.push({ key, messages: left, ownSeconds })
  }
}

function mayEnd(state: BlockState, place: number): boolean {
  const now = state.states[place]
  const waits = now === STATE.queued || now === STATE.scheduled
  return waits && state.inFlight[place] === 0 && state.taken(place) === 0
}
