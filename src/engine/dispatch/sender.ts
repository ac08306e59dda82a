/** From the pipeline to the channel: what is durably authorised leaves in order, as far as window and rate allow. */
import type { Clock } from '../contract/clock.js'
import { blankMessage, blockOf, type MessageRef, type OutgoingMessage, placeOf, STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { BlockState } from '../store/block-state.js'
import type { Carrier } from './carriers.js'
import type { Ledger } from './ledger.js'
import type { Seating } from './seating.js'

export class Sender {
  readonly #ledger: Ledger
  readonly #clock: Clock
  readonly #seating: Seating
  readonly #message: OutgoingMessage = blankMessage()

  constructor(ledger: Ledger, clock: Clock, seating: Seating) {
    this.#ledger = ledger
    this.#clock = clock
    this.#seating = seating
  }

  /** Sends while there is capacity. `durable`: sequence of the last commit on disk. */
  send(carrier: Carrier, durable: number, monotonicMs: number): void {
    let capacity = carrier.channel.capacity(monotonicMs)
    carrier.hasRoom(capacity > 0)
    carrier.senderDueAt = Number.POSITIVE_INFINITY
    let turned = 0
    while (capacity > 0 && turned < carrier.pipeline.size) {
      if (carrier.pipeline.head(durable) < 0) return
      if (this.#waitsForSender(carrier, monotonicMs)) {
        carrier.pipeline.turn()
        turned++
        continue
      }
      const parts = this.#sendNext(carrier, monotonicMs)
      if (parts < 0) return
      capacity -= parts
      if (capacity <= 0) capacity = carrier.channel.capacity(monotonicMs)
    }
  }

  /** The oldest one's sender has used up its rate: others need not wait for it. */
  #waitsForSender(carrier: Carrier, monotonicMs: number): boolean {
    const { channel, pipeline } = carrier
    if (!channel.limitsSenders) return false
    const reader = this.#ledger.residents.body(blockOf(pipeline.head(Number.POSITIVE_INFINITY) as MessageRef))
    const waitMs = reader === null ? 0 : channel.senderWaitMs(reader.from, monotonicMs)
    if (waitMs > 0) carrier.senderDueAt = Math.min(carrier.senderDueAt, monotonicMs + waitMs)
    return waitMs > 0
  }

  /** Parts handed over; 0: the message does not go after all; -1: the channel takes nothing now. */
  #sendNext(carrier: Carrier, monotonicMs: number): number {
    const ref = carrier.pipeline.head(Number.POSITIVE_INFINITY) as MessageRef
    const state = this.#ledger.residents.state(blockOf(ref))
    const place = placeOf(ref)
    if (state === null || state.states[place] !== STATE.sending) {
      this.#shift(carrier)
      return 0
    }
    if (this.#stopped(state)) {
      this.withdraw(carrier)
      return 0
    }
    const body = this.#ledger.residents.body(blockOf(ref))
    const message = this.#message
    if (body === null || !body.read(place, message)) {
      this.#shift(carrier)
      this.#ledger.fail(state, ref, 'RECORD_CORRUPT', this.#clock.now())
      this.#seating.done(this.#ledger.board.lane(state.job, state.route), ref)
      this.#ledger.log.error({ block: blockOf(ref), place }, 'a stored record is damaged; its message failed')
      return 0
    }
    message.ref = ref
    message.attempt = state.attempts[place]! - 1
    message.partsAccepted = state.accepted[place]!
    if (!carrier.channel.send(message, monotonicMs)) return -1
    this.#shift(carrier)
    const parts = message.partCount - ones(message.partsAccepted)
    state.inFlight[place] = parts
    state.inFlightTotal += parts
    carrier.pipeline.handed += parts
    return parts
  }

  #stopped(state: BlockState): boolean {
    return this.#ledger.board.totals(state.job).dispatch?.state !== 'running'
  }

  #shift(carrier: Carrier): MessageRef {
    const ref = carrier.pipeline.shift()
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
    if (state === null || state.states[place] !== STATE.sending) return
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

  withdrawAll(carrier: Carrier): void {
    while (carrier.pipeline.size > 0) this.withdraw(carrier)
  }
}

function ones(bits: number): number {
  let count = 0
  for (let rest = bits >>> 0; rest !== 0; rest &= rest - 1) count++
  return count
}
