/** What channels reported becomes state: settles parts, sends messages back to their lanes, hands receipts on. */
import { crashPoint } from '../base/crash-point.js'
import type { TimeHeap } from '../base/heap.js'
import type { Random } from '../base/random.js'
import type { Clock } from '../contract/clock.js'
import { blockOf, type MessageRef, placeOf, STATE } from '../contract/message.js'
import type { Counter, Metrics } from '../contract/metrics.js'
import { OUTCOME, OUTCOME_NAMES, type OutcomeCode } from '../contract/outcome.js'
import { areUsedUp, retryDelayMs } from '../schedule/retry.js'
import type { BlockState } from '../store/block-state.js'
import { BY_RECEIPT, type Entry, RECEIPT_EXPECTED, RECEIPT_POSSIBLE } from '../store/entry.js'
import { CallOutcomes, isOfCall } from './call-outcomes.js'
import type { Carrier } from './carriers.js'
import { type InboundReport, type Inbox, type Reports, reportCode, settlementRef } from './inbox.js'
import type { Ledger } from './ledger.js'
import type { Receipts, Told } from './receipts.js'
import type { Seating } from './seating.js'
import { Talks } from './talks.js'

export interface OutcomesDeps {
  ledger: Ledger
  receipts: Receipts
  carriers: Carrier[]
  seating: Seating
  waiting: TimeHeap
  clock: Clock
  random: Random
  metrics: Metrics
  /** False: subscribers' messages are refused for now, and the carrier keeps them. */
  takesInbound(): boolean
  /** Messages of subscribers are durable. */
  inboundKept(): void
}

const told: Told = { source: 0, destination: 0, byText: false }

export class Outcomes {
  readonly #deps: OutcomesDeps
  readonly #talks: Talks
  readonly #receiptCounters = new Map<number, Counter>()
  /** When messages come back that a carrier's own rule gave a time. */
  readonly #delays = new Map<MessageRef, number>()
  readonly #calls: CallOutcomes

  constructor(deps: OutcomesDeps) {
    this.#deps = deps
    this.#talks = new Talks(deps.ledger)
    this.#calls = new CallOutcomes(deps)
  }

  /** Everything the inbox holds: settlements before receipts, so that fewer receipts come early. */
  process(inbox: Inbox): void {
    const nowMs = this.#deps.clock.now()
    const { settlements, receipts } = inbox
    for (let row = 0; row < settlements.count; row++) this.#settle(inbox, row, nowMs)
    settlements.clear()
    for (let row = 0; row < inbox.late.count; row++) this.#settleLate(inbox, row, nowMs)
    inbox.late.clear()
    for (let row = 0; row < receipts.count; row++) this.#receive(inbox, row, nowMs)
    receipts.clear()
    if (inbox.inbound.length > 0) this.#keepInbound(inbox, nowMs)
    if (inbox.pressed.length > 0) this.#keepPressed(inbox, nowMs)
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
    ledger.own(reportCode(settlements, row), ref, nowMs)
    const entry = this.#answer(settlements, row, state, carrier)
    state.inFlight[place]!--
    state.inFlightTotal--
    if (isOfCall(entry.code)) {
      this.#calls.ended(state, ref, { carrier, delayMs: settlements.delayMs[row]! })
      return
    }
    if (entry.code === OUTCOME.accepted) this.#accepted(state, carrier)
    else if (!wasAccepted(state, place, entry.part))
      this.#refused(state, ref, { carrier, delayMs: settlements.delayMs[row]! })
    if (state.inFlight[place] === 0) this.#attemptEnded(state, ref, { carrier, nowMs })
    crashPoint('response-recorded')
  }

