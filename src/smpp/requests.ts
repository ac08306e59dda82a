/**
 * The submits of one session from first octet to settlement: each part settles exactly once, by its response, by
 * time-out, or when the session ends.
 */
import { crashPoint } from '../engine/base/crash-point.js'
import { limits } from '../engine/contract/limits.js'
import type { MessageRef, OutgoingMessage } from '../engine/contract/message.js'
import { OUTCOME, type OutcomeCode, type Settlement } from '../engine/contract/outcome.js'
import type { CarrierContext } from './carrier-context.js'
import { responseText, type Span, trimSpan } from './decode.js'
import { Window } from './window.js'
import type { Writer } from './writer.js'

const NO_ID = Buffer.alloc(0)

/** The head of a response, and when it came. */
export interface Answer {
  status: number
  sequence: number
  nowMs: number
}

export interface RequestsOwner {
  settled(settlement: Settlement): void
  /** A submit that was handed over at `sentAtMs` was answered. */
  answered(sentAtMs: number, nowMs: number): void
}

export class Requests {
  #context: CarrierContext
  #writer: Writer
  #window: Window
  #owner: RequestsOwner
  /** Filled anew for each call, as the sink's contract allows. */
  #settlement: Settlement
  #text: Span = { start: 0, length: 0 }
  /** When the last answer came to any request. */
  #answeredAt = Number.NEGATIVE_INFINITY
  #isDoubtful = false
  /** By sequence number: settled as unanswered, oldest first. */
  readonly #late = new Map<number, { ref: MessageRef; part: number; span: number }>()

