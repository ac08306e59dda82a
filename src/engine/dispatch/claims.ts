/**
 * From lanes to the pipeline: claims blocks, takes what is due, valid and fair, and records that it may be sent. Nothing
 * leaves before that record is durable.
 */

import { crashPoint } from '../base/crash-point.js'
import type { TimeHeap } from '../base/heap.js'
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef, messageRef, placeOf, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { QueuedBlock } from '../contract/store.js'
import type { Lane, Seat } from '../schedule/lane.js'
import type { RefQueue } from '../schedule/ref-queue.js'
import type { BlockReader } from '../store/block.js'
import type { BlockState } from '../store/block-state.js'
import { HIGH } from './carriers.js'
import type { Ledger } from './ledger.js'
import type { Pipeline } from './pipeline.js'
import type { Seating } from './seating.js'
import { againMs, hoursOfPlace, ZoneHours } from './zone-hours.js'

const PREFETCH = 32
/** Blocks that are put off for their recipients' hours in one visit of a lane, so that a tick stays short. */
const POSTPONED_AT_ONCE = 64

/** Where what a lane gives goes: a carrier. */
export interface Intake {
  pipeline: Pipeline
  /** Number of the carrier in the log. */
  number: number
  /** Parts that this sender may hand over beyond what is authorised already; Infinity where it has no rate of its own. */
  senderRoom(from: string): number
  /** `parts` of this sender were authorised. */
  senderTook(from: string, parts: number): void
}

/** What one visit of a lane is bound by. */
interface Visit {
  intake: Intake
  /** Only what has waited since this time or longer, epoch ms. */
  waitingSinceMs: number
  isUrgent: boolean
}

export class Claims {
  readonly #ledger: Ledger
  readonly #clock: Clock
  /** Messages that wait for a time: value is the ref. */
  readonly #waiting: TimeHeap
  readonly #prefetched = new Map<Lane, QueuedBlock[]>()

  readonly #seating: Seating
  readonly #zones: ZoneHours

  constructor(ledger: Ledger, deps: { clock: Clock; waiting: TimeHeap; seating: Seating }) {
    this.#ledger = ledger
    this.#clock = deps.clock
    this.#waiting = deps.waiting
    this.#seating = deps.seating
    this.#zones = new ZoneHours(ledger, deps.seating, deps.clock)
  }

