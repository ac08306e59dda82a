/**
 * Which lane sends by which carrier now: holds the routes, puts lanes into the carriers' fair queues and takes them out,
 * and finds the place of every message that comes back.
 */
import { TimeHeap } from '../base/heap.js'
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef, placeOf, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { Lane, Seat } from '../schedule/lane.js'
import { Route, type RouteTerms } from '../schedule/routes.js'
import type { BlockState } from '../store/block-state.js'
import type { JobTotals } from './board.js'
import type { Carrier } from './carriers.js'
import type { Residents } from './residents.js'

export interface SeatingDeps {
  clock: Clock
  residents: Residents
  termsOf(route: number): RouteTerms
  jobs(): Iterable<JobTotals>
}

/** What a message on its way back is tied to. */
interface Ties {
  /** Number of the carrier that accepted some of its parts; -1: none did. */
  pinned: number
  /** Numbers of the carriers that sent it on to another. */
  refusedBy: number[]
}

export class Seating {
  readonly #deps: SeatingDeps
  readonly #routes = new Map<number, Route>()
  readonly #carriers = new Map<string, Carrier>()
  /** Of messages that are not free to go by any carrier; few, beside all that wait. */
  readonly #ties = new Map<MessageRef, Ties>()
  readonly #touched = new Set<Lane>()
  /** Messages that were claimed and wait for hours in their recipient's zone. */
  readonly held = new TimeHeap()

  constructor(deps: SeatingDeps) {
    this.#deps = deps
  }

  carrier(id: string): Carrier | undefined {
    return this.#carriers.get(id)
  }

  /** A carrier that lanes may use from now on. */
  enter(carrier: Carrier): void {
    this.#carriers.set(carrier.channel.id, carrier)
    carrier.noteStanding(this.#deps.clock.now())
  }

  /** Lanes use it no more; what it has in work is its own until it has drained. */
  leave(id: string): Carrier | undefined {
    const carrier = this.#carriers.get(id)
    this.#carriers.delete(id)
    return carrier
  }

  route(number: number): Route {
    let route = this.#routes.get(number)
    if (route === undefined) {
      route = new Route(number, this.#deps.termsOf(number))
      this.#routes.set(number, route)
      this.#updateRoute(route)
    }
    return route
  }

  /** The routes have changed: every lane gets its seats anew. */
  rebuild(): void {
    this.#routes.clear()
    for (const totals of this.#deps.jobs()) {
      for (const lane of totals.lanes.values()) {
        const before = lane.moveTo(this.route(lane.route.number))
        for (const seat of before) this.#carriers.get(seat.outlet.carrier)?.queue.deactivate(seat)
        for (const seat of before) this.#placeAll(lane, seat)
        this.refresh(lane)
      }
    }
  }

  /** Carriers came or went: lanes of the routes that this touches move. */
  update(): void {
    const changed = new Set<Route>()
    for (const carrier of this.#carriers.values()) carrier.noteStanding(this.#deps.clock.now())
    for (const route of this.#routes.values()) if (this.#updateRoute(route)) changed.add(route)
    if (changed.size === 0) return
    for (const totals of this.#deps.jobs()) {
      for (const lane of totals.lanes.values()) if (changed.has(lane.route)) this.#reseat(lane)
    }
  }

  #updateRoute(route: Route): boolean {
    return route.update((id) => {
      const carrier = this.#carriers.get(id)
      if (carrier === undefined || !carrier.channel.up) return 'down'
      return carrier.channel.avoided || this.#isStalled(route, carrier) ? 'avoided' : 'up'
    })
  }

  /** What waits at a carrier that takes nothing has waited too long. */
  #isStalled({ failoverAfterMs }: Route, carrier: Carrier): boolean {
    return failoverAfterMs > 0 && carrier.isStalled(failoverAfterMs)
  }

  /** Looks again at the routes on which time decides. */
  updateTimed(): void {
    for (const { failoverAfterMs } of this.#routes.values()) {
      if (failoverAfterMs === 0) continue
      this.update()
      return
    }
  }

  /** True: nothing that waits at this carrier need wait there. */
  isLeft(carrier: Carrier): boolean {
    const { id } = carrier.channel
    if (this.#carriers.get(id) !== carrier) return true
    if (!carrier.channel.avoided && !carrier.isHeldBack) return false
    for (const { outlets } of this.#routes.values()) {
      for (const outlet of outlets) if (outlet.carrier === id && outlet.isOpen) return false
    }
    return true
  }

  #reseat(lane: Lane): void {
    for (const seat of lane.seats) if (!seat.outlet.isOpen) this.#placeAll(lane, seat)
    this.refresh(lane)
  }

  /** Messages bound to a carrier that went may be free to go by another. */
  #placeAll(lane: Lane, seat: Seat): void {
    for (let n = seat.bound.size; n > 0; n--) this.#place(lane, seat.bound.shift() as MessageRef)
  }

  /** Puts a lane into the fair queues of its carriers, or takes it out, as its job, carriers and content say. */
  refresh(lane: Lane): void {
    const nowMs = this.#deps.clock.now()
    const mayGo = lane.job.state === 'running' && lane.job.sendAtMs <= nowMs && !lane.isShut
    if (!mayGo) lane.sinceMs = 0
    else if (lane.sinceMs === 0) lane.sinceMs = nowMs
    for (const seat of lane.seats) {
      const queue = this.#carriers.get(seat.outlet.carrier)?.queue
      if (queue === undefined) continue
      if (mayGo && wants(lane, seat, nowMs)) queue.activate(seat)
      else queue.deactivate(seat)
    }
  }

  /** Its account's weight or its priority may have changed: it takes its place anew. */
  renew(lane: Lane): void {
    for (const seat of lane.seats) this.#carriers.get(seat.outlet.carrier)?.queue.deactivate(seat)
    this.refresh(lane)
  }

  refreshTouched(): void {
    for (const lane of this.#touched) this.refresh(lane)
    this.#touched.clear()
  }

  /** Takes a lane out of every queue, for good. */
  forget(lane: Lane): void {
    for (const seat of lane.seats) this.#carriers.get(seat.outlet.carrier)?.queue.deactivate(seat)
    this.#touched.delete(lane)
  }

  /** A message is to be sent (again): it waits in its lane, or at the one carrier that it must go by. */
  giveBack(lane: Lane, ref: MessageRef): void {
    this.#place(lane, ref)
    this.#touched.add(lane)
  }

  #place(lane: Lane, ref: MessageRef): void {
    const seat = this.seatOf(lane, ref)
    if (seat === null) lane.returned.push(ref)
    else seat.bound.push(ref)
  }

  /** The seat that a message must take; null: any. */
  seatOf(lane: Lane, ref: MessageRef): Seat | null {
    const ties = this.#ties.size === 0 ? undefined : this.#ties.get(ref)
    if (ties === undefined) return null
    const { outlets } = lane.route
    const pinned = outlets.find(({ carrier }) => this.#numberOf(carrier) === ties.pinned)
    if (pinned !== undefined) return lane.seatAt(pinned)
    if (ties.refusedBy.length === 0) return null
    const outlet = this.#outletFor(lane, ties)
    // The carriers of the route have changed meanwhile: it starts anew.
    return outlet === null ? null : lane.seatAt(outlet)
  }

  #outletFor(lane: Lane, { refusedBy }: Ties) {
    return lane.route.outletBeside(
      (id) => refusedBy.includes(this.#numberOf(id)),
      (id) => this.#carriers.get(id)?.channel.up === true,
    )
  }

  #numberOf(id: string): number {
    return this.#carriers.get(id)?.number ?? -1
  }

  /** Some parts were accepted: the rest goes to the same carrier. */
  pin(ref: MessageRef, carrier: number): void {
    this.#tiesOf(ref).pinned = carrier
  }

  /** The carrier will not take it. True: another one of the route may. */
  sendOn(lane: Lane, ref: MessageRef, carrier: number): boolean {
    const ties = this.#tiesOf(ref)
    if (!ties.refusedBy.includes(carrier)) ties.refusedBy.push(carrier)
    return ties.pinned < 0 && this.#outletFor(lane, ties) !== null
  }

  #tiesOf(ref: MessageRef): Ties {
    let ties = this.#ties.get(ref)
    if (ties === undefined) {
      ties = { pinned: -1, refusedBy: [] }
      this.#ties.set(ref, ties)
    }
    return ties
  }

