/**
 * Opens and shuts the lanes of jobs that have sending hours, at the very moment: the dispatcher's timer knows when that is.
 * Where the hours are those of each recipient's own zone no lane is shut: `Claims` asks for each message, and what was claimed
 * and may not go waits here for its morning. Dispatcher thread; times are epoch milliseconds.
 */
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef } from '../contract/message.js'
import { type RecipientHours, recipientHours } from '../schedule/recipient-hours.js'
import { SendingHours } from '../schedule/sending-hours.js'
import type { JobTotals } from './board.js'
import type { Carrier } from './carriers.js'
import type { Ledger } from './ledger.js'
import type { Seating } from './seating.js'
import type { Sender } from './sender.js'
import { ZoneHours } from './zone-hours.js'

export interface GatesDeps {
  ledger: Ledger
  clock: Clock
  seating: Seating
  sender: Sender
  carriers: readonly Carrier[]
}

export class Gates {
  readonly #deps: GatesDeps
  readonly #jobs = new Set<JobTotals>()
  readonly #zones: ZoneHours
  #nextMs = Number.POSITIVE_INFINITY
  #lookedAtMs = 0

  constructor(deps: GatesDeps) {
    this.#deps = deps
    this.#zones = new ZoneHours(deps.ledger, deps.seating, deps.clock)
  }

  /** When a gate opens or shuts next. */
  get nextMs(): number {
    return Math.min(this.#nextMs, this.#deps.seating.held.nextTime)
  }

  /** A job came or changed; `apply` follows when its lanes are there. */
  enter(totals: JobTotals, nowMs: number): void {
    const { dispatch } = totals
    const zoned = recipientHours(dispatch?.hours ?? null)
    if (zoned !== totals.zoned) this.#setZoned(totals, zoned)
    const rule = zoned === null ? (dispatch?.hours ?? null) : null
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

  /** What waits by the hours of before is looked at by those of now. */
  #setZoned(totals: JobTotals, zoned: RecipientHours | null): void {
    const before = totals.zoned
    totals.zoned = zoned
    for (const lane of totals.lanes.values()) lane.zoned = zoned
    if (before === null) return
    this.#zones.restore(totals.number, totals.lanes.values())
    const { ledger, seating } = this.#deps
    const kept: { atMs: number; ref: MessageRef }[] = []
    while (seating.held.size > 0) {
      const atMs = seating.held.nextTime
      const ref = seating.held.pop() as MessageRef
      if (ledger.residents.state(blockOf(ref))?.job === totals.number) this.#giveBack(ref)
      else kept.push({ atMs, ref })
    }
    for (const { atMs, ref } of kept) seating.held.push(atMs, ref)
  }

  #giveBack(ref: MessageRef): void {
    const { ledger, seating } = this.#deps
    const state = ledger.residents.state(blockOf(ref))
    const lane = state === null ? null : ledger.board.lane(state.job, state.route)
    if (lane !== null) seating.giveBack(lane, ref)
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
    const { held } = this.#deps.seating
    while (held.nextTime <= nowMs) this.#giveBack(held.pop() as MessageRef)
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