  /** Takes up to `parts` parts from the lane for the carrier of this seat; returns the parts taken, 0: nothing now. */
  take(seat: Seat, parts: number, intake: Intake): number {
    const { lane, outlet } = seat
    const isUrgent = lane.job.priority === HIGH
    const visit = { intake, waitingSinceMs: Number.POSITIVE_INFINITY, isUrgent }
    let taken = this.#takeReturned(lane, { queue: seat.bound, parts }, visit)
    if (!outlet.isOpen) visit.waitingSinceMs = this.#clock.now() - outlet.overflowAfterMs
    if (visit.waitingSinceMs === Number.NEGATIVE_INFINITY) return taken
    const most = Math.min(parts, taken + lane.route.allowance(outlet))
    taken += this.#takeReturned(lane, { queue: lane.returned, parts: most - taken }, visit)
    while (taken < most) {
      if (lane.current === null && !this.#openNext(lane)) break
      const { current } = lane
      const before = current!.next
      taken += this.#takeRun(lane, most - taken, visit)
      // Nothing of this block may go now: its sender has no room, or it has not waited long enough.
      if (lane.current === current && current!.next === before) break
    }
    outlet.taken += taken
    return taken
  }

  #takeReturned(lane: Lane, from: { queue: RefQueue; parts: number }, visit: Visit): number {
    const { queue, parts } = from
    let taken = 0
    while (queue.size > 0 && taken < parts) {
      const ref = queue.peek() as MessageRef
      const state = this.#ledger.residents.state(blockOf(ref))
      const reader = this.#ledger.residents.body(blockOf(ref))
      const place = placeOf(ref)
      if (state === null || reader === null || state.states[place] !== STATE.queued) {
        queue.shift()
        this.#seating.done(lane, ref)
        continue
      }
      if (queue === lane.returned && !this.#isInTime(lane, reader, place, visit)) break
      if (visit.intake.senderRoom(reader.from) <= 0) break
      queue.shift()
      if (this.#expire(state, reader, place) || this.#isShutOut(lane, reader, ref)) continue
      if (!this.#isNext(lane, reader, ref)) continue
      this.#authorise(state, { place, count: 1 }, visit)
      const count = reader.partCount(place)
      visit.intake.senderTook(reader.from, count)
      taken += count
    }
    return taken
  }

  /** The longest run of the current block that may go now, within `parts`. */
  #takeRun(lane: Lane, parts: number, visit: Visit): number {
    const current = lane.current!
    const state = this.#ledger.residents.state(current.block)
    const reader = this.#ledger.residents.body(current.block)
    if (state === null || reader === null) {
      lane.current = null
      return 0
    }
    const most = Math.min(parts, visit.intake.senderRoom(reader.from))
    let taken = 0
    let start = current.next
    let place = current.next
    for (; place < current.count && taken < most; place++) {
      if (!this.#isInTime(lane, reader, place, visit)) break
      if (this.#mayGo(lane, state, reader, place)) {
        taken += reader.partCount(place)
        continue
      }
      this.#authoriseRun(state, start, place, visit)
      start = place + 1
    }
    this.#authoriseRun(state, start, place, visit)
    visit.intake.senderTook(reader.from, taken)
    current.next = place
    if (place === current.count) lane.current = null
    return taken
  }

  /** For a carrier that only takes what has waited too long for the preferred ones. */
  #isInTime(lane: Lane, reader: BlockReader, place: number, visit: Visit): boolean {
    return visit.waitingSinceMs === Number.POSITIVE_INFINITY || waitsSince(lane, reader, place) <= visit.waitingSinceMs
  }

  /** True: it is outside the hours in its recipient's zone, and comes back when they begin. */
  #isShutOut({ zoned }: Lane, reader: BlockReader, ref: MessageRef): boolean {
    if (zoned === null) return false
    const nowMs = this.#clock.now()
    const state = hoursOfPlace(zoned, reader, placeOf(ref), nowMs)
    if (state.isOpen) return false
    this.#seating.held.push(againMs(state, reader.expiresSeconds(placeOf(ref)), nowMs), ref)
    return true
  }

  /** False: an earlier message of the same recipient is on its way; this one comes back behind it. */
  #isNext(lane: Lane, reader: BlockReader, ref: MessageRef): boolean {
    return lane.order === null || lane.order.enter(ref, reader.number(placeOf(ref)))
  }

