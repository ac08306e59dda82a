/**
 * One lane at the dispatcher: the messages of one job that go one route, as a cursor over its queued blocks plus the few
 * messages that come back. Holds numbers only; bodies and states belong to the loop.
 */
import type { JobDispatch } from '../contract/lane.js'
import { KeyOrder } from './key-order.js'
import type { RecipientHours } from './recipient-hours.js'
import { RefQueue } from './ref-queue.js'
import type { Outlet, Route } from './routes.js'

/** The block that a lane is taking messages from. */
export interface OpenBlock {
  block: number
  next: number
  count: number
}

/** A lane's place at one carrier of its route: what stands in that carrier's fair queue. */
export class Seat {
  readonly lane: Lane
  readonly outlet: Outlet
  /** Messages that must go by this carrier: it has some of their parts, or others refused them. */
  readonly bound = new RefQueue()
  /** In the fair queue of its carrier. */
  active = false

  constructor(lane: Lane, outlet: Outlet) {
    this.lane = lane
    this.outlet = outlet
  }
}

export class Lane {
  job: JobDispatch
  #route: Route
  #seats: readonly Seat[]
  current: OpenBlock | null = null
  /** Blocks claimed before a restart that have unsent messages, oldest first. */
  readonly recovered: number[] = []
  /** Messages that came back and may go by any carrier that is in use. */
  readonly returned = new RefQueue()
  /** Order among the messages of one recipient; null: the numbers of this job are distinct. */
  readonly order: KeyOrder | null
  /** False: nothing in the queue index to claim as far as we know. */
  mayHaveBlocks = true
  /** Epoch ms at which the next block falls due; Infinity when none waits. */
  nextDueMs = 0
  /** Its job is outside its sending hours. */
  isShut = false
  /** Hours of its job in the zone of each recipient; null: none. */
  zoned: RecipientHours | null = null
  /** Epoch ms since which its job may send. */
  sinceMs = 0
  /** Epoch ms since which its first message waits; Infinity: none does, or nobody asks. */
  headSinceMs = Number.POSITIVE_INFINITY

  constructor(job: JobDispatch, route: Route) {
    this.job = job
    this.order = job.distinct ? null : new KeyOrder()
    this.#route = route
    this.#seats = route.outlets.map((outlet) => new Seat(this, outlet))
  }

  get route(): Route {
    return this.#route
  }
  get seats(): readonly Seat[] {
    return this.#seats
  }

  /** The route has other carriers now. Returns the seats of before: they must leave their queues. */
  moveTo(route: Route): readonly Seat[] {
    const before = this.#seats
    this.#route = route
    this.#seats = route.outlets.map((outlet) => new Seat(this, outlet))
    return before
  }

  seatAt(outlet: Outlet): Seat {
    return this.#seats[this.#route.outlets.indexOf(outlet)]!
  }

  /** Has something for any carrier to send now, as far as is known without reading. */
  get ready(): boolean {
    return this.returned.size > 0 || this.current !== null || this.recovered.length > 0 || this.mayHaveBlocks
  }
}
