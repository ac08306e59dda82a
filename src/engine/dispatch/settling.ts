/**
 * An operator settles messages whose end is unknown, or a customer cancels some that wait: each gets an entry in the
 * outcome log like any other outcome, so that it is durable, counted, told of and part of the history. Dispatcher thread.
 */
import type { Clock } from '../contract/clock.js'
import type { JobDispatch } from '../contract/lane.js'
import { blockOf, type MessageRef, placeOf, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { SettleTask } from '../contract/thread.js'
import type { BlockState } from '../store/block-state.js'
import type { Ledger } from './ledger.js'
import { MessageCancel } from './message-cancel.js'
import type { Seating } from './seating.js'

/** The dispatcher, as it is needed here. */
interface Loop {
  /** A job that had ended is dispatched again. */
  job(dispatch: JobDispatch): void
  wake(): void
}

export class Settling {
  readonly #ledger: Ledger
  readonly #seating: Seating
  readonly #clock: Clock
  readonly #loop: Loop
  readonly #cancel: MessageCancel

  constructor(ledger: Ledger, seating: Seating, { clock, loop }: { clock: Clock; loop: Loop }) {
    this.#ledger = ledger
    this.#seating = seating
    this.#clock = clock
    this.#loop = loop
    this.#cancel = new MessageCancel(ledger, seating, clock)
  }

  /** Calls `answer` with how many waited and are canceled, once that is durable, and so is the end of all others. */
  cancel(refs: readonly number[], answer: (canceled: number) => void): void {
    let canceled = 0
    if (refs.length > 0) this.#cancel.fresh()
    for (const ref of refs) if (this.#cancel.cancel(ref as MessageRef)) canceled++
    this.#ledger.whenDurable(() => answer(canceled))
    this.#loop.wake()
  }

  /** Calls `answer` with how many were unknown and are settled, once that is durable. */
  settle({ refs, to, by, job }: SettleTask, answer: (settled: number) => void): void {
    if (job !== null) {
      this.#loop.job(job)
      this.#ledger.board.totals(job.job).finishedPosted = false
    }
    let settled = 0
    for (const ref of refs) if (this.#one(ref as MessageRef, to, by)) settled++
    this.#ledger.whenDurable(() => answer(settled))
    this.#loop.wake()
  }

  /** False: its end is known, or a part of it is still on its way. */
  #one(ref: MessageRef, to: number, by: string): boolean {
    const ledger = this.#ledger
    const state = ledger.residents.state(blockOf(ref))
    const place = placeOf(ref)
    if (state === null || place >= state.count) return false
    if (state.states[place] !== STATE.unknown || state.inFlight[place]! > 0) return false
    const entry = ledger.own(OUTCOME.settled, ref, this.#clock.now())
    entry.attempt = to
    entry.error = by
    ledger.record(state, entry)
    if (to === STATE.queued) this.#sendAgain(state, ref)
    return true
  }

  /** Parts that a carrier has stay with it; without a lane the next start takes the message up. */
  #sendAgain(state: BlockState, ref: MessageRef): void {
    const lane = this.#ledger.board.lane(state.job, state.route)
    if (lane === null) return
    state.eachEntry(({ code, place, carrier }) => {
      if (code === OUTCOME.accepted && place === placeOf(ref)) this.#seating.pin(ref, carrier)
    })
    this.#seating.giveBack(lane, ref)
  }
}