  constructor(context: CarrierContext, writer: Writer, bind: number, owner: RequestsOwner) {
    this.#context = context
    this.#writer = writer
    this.#window = new Window(context.window, context.firstSequence)
    this.#owner = owner
    this.#settlement = {
      bind,
      ref: 0 as MessageRef,
      part: 0,
      code: OUTCOME.accepted,
      status: 0,
      delayMs: -1,
      id: NO_ID,
      idStart: 0,
      idLength: 0,
    }
  }

  get inFlight(): number {
    return this.#window.inFlight
  }

  /**
   * A request ran out of time, and nothing was answered since it was sent: the other end may stand still, and find all of it
   * when it goes on. So one request at a time is risked until an answer comes.
   */
  get isDoubtful(): boolean {
    return this.#isDoubtful
  }

  /** Monotonic ms at which a request for this message was sent that is in flight; -1: none is. */
  sentAtOf(ref: MessageRef): number {
    return this.#window.sentAtOf(ref)
  }

  /** A sequence number for a request that is no submit. */
  sequence(): number {
    return this.#window.sequence()
  }

  resize(window: number): void {
    this.#window.resize(window)
  }

  /** Encodes one part (all parts when the carrier takes them joined) and opens its slot. */
  submit(message: OutgoingMessage, part: number, nowMs: number): void {
    const { encoder } = this.#context
    // Room first: making it may write what is there, and the slot must bear the batch its own octets go out with.
    this.#writer.reserve(encoder.roomFor(message, part))
    const slot = this.#window.open(message.ref, part, nowMs, this.#writer.batch)
    if (encoder.joinsParts(message)) this.#window.widen(slot, message.partCount)
    encoder.write(this.#writer, message, part, this.#window.sequenceAt(slot))
    crashPoint('submit-encoded')
  }

  /** submit_sm_resp at bytes[start, end), or nothing for a generic_nack. null: nothing of this sequence number waits. */
  answer(bytes: Buffer, start: number, end: number, answer: Answer): OutcomeCode | null {
    const { status, nowMs } = answer
    this.#answeredAt = nowMs
    this.#isDoubtful = false
    const { metrics, rate, outcomes, actions } = this.#context
    const slot = this.#window.find(answer.sequence)
    if (slot < 0) {
      if (!this.#answerLate(bytes, start, end, answer)) metrics.unmatched()
      return null
    }
    const { code, delayMs, throttles, rule } = outcomes.verdict(status, bytes, start, end)
    const sentAtMs = this.#window.sentAt(slot)
    metrics.answered(status, nowMs - sentAtMs, throttles)
    rate.answered(throttles, sentAtMs, nowMs)
    if (rule !== null) actions.note(rule, nowMs)
    this.#owner.answered(sentAtMs, nowMs)
    if (code === OUTCOME.accepted) this.#takeId(bytes, start, end)
    this.#settlement.delayMs = delayMs
    this.#close(slot, code, status)
    this.#settlement.idLength = 0
    this.#settlement.delayMs = -1
    return code
  }

  /** Time at which the request of this sequence number was handed over; -1 when none waits. */
  sentAt(sequence: number): number {
    const slot = this.#window.find(sequence)
    return slot < 0 ? -1 : this.#window.sentAt(slot)
  }

  /** A response that comes after its time-out, in this session: told as such. False: nothing of this sequence number. */
  #answerLate(bytes: Buffer, start: number, end: number, { status, sequence }: Answer): boolean {
    const request = this.#late.get(sequence)
    if (request === undefined) return false
    this.#late.delete(sequence)
    const settlement = this.#settlement
    settlement.code = this.#context.outcomes.verdict(status, bytes, start, end).code
    settlement.status = status
    settlement.ref = request.ref
    if (settlement.code === OUTCOME.accepted) this.#takeId(bytes, start, end)
    for (let n = 0; n < request.span; n++) {
      settlement.part = request.part + n
      this.#context.sink.answeredLate(settlement)
    }
    settlement.idLength = 0
    return true
  }

  /** Settles as unanswered what waits since before `beforeMs`, and frees its slots. Returns how many. */
  expire(beforeMs: number): number {
    let expired = 0
    for (let slot = this.#window.oldest(); slot >= 0; slot = this.#window.oldest()) {
      const sentAt = this.#window.sentAt(slot)
      if (sentAt > beforeMs) break
      if (sentAt >= this.#answeredAt) this.#isDoubtful = true
      this.#remember(slot)
      this.#close(slot, OUTCOME.unanswered, 0)
      expired++
    }
    return expired
  }

  /** Responses come late, too: the oldest ones are not waited for any more when there are many. */
  #remember(slot: number): void {
    const window = this.#window
    const ref = window.refAt(slot) as MessageRef
    this.#late.set(window.sequenceAt(slot), { ref, part: window.partAt(slot), span: window.spanAt(slot) })
    if (this.#late.size <= limits.windowMax) return
    for (const sequence of this.#late.keys()) {
      this.#late.delete(sequence)
      return
    }
  }

  /** The session is over: what the socket never got is notSent, the rest unanswered. The writer is emptied. */
  abandon(): void {
    const unwritten = this.#writer.batch
    this.#writer.discard()
    for (let slot = this.#window.oldest(); slot >= 0; slot = this.#window.oldest()) {
      this.#close(slot, this.#window.batchAt(slot) === unwritten ? OUTCOME.notSent : OUTCOME.unanswered, 0)
    }
  }

  #close(slot: number, code: OutcomeCode, status: number): void {
    const settlement = this.#settlement
    const part = this.#window.partAt(slot)
    const span = this.#window.spanAt(slot)
    settlement.ref = this.#window.refAt(slot) as MessageRef
    settlement.code = code
    settlement.status = status
    this.#window.close(slot)
    for (let n = 0; n < span; n++) {
      settlement.part = part + n
      this.#owner.settled(settlement)
    }
  }

  /** As received, but for padding. One that is longer than any carrier's is none: its receipt could not be told (carriers.md 20). */
  #takeId(bytes: Buffer, start: number, end: number): void {
    responseText(bytes, start, end, this.#text)
    trimSpan(bytes, this.#text)
    const { length } = this.#text
    this.#settlement.id = bytes
    this.#settlement.idStart = this.#text.start
    this.#settlement.idLength = length > limits.carrierIdBytes ? 0 : length
  }
}
