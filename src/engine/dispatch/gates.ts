/**
 * Opens and shuts the lanes of jobs that have sending hours, at the very moment: the dispatcher's timer knows when that is.
 * Hours are of a job today; where they are of a recipient, the zone is a message's and is looked up where `Claims` asks
 * whether it is due. Dispatcher thread; times are epoch milliseconds.
 */
import { SendingHours } from '../schedule/sending-hours.js'
import type { JobTotals } from './board.js'
import type { Carrier } from './carriers.js'
import type { Seating } from './seating.js'
import type { Sender } from './sender.js'

export interface GatesDeps {
  seating: Seating
  sender: Sender
  carriers: readonly Carrier[]
}

export class Gates {
  readonly #deps: GatesDeps
  readonly #jobs = new Set<JobTotals>()
  #nextMs = Number.POSITIVE_INFINITY
  #lookedAtMs = 0

  constructor(deps: GatesDeps) {
    this.#deps = deps
  }

  /** When a gate opens or shuts next. */
  get nextMs(): number {
    return this.#nextMs
  }

  /** A job came or changed; `apply` follows when its lanes are there. */
  enter(totals: JobTotals, nowMs: number): void {
    const { dispatch } = totals
    const rule = dispatch?.hours ?? null
    if (rule === null) {
      this.#jobs.delete(totals)
      totals.hours = null
      totals.isShut = false
    } else {
      totals.hours = new SendingHours(rule)
      totals.isShut = !totals.hours.at(nowMs).isOpen
      this.#jobs.add(totals)
      this.#nextMs = Math.min(this.#nextMs, totals.hours.at(nowMs).changesAtMs)
    }
  }

  forget(totals: JobTotals): void {
    this.#jobs.delete(totals)
  }

  /** The lanes of the job take their places, or leave them; what was authorised and not handed over goes back. */
  apply(totals: JobTotals): void {
    const { seating, sender, carriers } = this.#deps
    for (const lane of totals.lanes.values()) {
      lane.isShut = totals.isShut
      seating.renew(lane)
    }
    if (!totals.isShut) return
    for (const carrier of carriers) sender.withdrawJob(carrier, totals.number)
  }

  /** Opens and shuts what is due. Costs a comparison while nothing is. */
  turn(nowMs: number): void {
    const isDue = nowMs >= this.#nextMs || nowMs < this.#lookedAtMs
    this.#lookedAtMs = nowMs
    if (!isDue) return
    this.#nextMs = Number.POSITIVE_INFINITY
    for (const totals of this.#jobs) {
      const { isOpen, changesAtMs } = totals.hours!.at(nowMs)
      this.#nextMs = Math.min(this.#nextMs, changesAtMs)
      if (isOpen !== totals.isShut) continue
      totals.isShut = !isOpen
      this.apply(totals)
    }
  }
}
