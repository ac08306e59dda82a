/**
 * What calls came to becomes state: heard, not heard, put off, or on to the next carrier of the route. A call is one part, so
 * its message moves with its one settlement. Dispatcher thread; once a call.
 */

import { reasonOfFacts, wasAnswered, withAgain } from '../base/call-facts.js'
import type { TimeHeap } from '../base/heap.js'
import type { Random } from '../base/random.js'
import { limits } from '../contract/limits.js'
import { blockOf, type MessageRef, placeOf, STATE } from '../contract/message.js'
import { type OptOutDigit, OUTCOME, type OutcomeCode } from '../contract/outcome.js'
import { reasonCode } from '../contract/reasons.js'
import type { BlockState } from '../store/block-state.js'
import { ANSWERED, KEEPS_ATTEMPT } from '../store/entry.js'
import type { Carrier } from './carriers.js'
import type { Ledger } from './ledger.js'
import { awaitCall } from './put-off.js'
import type { Seating } from './seating.js'

/** Between calls that the network or the gateway had no line for: doubled each time. */
const CONGESTED = { firstMs: 30_000, maxMs: 1_800_000 }
/** So that a whole job does not come back at one moment. */
const SPREAD = 0.2

export interface CallOutcomesDeps {
  ledger: Ledger
  seating: Seating
  waiting: TimeHeap
  random: Random
}

/** Where the call was made, and when the number may be called again by what the carrier says; -1: it says nothing. */
interface CallEnded {
  carrier: Carrier
  delayMs: number
}

export function isOfCall(code: OutcomeCode): boolean {
  return code >= OUTCOME.heard
}

export class CallOutcomes {
  readonly #deps: CallOutcomesDeps

  constructor(deps: CallOutcomesDeps) {
    this.#deps = deps
  }

  /** The ledger's entry is the settlement, its facts where others have an id. */
  ended(state: BlockState, ref: MessageRef, end: CallEnded): void {
    const { entry } = this.#deps.ledger
    entry.error = entry.id.latin1Slice(entry.idStart, entry.idStart + entry.idLength)
    entry.idLength = 0
    if (wasAnswered(entry.error)) entry.flags |= ANSWERED
    switch (entry.code) {
      case OUTCOME.congested:
        this.#congested(state, ref, end)
        break
      case OUTCOME.interrupted:
        this.#interrupted(state, ref, end.delayMs)
        break
      case OUTCOME.putOff:
        this.#putOff(state, ref, end.delayMs)
        break
      default:
        this.#deps.ledger.record(state, entry)
        this.#leave(state, ref)
    }
  }

  /**
   * Kept like a subscriber's message: durable with the next commit, and nothing more is sent to that number until the main
   * thread has read it and suppressed the number.
   */
  pressed({ ref, digit }: OptOutDigit, kept: { carrier: string; atMs: number }): void {
    const { ledger } = this.#deps
    const body = ledger.residents.body(blockOf(ref))
    if (body === null) return
    const place = placeOf(ref)
    const from = body.recipient(place).replace(/^\+/, '')
    const about = {
      bind: 0,
      session: 0,
      sequence: 0,
      connection: 0,
      dataCoding: 0,
      esmClass: 0,
      sar: null,
      ports: null,
    }
    const numbers = { from, fromTon: 1, fromNpi: 1, to: body.from, toTon: 0, toNpi: 1 }
    const replied = { ref, account: body.account, sentAtMs: kept.atMs, untilMs: kept.atMs }
    const payload = Buffer.from(digit, 'latin1')
    ledger.keepInbound({ ...about, ...numbers, payload, broken: [], pressed: true }, { ...kept, replied })
  }

  #leave(state: BlockState, ref: MessageRef): void {
    const { ledger, seating } = this.#deps
    seating.done(ledger.board.lane(state.job, state.route), ref)
  }

  /** Nothing was wrong with the number: no attempt is used, and another carrier of the route may be able to. */
  #congested(state: BlockState, ref: MessageRef, { carrier, delayMs }: CallEnded): void {
    const { ledger, seating } = this.#deps
    const { entry } = ledger
    entry.flags |= KEEPS_ATTEMPT
    const lane = ledger.board.lane(state.job, state.route)
    if (lane !== null && lane.job.state !== 'canceled' && seating.sendOn(lane, ref, carrier.number)) {
      entry.code = OUTCOME.rerouted
      ledger.record(state, entry)
      if (state.states[placeOf(ref)] === STATE.queued) seating.giveBack(lane, ref)
      return
    }
    const returns = returnsOf(state, placeOf(ref))
    if (returns < limits.callReturns) this.#putOff(state, ref, Math.max(delayMs, this.#backoffMs(returns)))
    else {
      entry.code = OUTCOME.unheard
      ledger.record(state, entry)
      this.#leave(state, ref)
    }
  }

  #interrupted(state: BlockState, ref: MessageRef, delayMs: number): void {
    const { ledger } = this.#deps
    ledger.entry.flags |= KEEPS_ATTEMPT
    const returns = returnsOf(state, placeOf(ref))
    if (returns < limits.callReturns) {
      this.#putOff(state, ref, delayMs < 0 ? this.#backoffMs(returns) : delayMs)
      return
    }
    ledger.entry.code = OUTCOME.unheard
    ledger.record(state, ledger.entry)
    this.#leave(state, ref)
  }

  #backoffMs(returns: number): number {
    const fullMs = Math.min(CONGESTED.maxMs, CONGESTED.firstMs * 2 ** Math.min(returns, 16))
    return fullMs * (1 + SPREAD * this.#deps.random.next())
  }

  #putOff(state: BlockState, ref: MessageRef, delayMs: number): void {
    const { ledger, waiting } = this.#deps
    const { entry } = ledger
    const lane = ledger.board.lane(state.job, state.route)
    entry.code = OUTCOME.putOff
    entry.error = withAgain(entry.error, Math.ceil((entry.atMs + Math.max(0, delayMs)) / 1000))
    const { error, atMs } = entry
    ledger.record(state, entry)
    this.#leave(state, ref)
    if (state.states[placeOf(ref)] !== STATE.scheduled) return
    if (lane === null || lane.job.state === 'canceled') {
      ledger.record(state, ledger.own(OUTCOME.canceled, ref, atMs))
      return
    }
    const reason = reasonCode(reasonOfFacts(error))
    ledger.log.debug({ reason, delayMs: Math.round(delayMs) }, 'the number is called again')
    awaitCall(waiting, ledger.residents.body(state.block), { ref, facts: error })
  }
}

/** How often in a row it came back without an attempt. */
function returnsOf(state: BlockState, place: number): number {
  let returns = 0
  state.eachEntry((entry) => {
    if (entry.place !== place || !isOfCall(entry.code)) return
    returns = (entry.flags & KEEPS_ATTEMPT) !== 0 ? returns + 1 : 0
  })
  return returns
}
