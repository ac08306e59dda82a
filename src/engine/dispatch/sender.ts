/** From the pipeline to the channel: what is durably authorised leaves in order, as far as window and rate allow. */
import { isAddressKey } from '../base/address-key.js'
import type { Clock } from '../contract/clock.js'
import { blankMessage, blockOf, type MessageRef, type OutgoingMessage, placeOf, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { ReasonCode } from '../contract/reasons.js'
import type { BlockReader } from '../store/block.js'
import type { BlockState } from '../store/block-state.js'
import type { SuppressionCheck } from '../store/suppression-table.js'
import type { Carrier } from './carriers.js'
import type { Ledger } from './ledger.js'
import type { Seating } from './seating.js'
import { UNHEARD_MS } from './unheard.js'
import { hoursOfPlace } from './zone-hours.js'

/**
 * Parts that one carrier is handed in one turn of the loop. Its answers and receipts are read between two turns: with a whole large
 * window in one turn, receipts come so late to the next commit that the carrier's own window for them stands still.
 */
const SENT_AT_ONCE = 256

export class Sender {
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #seating: Seating
  readonly #message: OutgoingMessage = blankMessage()
  readonly #suppressions: SuppressionCheck | null

  /** `suppressions` null: nobody has opted out. */
  constructor(ledger: Ledger, clock: Clock, seating: Seating, suppressions: SuppressionCheck | null) {
    this.#ledger = ledger
    this.#clock = clock
    this.#seating = seating
    this.#suppressions = suppressions
  }

  /** Sends while there is capacity. `durable`: sequence of the last commit on disk. True: there is more to send at once. */
  send(carrier: Carrier, durable: number, monotonicMs: number): boolean {
    let sent = 0
    let capacity = carrier.channel.capacity(monotonicMs)
    carrier.hasRoom(capacity > 0)
    // After a start: whoever wrote STOP before it has not been heard yet.
    if (this.#suppressions !== null && !this.#suppressions.filter.isOpen) return false
    carrier.pacedUntil = Number.POSITIVE_INFINITY
    let turned = 0
    while (capacity > 0 && turned < carrier.pipeline.size) {
      if (carrier.pipeline.head(durable) < 0) return false
      if (sent >= SENT_AT_ONCE) return true
      if (this.#isPaced(carrier, monotonicMs)) {
        carrier.pipeline.turn()
        turned++
        continue
      }
      const parts = this.#sendNext(carrier, monotonicMs)
      if (parts < 0) return false
      sent += parts
      capacity -= parts
      if (capacity <= 0) capacity = carrier.channel.capacity(monotonicMs)
    }
    return false
  }

  /** The sender, job or account of the oldest one has used up its rate: others need not wait for it. */
  #isPaced(carrier: Carrier, monotonicMs: number): boolean {
    const ref = carrier.pipeline.next
    const paceMs = this.#ledger.board.hasPaces ? this.#paceWaitMs(ref, monotonicMs) : 0
    const waitMs = Math.max(this.#senderWaitMs(carrier, ref, monotonicMs), paceMs, this.#unheardMs(ref))
    if (waitMs > 0) carrier.pacedUntil = Math.min(carrier.pacedUntil, monotonicMs + waitMs)
    return waitMs > 0
  }

  /** Its recipient has just written, perhaps STOP. */
  #unheardMs(ref: MessageRef): number {
    const { unheard, residents } = this.#ledger
    if (unheard.size === 0 || this.#suppressions === null) return 0
    const reader = residents.body(blockOf(ref))
    return reader !== null && unheard.has(reader.number(placeOf(ref))) ? UNHEARD_MS : 0
  }

  #senderWaitMs({ channel }: Carrier, ref: MessageRef, monotonicMs: number): number {
    if (!channel.limitsSenders) return 0
    const reader = this.#ledger.residents.body(blockOf(ref))
    return reader === null ? 0 : channel.senderWaitMs(reader.from, monotonicMs)
  }

  /** The job first: room of the account is not saved for a message that its job holds back. */
  #paceWaitMs(ref: MessageRef, monotonicMs: number): number {
    const state = this.#ledger.residents.state(blockOf(ref))
    if (state === null) return 0
    const { pace, accountPace } = this.#ledger.board.totals(state.job)
    if (pace === null && accountPace === null) return 0
    const parts = state.parts[placeOf(ref)]! - ones(state.taken(placeOf(ref)))
    const jobMs = pace === null ? 0 : pace.waitMs(ref, parts, monotonicMs)
    return jobMs > 0 || accountPace === null ? jobMs : accountPace.waitMs(ref, parts, monotonicMs)
  }

  /** Parts handed over; 0: the message does not go after all; -1: the channel takes nothing now. */
  #sendNext(carrier: Carrier, monotonicMs: number): number {
    const ref = carrier.pipeline.next
    const state = this.#ledger.residents.state(blockOf(ref))
    const place = placeOf(ref)
    if (state === null || state.states[place] !== STATE.sending) {
      this.#shift(carrier)
      this.#overtaken(state, ref)
      return 0
    }
    if (this.#stopped(state)) {
      this.withdraw(carrier)
      return 0
    }
    const body = this.#ledger.residents.body(blockOf(ref))
    const message = this.#message
    if (body === null || !body.read(place, message)) {
      this.#end(carrier, state, 'RECORD_CORRUPT')
      this.#ledger.log.error({ block: blockOf(ref), place }, 'a stored record is damaged; its message failed')
      return 0
    }
    // Its recipient was erased while it waited: there is nobody to send it to.
    if (message.toLength === 0) {
      this.#cancel(carrier, state)
      return 0
    }
    if (this.#isOutside(body, place)) {
      this.withdraw(carrier)
      return 0
    }
    if (this.#suppressions !== null && this.#isSuppressed(this.#suppressions, body, place)) {
      this.#end(carrier, state, 'SUPPRESSED')
      return 0
    }
    message.ref = ref
    message.attempt = state.attempts[place]! - 1
    message.partsAccepted = state.taken(place)
    if (!carrier.channel.send(message, monotonicMs)) return -1
    this.#shift(carrier)
    const parts = message.partCount - ones(message.partsAccepted)
    state.inFlight[place] = parts
    state.inFlightTotal += parts
    carrier.pipeline.handed += parts
    if (this.#ledger.board.hasPaces) this.#notePace(state, parts, monotonicMs)
    return parts
  }

  /** Asked at the last moment, so also of what was accepted, put off or tried before the number was suppressed. */
  #isSuppressed(suppressions: SuppressionCheck, body: BlockReader, place: number): boolean {
    const { account, from } = body
    const number = body.number(place)
    // Whether it stands in the table is for the exact address to say: keys of addresses are not exact.
    const isListed = isAddressKey(number)
      ? suppressions.hasAddress(account, number, { from, address: body.address(place)! })
      : suppressions.has(account, number, from)
    if (!isListed) return false
    return this.#ledger.board.totals(body.job).dispatch?.passesSuppressions !== true
  }

  /**
   * Of a message that was handed to a channel which has something to do before it begins: false where its job was stopped,
   * its hours or its validity have ended, or its recipient has opted out meanwhile. The channel then gives it back.
   */
  mayStillGo(ref: MessageRef): boolean {
    const state = this.#ledger.residents.state(blockOf(ref))
    const body = this.#ledger.residents.body(blockOf(ref))
    if (state === null || body === null || this.#stopped(state)) return false
    const place = placeOf(ref)
    const expires = body.expiresSeconds(place)
    if (expires !== 0 && expires * 1000 <= this.#clock.now()) return false
    return this.#unheardMs(ref) === 0 && this.mayGoOn(ref)
  }

  mayGoOn(ref: MessageRef): boolean {
    const body = this.#ledger.residents.body(blockOf(ref))
    if (body === null) return true
    const place = placeOf(ref)
    if (this.#ledger.board.totals(body.job).isShut) return false
    if (this.#isOutside(body, place)) return false
    return this.#suppressions === null || !this.#isSuppressed(this.#suppressions, body, place)
  }

  /** The oldest one is not sent, for a reason of our own. */
  #end(carrier: Carrier, state: BlockState, reason: ReasonCode): void {
    const ref = this.#shift(carrier)
    this.#ledger.fail(state, ref, reason, this.#clock.now())
    this.#seating.done(this.#ledger.board.lane(state.job, state.route), ref)
  }

  #cancel(carrier: Carrier, state: BlockState): void {
    const ref = this.#shift(carrier)
    this.#ledger.record(state, this.#ledger.own(OUTCOME.canceled, ref, this.#clock.now()))
    this.#seating.done(this.#ledger.board.lane(state.job, state.route), ref)
  }

  #stopped(state: BlockState): boolean {
    const { dispatch, isShut } = this.#ledger.board.totals(state.job)
    return dispatch?.state !== 'running' || isShut
  }

  /** The hours in the recipient's zone have ended since it was let in. */
  #isOutside(body: BlockReader, place: number): boolean {
    const { zoned } = this.#ledger.board.totals(body.job)
    return zoned !== null && !hoursOfPlace(zoned, body, place, this.#clock.now()).isOpen
  }

  /** A late answer settled it while it waited to go again: later ones of its recipient need not wait for it. */
  #overtaken(state: BlockState | null, ref: MessageRef): void {
    if (state !== null) this.#seating.done(this.#ledger.board.lane(state.job, state.route), ref)
  }

  #notePace({ job }: BlockState, parts: number, monotonicMs: number): void {
    const { pace, accountPace } = this.#ledger.board.totals(job)
    pace?.sent(parts, monotonicMs)
    accountPace?.sent(parts, monotonicMs)
  }

  #leavePace(ref: MessageRef): void {
    const state = this.#ledger.residents.state(blockOf(ref))
    if (state === null) return
    const { pace, accountPace } = this.#ledger.board.totals(state.job)
    pace?.left(ref, state.parts[placeOf(ref)]!)
    accountPace?.left(ref, state.parts[placeOf(ref)]!)
  }

  #shift(carrier: Carrier): MessageRef {
    const ref = carrier.pipeline.shift()
    if (this.#ledger.board.hasPaces) this.#leavePace(ref)
    if (!carrier.channel.limitsSenders) return ref
    const reader = this.#ledger.residents.body(blockOf(ref))
    if (reader !== null) carrier.senderLeft(reader.from, reader.partCount(placeOf(ref)))
    return ref
  }

  /** Takes the oldest authorisation back: the message is queued again, at the front of its lane. */
  withdraw(carrier: Carrier): void {
    const ref = this.#shift(carrier)
    const state = this.#ledger.residents.state(blockOf(ref))
    const place = placeOf(ref)
    if (state === null || state.states[place] !== STATE.sending) {
      this.#overtaken(state, ref)
      return
    }
    const run = { place, count: 1, carrier: carrier.number, atMs: this.#clock.now() }
    this.#ledger.recordRun(state, OUTCOME.withdrawn, run)
    const totals = this.#ledger.board.totals(state.job)
    if (totals.dispatch?.state === 'canceled') {
      this.#ledger.record(state, this.#ledger.own(OUTCOME.canceled, ref, this.#clock.now()))
    } else {
      const lane = this.#ledger.board.lane(state.job, state.route)
      if (lane !== null) this.#seating.giveBack(lane, ref)
    }
  }

  /** What is authorised of a job and was not handed over goes back; what others have ahead keeps its order. */
  withdrawJob(carrier: Carrier, job: number): void {
    for (let n = carrier.pipeline.size; n > 0; n--) {
      const ref = carrier.pipeline.head(Number.POSITIVE_INFINITY) as MessageRef
      if (this.#ledger.residents.state(blockOf(ref))?.job === job) this.withdraw(carrier)
      else carrier.pipeline.turn()
    }
  }

  withdrawAll(carrier: Carrier): void {
    while (carrier.pipeline.size > 0) this.withdraw(carrier)
  }
}

function ones(bits: number): number {
  let count = 0
  for (let rest = bits >>> 0; rest !== 0; rest &= rest - 1) count++
  return count
}
