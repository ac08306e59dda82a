/**
 * Calls that are made again later: their messages wait as `scheduled` in claimed blocks, without a timer each, and go back
 * to their lane when they are due, where sending hours, validity and pauses decide as for any other. The log knows when that
 * is, so a restart neither forgets them nor makes them all at once. Dispatcher thread.
 */
import { againOfFacts } from '../base/call-facts.js'
import type { TimeHeap } from '../base/heap.js'
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef, messageRef, placeOf, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { BlockReader } from '../store/block.js'
import type { BlockState } from '../store/block-state.js'
import type { Ledger } from './ledger.js'
import type { Seating } from './seating.js'

/** A smaller step than this is a clock that is being adjusted. */
const STEP_MS = 1_000

/** At its time, or when its validity is over: then it ends. */
export function awaitCall(
  waiting: TimeHeap,
  body: BlockReader | null,
  { ref, facts }: { ref: MessageRef; facts: string },
): void {
  const expires = body?.expiresSeconds(placeOf(ref)) ?? 0
  const again = againOfFacts(facts)
  waiting.push((expires === 0 ? again : Math.min(again, expires)) * 1000, ref)
}

export class PutOff {
  readonly #ledger: Ledger
  readonly #seating: Seating
  readonly #waiting: TimeHeap
  readonly #clock: Clock
  /** The wall clock at the last look, and the monotonic clock then. */
  #seenMs = Number.NEGATIVE_INFINITY
  #seenAtMs = 0

  constructor(ledger: Ledger, seating: Seating, { waiting, clock }: { waiting: TimeHeap; clock: Clock }) {
    this.#ledger = ledger
    this.#seating = seating
    this.#waiting = waiting
    this.#clock = clock
  }

  /** Everything whose time has come, also retries of other channels, goes back to its lane. */
  dueNow(): void {
    const nowMs = this.#clock.now()
    const backMs = this.#setBackMs(nowMs)
    if (backMs > 0) this.#bringForward(backMs)
    while (this.#waiting.nextTime <= nowMs) {
      const ref = this.#waiting.pop() as MessageRef
      const state = this.#ledger.residents.state(blockOf(ref))
      if (state === null) continue
      const lane = this.#ledger.board.lane(state.job, state.route)
      if (lane === null) continue
      if (state.states[placeOf(ref)] === STATE.scheduled) this.#ledger.due(state, ref, nowMs)
      this.#seating.giveBack(lane, ref)
    }
  }

  /** By how much the wall clock was set back since the last look; 0: it was not. */
  #setBackMs(nowMs: number): number {
    const monotonicMs = this.#clock.monotonic()
    const expectedMs = this.#seenMs + monotonicMs - this.#seenAtMs
    this.#seenMs = nowMs
    this.#seenAtMs = monotonicMs
    return expectedMs - nowMs > STEP_MS ? expectedMs - nowMs : 0
  }

  /**
   * A retry waits for a time to pass, not for an hour of the day: the clock was set back, so it waits as much less. What has a
   * time of its own is looked at again when it is taken out of its lane, and waits on; calls keep the time that was promised.
   */
  #bringForward(backMs: number): void {
    const entries: [timeMs: number, ref: MessageRef][] = []
    while (this.#waiting.size > 0) {
      const timeMs = this.#waiting.nextTime
      entries.push([timeMs, this.#waiting.pop() as MessageRef])
    }
    for (const [timeMs, ref] of entries) {
      const isCall = this.#ledger.residents.state(blockOf(ref))?.states[placeOf(ref)] === STATE.scheduled
      this.#waiting.push(isCall ? timeMs : timeMs - backMs, ref)
    }
  }

  /** At start: what waits in a block of a job that goes on. */
  recover(state: BlockState): void {
    let hasAny = false
    for (let place = 0; place < state.count; place++) {
      if (state.states[place] !== STATE.scheduled) continue
      this.#ledger.board.totals(state.job).putOff++
      hasAny = true
    }
    if (!hasAny) return
    const facts = new Map<number, string>()
    state.eachEntry(({ code, place, error }) => {
      if (code === OUTCOME.putOff) facts.set(place, error)
    })
    const body = this.#ledger.residents.body(state.block)
    for (const [place, text] of facts) {
      if (state.states[place] !== STATE.scheduled) continue
      awaitCall(this.#waiting, body, { ref: messageRef(state.block, place), facts: text })
    }
  }
}
