/** Who is let in at a carrier next: lanes by fair share, within what may be authorised ahead and the rates of job and account. */
import type { Board } from './board.js'
import type { Carrier } from './carriers.js'
import type { Claims } from './claims.js'
import type { Seating } from './seating.js'

/** Parts one lane takes before the next one's turn, so that a tick stays short. */
const LANE_PARTS = 64

export class Admission {
  readonly #board: Board
  readonly #claims: Claims
  readonly #seating: Seating

  constructor(board: Board, claims: Claims, seating: Seating) {
    this.#board = board
    this.#claims = claims
    this.#seating = seating
  }

  /** Lets lanes in until enough is authorised ahead, or nobody may. */
  authorise(carrier: Carrier, monotonicMs: number): void {
    const { ahead, queue } = carrier
    queue.wake()
    for (let grant = queue.next(); grant !== null; grant = queue.next()) {
      const { seat } = grant
      const { lane } = seat
      const room = carrier.room(lane.job, ahead)
      if (room <= 0) return
      const { pace, accountPace } = this.#board.totals(lane.job.job)
      const accountRoom = accountPace === null ? Number.POSITIVE_INFINITY : accountPace.room(monotonicMs)
      if (accountRoom <= 0) {
        queue.rest()
        continue
      }
      const jobRoom = pace === null ? Number.POSITIVE_INFINITY : pace.room(monotonicMs)
      const want = Math.min(room, grant.parts, LANE_PARTS, jobRoom, accountRoom)
      const taken = want <= 0 ? 0 : this.#claims.take(seat, want, carrier)
      pace?.took(taken)
      accountPace?.took(taken)
      queue.spend(taken)
      if (taken === 0) queue.deactivate(seat)
      // The others of a share may go on now that this one did.
      else if (lane.route.isShared) this.#seating.refresh(lane)
    }
  }
}