  /** The ledger's entry, told what the carrier answered to a part. */
  #answer(reports: Reports, row: number, state: BlockState, carrier: Carrier): Entry {
    const { entry } = this.#deps.ledger
    entry.part = reports.part[row]!
    entry.attempt = state.attempts[entry.place]!
    entry.carrier = carrier.number
    entry.bind = reports.bind[row]!
    entry.status = reports.status[row]!
    entry.id = reports.ids
    entry.idStart = reports.idStart[row]!
    entry.idLength = reports.idLength[row]!
    return entry
  }

  /** Also of a part that was accepted before, by a late answer: its other id finds it too. */
  #accepted(state: BlockState, carrier: Carrier): void {
    const { ledger, receipts } = this.#deps
    const { entry } = ledger
    if (carrier.receiptsExpected) entry.flags = RECEIPT_EXPECTED
    else if (carrier.receiptsPossible) entry.flags = RECEIPT_POSSIBLE
    entry.status = ledger.residents.body(state.block)?.numberTail(entry.place) ?? 0
    ledger.record(state, entry)
    this.#entered(state, carrier)
    receipts.awaitReceipt(state, entry)
    if (carrier.receiptsExpected) carrier.noteAwaited(state.block)
  }

  /** The message of the ledger's entry has left, or may have: replies are for its account. */
  #entered(state: BlockState, carrier: Carrier): void {
    const { place, atMs } = this.#deps.ledger.entry
    this.#talks.enter(state, place, { fixedSender: carrier.channel.fixedSender ?? null, atMs })
  }

  /**
   * The answer came after the part was given up as unanswered. Accepted: an unknown message was sent, and one that waits to be sent
   * again need not be. Refused: an unknown message was not sent, so it has failed.
   */
  #settleLate({ late }: Inbox, row: number, nowMs: number): void {
    const { ledger, carriers } = this.#deps
    const carrier = carriers[late.channel[row]!]!
    const ref = settlementRef(late, row)
    const state = ledger.residents.state(blockOf(ref))
    if (state === null) return
    const code = reportCode(late, row)
    const place = placeOf(ref)
    if (code !== OUTCOME.accepted && state.states[place] !== STATE.unknown) return
    ledger.own(code === OUTCOME.accepted ? code : OUTCOME.rejected, ref, nowMs)
    const entry = this.#answer(late, row, state, carrier)
    if (code === OUTCOME.accepted) this.#accepted(state, carrier)
    else if (!wasAccepted(state, place, entry.part)) ledger.record(state, entry)
  }

  #refused(state: BlockState, ref: MessageRef, from: { carrier: Carrier; delayMs: number }): void {
    const { ledger } = this.#deps
    const { entry } = ledger
    const { carrier, delayMs } = from
    const place = placeOf(ref)
    if (entry.code === OUTCOME.rerouted && !this.#mayGoElsewhere(state, ref, carrier)) entry.code = OUTCOME.rejected
    const code = entry.code
    if (delayMs >= 0) this.#delays.set(ref, Math.max(delayMs, this.#delays.get(ref) ?? 0))
    if (code === OUTCOME.unanswered) {
      const hold = ledger.board.totals(state.job).dispatch?.onUnanswered === 'hold'
      entry.status = hold ? 1 : 0
      carrier.unanswered(hold ? 'hold' : 'resend').add(1)
      this.#entered(state, carrier)
    }
    ledger.record(state, entry)
    if (code !== OUTCOME.rejected) state.comeback[place] = graver(state.comeback[place]!, code)
  }

  /** Not when this carrier has some of its parts: the rest cannot be joined to them elsewhere. */
  #mayGoElsewhere(state: BlockState, ref: MessageRef, carrier: Carrier): boolean {
    if (state.taken(placeOf(ref)) !== 0) return false
    const lane = this.#deps.ledger.board.lane(state.job, state.route)
    return lane !== null && this.#deps.seating.sendOn(lane, ref, carrier.number)
  }

  /** Every part of the attempt is settled. */
  #attemptEnded(state: BlockState, ref: MessageRef, end: { carrier: Carrier; nowMs: number }): void {
    const { ledger, seating } = this.#deps
    const place = placeOf(ref)
    const code = state.comeback[place]! as OutcomeCode
    state.comeback[place] = 0
    if (code !== 0 && state.states[place] === STATE.queued) {
      if (state.taken(place) !== 0) seating.pin(ref, end.carrier.number)
      if (this.#comesBack(state, ref, { ...end, code })) return
    }
    if (this.#delays.size > 0) this.#delays.delete(ref)
    seating.done(ledger.board.lane(state.job, state.route), ref)
  }

  /** Some parts have to go again. False: the message has ended instead. */
  #comesBack(state: BlockState, ref: MessageRef, end: { carrier: Carrier; code: OutcomeCode; nowMs: number }): boolean {
    const { ledger, waiting, random, seating } = this.#deps
    const { carrier, code, nowMs } = end
    const place = placeOf(ref)
    const lane = ledger.board.lane(state.job, state.route)
    if (code === OUTCOME.rerouted && state.taken(place) !== 0) return this.#refuseRest(state, ref, end)
    if (lane === null || lane.job.state === 'canceled') {
      ledger.record(state, ledger.own(OUTCOME.canceled, ref, nowMs))
      return false
    }
    const delayMs = this.#delays.get(ref) ?? retryDelayMs(code, state.attempts[place]!, random)
    this.#delays.delete(ref)
    if (delayMs < 0 || areUsedUp(code, state.attempts[place]!)) {
      ledger.fail(state, ref, 'RETRIES_EXHAUSTED', nowMs)
      return false
    }
    if (code !== OUTCOME.notSent) ledger.log.debug({ carrier: carrier.channel.id, code, delayMs }, 'goes again')
    if (delayMs > 0) waiting.push(nowMs + delayMs, ref)
    else seating.giveBack(lane, ref)
    return true
  }

  /** Another part was accepted after this one was sent on: the carrier's refusal stands. */
  #refuseRest(state: BlockState, ref: MessageRef, { carrier, nowMs }: { carrier: Carrier; nowMs: number }): false {
    const { ledger } = this.#deps
    const entry = ledger.own(OUTCOME.rejected, ref, nowMs)
    let part = 0
    while ((state.accepted[placeOf(ref)]! & (1 << part)) !== 0) part++
    entry.part = part
    entry.carrier = carrier.number
    entry.status = state.statuses[placeOf(ref)]!
    ledger.record(state, entry)
    return false
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
    entry.status = reports.status[row]!
    entry.flags = BY_RECEIPT
    told.source = reports.source[row]!
    told.destination = reports.destination[row]!
    told.byText = reports.part[row] === 1
    this.#count(channel, entry.code)
    receipts.receive(entry, told, carrier.receiptDelay)
    crashPoint('receipt-read')
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

  /** A subscriber's message is kept as it came; reading and joining its parts is the main thread's work. */
  #keepInbound(inbox: Inbox, nowMs: number): void {
    const { ledger, carriers, takesInbound, inboundKept } = this.#deps
    const reports = inbox.inbound
    inbox.inbound = []
    if (!takesInbound()) {
      for (const report of reports) this.#refuseInbound(report)
      return
    }
    const repliedBy = this.#talks.begin(carriers, nowMs)
    for (const { channel, inbound } of reports) {
      const carrier = carriers[channel]!.channel.id
      ledger.keepInbound(inbound, { carrier, atMs: nowMs, replied: repliedBy(inbound) })
      ledger.acknowledge({ channel, bind: inbound.bind, session: inbound.session, sequence: inbound.sequence })
    }
    ledger.whenDurable(inboundKept)
  }

  #keepPressed(inbox: Inbox, nowMs: number): void {
    const reports = inbox.pressed
    inbox.pressed = []
    for (const { channel, pressed } of reports) {
      this.#calls.pressed(pressed, { carrier: this.#deps.carriers[channel]!.channel.id, atMs: nowMs })
    }
    this.#deps.ledger.whenDurable(this.#deps.inboundKept)
  }

  /** ESME_RX_T_APPN (SMPP 3.4 §5.1.3): the carrier keeps it and delivers it again later (carriers.md 82). */
  #refuseInbound({ channel, inbound }: InboundReport): void {
    const carrier = this.#deps.carriers[channel]!
    carrier.channel.acknowledge(inbound.bind, inbound.session, inbound.sequence, false)
    carrier.inboundRefused.add(1)
  }
}

/** A late answer said so already: what became of another attempt at it means nothing. */
function wasAccepted(state: BlockState, place: number, part: number): boolean {
  return (state.taken(place) & (1 << part)) !== 0
}

/** Unanswered weighs most, since the part may have been sent; `notSent` least, since nothing happened. */
function graver(before: number, now: OutcomeCode): number {
  if (before === 0 || before === OUTCOME.notSent) return now
  return now === OUTCOME.notSent ? before : Math.max(before, now)
}
