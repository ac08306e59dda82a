/** What channels reported becomes state: settles parts, sends messages back to their lanes, hands receipts on. */
import type { TimeHeap } from '../base/heap.js'
import type { Random } from '../base/random.js'
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef, placeOf, STATE } from '../contract/message.js'
import type { Counter, Metrics } from '../contract/metrics.js'
import { OUTCOME, OUTCOME_NAMES, type OutcomeCode } from '../contract/outcome.js'
import { retryDelayMs } from '../schedule/retry.js'
import type { BlockState } from '../store/block-state.js'
import { RECEIPT_EXPECTED } from '../store/entry.js'
import type { Carrier } from './carriers.js'
import { type Inbox, reportCode, settlementRef } from './inbox.js'
import type { Ledger } from './ledger.js'
import type { Receipts } from './receipts.js'

export interface OutcomesDeps {
  ledger: Ledger
  receipts: Receipts
  carriers: Carrier[]
  waiting: TimeHeap
  clock: Clock
  random: Random
  metrics: Metrics
}

export class Outcomes {
  readonly #deps: OutcomesDeps
  readonly #receiptCounters = new Map<number, Counter>()

  constructor(deps: OutcomesDeps) {
    this.#deps = deps
  }

  /** Everything the inbox holds: settlements before receipts, so that fewer receipts come early. */
  process(inbox: Inbox): void {
    const nowMs = this.#deps.clock.now()
    const { settlements, receipts } = inbox
    for (let row = 0; row < settlements.count; row++) this.#settle(inbox, row, nowMs)
    settlements.clear()
    for (let row = 0; row < receipts.count; row++) this.#receive(inbox, row, nowMs)
    receipts.clear()
    if (inbox.inbound.length > 0) this.#keepInbound(inbox, nowMs)
  }

  #settle(inbox: Inbox, row: number, nowMs: number): void {
    const { settlements } = inbox
    const { ledger, carriers } = this.#deps
    const carrier = carriers[settlements.channel[row]!]!
    const ref = settlementRef(settlements, row)
    carrier.pipeline.handed--
    ledger.countSettled(settlements.channel[row]!, settlements.bind[row]!)
    const state = ledger.residents.state(blockOf(ref))
    if (state === null) return
    const place = placeOf(ref)
    const entry = ledger.own(reportCode(settlements, row), ref, nowMs)
    entry.part = settlements.part[row]!
    entry.attempt = state.attempts[place]!
    entry.carrier = carrier.number
    entry.bind = settlements.bind[row]!
    entry.status = settlements.status[row]!
    entry.id = settlements.ids
    entry.idStart = settlements.idStart[row]!
    entry.idLength = settlements.idLength[row]!
    state.inFlight[place]!--
    state.inFlightTotal--
    if (entry.code === OUTCOME.accepted) this.#accepted(state, carrier)
    else this.#refused(state, ref, carrier)
    if (state.inFlight[place] === 0 && state.comeback[place] !== 0) this.#comeBack(state, ref, nowMs)
  }

  #accepted(state: BlockState, carrier: Carrier): void {
    const { ledger, receipts } = this.#deps
    const { entry } = ledger
    if (carrier.receiptsExpected) entry.flags = RECEIPT_EXPECTED
    ledger.record(state, entry)
    if (carrier.receiptsPossible) receipts.awaitReceipt(state, entry)
    if (carrier.receiptsExpected) carrier.noteAwaited(state.block)
  }

  #refused(state: BlockState, ref: MessageRef, carrier: Carrier): void {
    const { ledger } = this.#deps
    const { entry } = ledger
    const code = entry.code
    const place = placeOf(ref)
    if (code === OUTCOME.unanswered) {
      const hold = ledger.board.totals(state.job).dispatch?.onUnanswered === 'hold'
      entry.status = hold ? 1 : 0
      carrier.unanswered(hold ? 'hold' : 'resend').add(1)
    }
    ledger.record(state, entry)
    if (code !== OUTCOME.rejected) state.comeback[place] = graver(state.comeback[place]!, code)
  }

  /** Every part of the attempt is settled and some have to go again. */
  #comeBack(state: BlockState, ref: MessageRef, nowMs: number): void {
    const { ledger, waiting, random } = this.#deps
    const place = placeOf(ref)
    const code = state.comeback[place]! as OutcomeCode
    state.comeback[place] = 0
    if (state.states[place] !== STATE.queued) return
    const delay = retryDelayMs(code, state.attempts[place]!, random)
    if (delay < 0) ledger.fail(state, ref, 'RETRIES_EXHAUSTED', nowMs)
    else if (delay > 0) waiting.push(nowMs + delay, ref)
    else ledger.board.lane(state.job, state.route)?.giveBack(ref)
  }

  #receive(inbox: Inbox, row: number, nowMs: number): void {
    const { receipts: reports } = inbox
    const { ledger, receipts, carriers } = this.#deps
    const channel = reports.channel[row]!
    const carrier = carriers[channel]!
    const entry = ledger.own(reportCode(reports, row), 0 as MessageRef, nowMs)
    entry.part = 0
    entry.carrier = carrier.number
    entry.bind = reports.bind[row]!
    entry.id = reports.ids
    entry.idStart = reports.idStart[row]!
    entry.idLength = reports.idLength[row]!
    entry.error = reports.error[row] ?? ''
    this.#count(channel, entry.code)
    receipts.receive(entry, carrier.receiptDelay)
    const { session, sequence } = reports
    ledger.acknowledge({ channel, bind: entry.bind, session: session[row]!, sequence: sequence[row]! })
  }

  #count(channel: number, code: OutcomeCode): void {
    const key = channel * 256 + code
    let counter = this.#receiptCounters.get(key)
    if (counter === undefined) {
      const labels = { carrier: this.#deps.carriers[channel]!.channel.id, state: OUTCOME_NAMES[code]! }
      counter = this.#deps.metrics.counter('trunkline_receipts_total', labels)
      this.#receiptCounters.set(key, counter)
    }
    counter.add(1)
  }

  /** A subscriber's message is kept as it came; routing it to an account is the inbound module's work. */
  #keepInbound(inbox: Inbox, nowMs: number): void {
    const { ledger, carriers } = this.#deps
    for (const { channel, inbound } of inbox.inbound) {
      const carrier = carriers[channel]!
      ledger.keepInbound(carrier.channel.id, inbound, nowMs)
      ledger.acknowledge({ channel, bind: inbound.bind, session: inbound.session, sequence: inbound.sequence })
      carrier.inbound.add(1)
    }
    inbox.inbound = []
  }
}

/** Unanswered weighs most, since the part may have been sent; `notSent` least, since nothing happened. */
function graver(before: number, now: OutcomeCode): number {
  if (before === 0 || before === OUTCOME.notSent) return now
  return now === OUTCOME.notSent ? before : Math.max(before, now)
}
