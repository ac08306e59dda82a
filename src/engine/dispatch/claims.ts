/**
 * From lanes to the pipeline: claims blocks, takes what is due, valid and fair, and records that it may be sent. Nothing
 * leaves before that record is durable.
 */

import type { TimeHeap } from '../base/heap.js'
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef, messageRef, placeOf, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { QueuedBlock } from '../contract/store.js'
import type { Lane } from '../schedule/lane.js'
import type { BlockReader } from '../store/block.js'
import type { BlockState } from '../store/block-state.js'
import type { Ledger } from './ledger.js'
import type { Pipeline } from './pipeline.js'

const PREFETCH = 32

/** Where what a lane gives goes. */
export interface Intake {
  pipeline: Pipeline
  /** Number of the carrier in the log. */
  number: number
}

export class Claims {
  readonly #ledger: Ledger
  readonly #clock: Clock
  /** Messages that wait for a time: value is the ref. */
  readonly #waiting: TimeHeap
  readonly #prefetched = new Map<Lane, QueuedBlock[]>()

  constructor(ledger: Ledger, clock: Clock, waiting: TimeHeap) {
    this.#ledger = ledger
    this.#clock = clock
    this.#waiting = waiting
  }

  /** Takes up to `parts` parts from the lane; returns the parts taken, 0 when it has nothing now. */
  take(lane: Lane, parts: number, intake: Intake): number {
    let taken = this.#takeReturned(lane, parts, intake)
    while (taken < parts) {
      if (lane.current === null && !this.#openNext(lane)) break
      taken += this.#takeRun(lane, parts - taken, intake)
    }
    return taken
  }

  #takeReturned(lane: Lane, parts: number, intake: Intake): number {
    let taken = 0
    while (lane.returned > 0 && taken < parts) {
      const ref = lane.takeBack() as MessageRef
      const state = this.#ledger.residents.state(blockOf(ref))
      const reader = this.#ledger.residents.body(blockOf(ref))
      if (state === null || reader === null || state.states[placeOf(ref)] !== STATE.queued) continue
      if (this.#expire(state, reader, placeOf(ref))) continue
      this.#authorise(state, { place: placeOf(ref), count: 1 }, intake)
      taken += reader.partCount(placeOf(ref))
    }
    return taken
  }

  /** The longest run of the current block that may go now, within `parts`. */
  #takeRun(lane: Lane, parts: number, intake: Intake): number {
    const current = lane.current!
    const state = this.#ledger.residents.state(current.block)
    const reader = this.#ledger.residents.body(current.block)
    if (state === null || reader === null) {
      lane.current = null
      return 0
    }
    let taken = 0
    let start = current.next
    let place = current.next
    for (; place < current.count && taken < parts; place++) {
      if (this.#mayGo(state, reader, place)) {
        taken += reader.partCount(place)
        continue
      }
      this.#authoriseRun(state, start, place, intake)
      start = place + 1
    }
    this.#authoriseRun(state, start, place, intake)
    current.next = place
    if (place === current.count) lane.current = null
    return taken
  }

  #authoriseRun(state: BlockState, start: number, end: number, intake: Intake): void {
    if (end > start) this.#authorise(state, { place: start, count: end - start }, intake)
  }

  #authorise(state: BlockState, run: { place: number; count: number }, intake: Intake): void {
    const { place, count } = run
    this.#ledger.recordRun(state, OUTCOME.authorised, {
      place,
      count,
      carrier: intake.number,
      atMs: this.#clock.now(),
    })
    const sequence = this.#ledger.nextSequence
    for (let n = place; n < place + count; n++) intake.pipeline.push(messageRef(state.block, n), sequence)
  }

  #mayGo(state: BlockState, reader: BlockReader, place: number): boolean {
    if (state.states[place] !== STATE.queued) return false
    const due = reader.dueSeconds(place) * 1000
    if (due > this.#clock.now()) {
      this.#waiting.push(due, messageRef(state.block, place))
      return false
    }
    return !this.#expire(state, reader, place)
  }

  /** True: its validity is over and it was ended. */
  #expire(state: BlockState, reader: BlockReader, place: number): boolean {
    const expires = reader.expiresSeconds(place)
    if (expires === 0 || expires * 1000 > this.#clock.now()) return false
    this.#ledger.record(state, this.#ledger.own(OUTCOME.expired, messageRef(state.block, place), this.#clock.now()))
    return true
  }

  /** Ends what has expired at the head of a lane that cannot send. */
  expireHead(lane: Lane): void {
    for (;;) {
      if (lane.current === null && !this.#openNext(lane)) return
      const current = lane.current!
      const state = this.#ledger.residents.state(current.block)
      const reader = this.#ledger.residents.body(current.block)
      if (state === null || reader === null) return
      while (current.next < current.count) {
        const waits = state.states[current.next] === STATE.queued && !this.#expire(state, reader, current.next)
        if (waits) return
        current.next++
      }
      lane.current = null
    }
  }

  /** Makes the next block current: those of an earlier run first, then the queue index. False: nothing is due. */
  #openNext(lane: Lane): boolean {
    while (lane.recovered.length > 0) {
      const block = lane.recovered.shift()!
      const state = this.#ledger.residents.open(block)
      if (state === null) continue
      lane.current = { block, next: 0, count: state.count }
      return true
    }
    if (!lane.mayHaveBlocks) return false
    const queued = this.#nextQueued(lane)
    if (queued === null) return false
    return this.#claim(lane, queued)
  }

  #claim(lane: Lane, queued: QueuedBlock): boolean {
    const key = [lane.job.job, lane.route, queued.dueSeconds, queued.block]
    const state = this.#ledger.residents.open(queued.block)
    this.#ledger.claim(key)
    if (state === null) {
      this.#ledger.quarantine(lane.job.job, queued)
      return false
    }
    if (state.done) this.#ledger.commit.closed.push(queued.block)
    lane.current = { block: queued.block, next: 0, count: state.count }
    return true
  }

  #nextQueued(lane: Lane): QueuedBlock | null {
    const known = this.#prefetched.get(lane)
    if (known !== undefined && known.length > 0) return known.shift()!
    const { store, claiming } = this.#ledger
    const nowSeconds = Math.floor(this.#clock.now() / 1000)
    const fetched = store.queued(lane.job.job, lane.route, nowSeconds, PREFETCH + claiming.size)
    const fresh = fetched.filter((one) => !claiming.has(one.block))
    if (fresh.length === 0) {
      lane.mayHaveBlocks = false
      lane.nextDueMs = store.nextDue(lane.job.job, lane.route, nowSeconds) * 1000
      this.#prefetched.delete(lane)
      return null
    }
    const first = fresh.shift()!
    this.#prefetched.set(lane, fresh)
    return first
  }

  forget(lane: Lane): void {
    this.#prefetched.delete(lane)
  }
}