  /** The message is accepted whole, or ended: a later one of its recipient may go. */
  done(lane: Lane | null, ref: MessageRef): void {
    if (this.#ties.size > 0) this.#ties.delete(ref)
    if (lane?.order == null) return
    const next = lane.order.leave(ref)
    if (next >= 0) this.giveBack(lane, next as MessageRef)
  }

  /** At start: what the history of a block says of its unsent messages. */
  recover(state: BlockState): void {
    state.eachEntry(({ code, place, carrier }) => {
      if (state.states[place] !== STATE.queued) return
      const ref = (state.block * 256 + place) as MessageRef
      if (code === OUTCOME.accepted) this.pin(ref, carrier)
      else if (code === OUTCOME.rerouted) this.#tiesOf(ref).refusedBy.push(carrier)
      // When it is called again all carriers are asked anew.
      else if (code === OUTCOME.putOff) this.#ties.delete(ref)
    })
  }

  /** Messages that are not free to go by any carrier. */
  get tied(): number {
    return this.#ties.size
  }

  /** Number of the recipient, for the order among its messages. -1: the body cannot be read. */
  keyOf(ref: MessageRef): number {
    return this.#deps.residents.body(blockOf(ref))?.number(placeOf(ref)) ?? -1
  }
}

function wants(lane: Lane, seat: Seat, nowMs: number): boolean {
  if (seat.bound.size > 0) return true
  const { isOpen, overflowAfterMs } = seat.outlet
  if (isOpen) return lane.ready && lane.route.allowance(seat.outlet) > 0
  return lane.headSinceMs + overflowAfterMs <= nowMs
}