  #authoriseRun(state: BlockState, start: number, end: number, visit: Visit): void {
    if (end > start) this.#authorise(state, { place: start, count: end - start }, visit)
  }

  #authorise(state: BlockState, run: { place: number; count: number }, { intake, isUrgent }: Visit): void {
    const { place, count } = run
    this.#ledger.recordRun(state, OUTCOME.authorised, {
      place,
      count,
      carrier: intake.number,
      atMs: this.#clock.now(),
    })
    const sequence = this.#ledger.nextSequence
    for (let n = place; n < place + count; n++) {
      intake.pipeline.push(messageRef(state.block, n), sequence, isUrgent)
    }
    crashPoint('messages-authorised')
  }

  #mayGo(lane: Lane, state: BlockState, reader: BlockReader, place: number): boolean {
    if (state.states[place] !== STATE.queued) return false
    const due = reader.dueSeconds(place) * 1000
    if (due > this.#clock.now()) {
      this.#waiting.push(due, messageRef(state.block, place))
      return false
    }
    if (this.#expire(state, reader, place)) return false
    const ref = messageRef(state.block, place)
    if (this.#isShutOut(lane, reader, ref)) return false
    // Before anything else: also one that is tied to a carrier keeps its place before later ones of its recipient.
    if (!this.#isNext(lane, reader, ref)) return false
    if (this.#seating.tied === 0 || this.#seating.seatOf(lane, ref) === null) return true
    this.#seating.giveBack(lane, ref)
    return false
  }

  /** True: its validity is over and it was ended. */
  #expire(state: BlockState, reader: BlockReader, place: number): boolean {
    const expires = reader.expiresSeconds(place)
    if (expires === 0 || expires * 1000 > this.#clock.now()) return false
    const ref = messageRef(state.block, place)
    this.#ledger.record(state, this.#ledger.own(OUTCOME.expired, ref, this.#clock.now()))
    this.#seating.done(this.#ledger.board.lane(state.job, state.route), ref)
    return true
  }

  /** Ends what has expired among the first of a lane that cannot send. */
  expireHead(lane: Lane): void {
    this.#expireReturned(lane, lane.returned)
    for (const seat of lane.seats) this.#expireReturned(lane, seat.bound)
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

  #expireReturned(lane: Lane, queue: RefQueue): void {
    while (queue.size > 0) {
      const ref = queue.peek() as MessageRef
      const state = this.#ledger.residents.state(blockOf(ref))
      const reader = this.#ledger.residents.body(blockOf(ref))
      const isQueued = state !== null && reader !== null && state.states[placeOf(ref)] === STATE.queued
      if (isQueued && !this.#expire(state, reader, placeOf(ref))) return
      if (!isQueued) this.#seating.done(lane, ref)
      queue.shift()
    }
  }

  /** Since when the first message of the lane has waited, epoch ms; Infinity: none waits. */
  headSince(lane: Lane): number {
    if (lane.returned.size > 0) {
      const ref = lane.returned.peek() as MessageRef
      const reader = this.#ledger.residents.body(blockOf(ref))
      if (reader !== null) return waitsSince(lane, reader, placeOf(ref))
    }
    if (lane.current === null && !this.#openNext(lane)) return Number.POSITIVE_INFINITY
    const reader = this.#ledger.residents.body(lane.current!.block)
    return reader === null ? Number.POSITIVE_INFINITY : waitsSince(lane, reader, lane.current!.next)
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
    for (let postponed = 0; postponed < POSTPONED_AT_ONCE; postponed++) {
      const queued = this.#nextQueued(lane)
      if (queued === null) return false
      if (lane.zoned !== null && this.#zones.postpone(lane, lane.zoned, queued)) continue
      return this.#claim(lane, queued)
    }
    return false
  }

  #claim(lane: Lane, queued: QueuedBlock): boolean {
    const key = [lane.job.job, lane.route.number, queued.dueSeconds, queued.block]
    const state = this.#ledger.residents.open(queued.block)
    this.#ledger.claim(key)
    crashPoint('block-claimed')
    if (state === null) {
      this.#ledger.quarantine(lane.job.job, queued, this.#clock.now())
      return false
    }
    if (state.done) this.#ledger.commit.closed.push(queued.block)
    lane.current = { block: queued.block, next: 0, count: state.count }
    return true
  }

  #nextQueued(lane: Lane): QueuedBlock | null {
    const known = this.#prefetched.get(lane)
    if (known !== undefined && known.length > 0) return known.shift()!
    const { store, claiming, moving } = this.#ledger
    const nowSeconds = Math.floor(this.#clock.now() / 1000)
    const fetched = store.queued(lane.job.job, lane.route.number, nowSeconds, PREFETCH + claiming.size + moving.size)
    const fresh = fetched.filter((one) => !claiming.has(one.block) && !moving.has(one.block))
    if (fresh.length === 0) {
      lane.mayHaveBlocks = false
      lane.nextDueMs = store.nextDue(lane.job.job, lane.route.number, nowSeconds) * 1000
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

/** When the message could have been sent at the earliest: epoch ms. */
function waitsSince(lane: Lane, reader: BlockReader, place: number): number {
  return Math.max(lane.sinceMs, reader.createdSeconds * 1000, reader.dueSeconds(place) * 1000)
}
