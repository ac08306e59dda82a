/**
 * What became of the messages of one claimed block: typed arrays by place and the history of entries.
 *
 * `apply` is the only way to change it, by the same function when an outcome happens and when the log is replayed, so
 * both come to the same state. Stored as a snapshot: 0 u32 CRC-32C of the rest · 4 u16 messages · 6 u16 0 · 8 f64 log
 * sequence that it stands for · 16 f64 job · 24 u32 route · then the arrays · then the history.
 */
import { reasonOfFacts } from '../base/call-facts.js'
import { crc32c } from '../base/crc32c.js'
import { EngineError } from '../contract/errors.js'
import { STATE } from '../contract/message.js'
import { OUTCOME } from '../contract/outcome.js'
import type { BlockReader } from './block.js'
import {
  ANSWERED,
  BY_RECEIPT,
  type Entry,
  KEEPS_ATTEMPT,
  NO_CARRIER,
  RECEIPT_EXPECTED,
  RECEIPT_POSSIBLE,
  WHOLE_MESSAGE,
} from './entry.js'
import { History } from './history.js'
import { OpenParts } from './open-parts.js'
import { REASON, stateOfCall } from './state-reasons.js'

export const STATE_HEAD_BYTES = 28
/** states, reasons, attempts, final, parts: one octet each; statuses, accepted, receipted: four. */
const BYTES_PER_MESSAGE = 5 + 3 * 4
const MAY_HAVE_RECEIPT = RECEIPT_EXPECTED | RECEIPT_POSSIBLE

export class BlockState {
  readonly block: number
  readonly count: number
  readonly job: number
  readonly route: number
  readonly states: Uint8Array
  readonly reasons: Uint8Array
  readonly attempts: Uint8Array
  /** 1: nothing more is expected of this message. */
  readonly final: Uint8Array
  readonly parts: Uint8Array
  readonly statuses: Uint32Array
  /** Bit n: part n was accepted by a carrier. */
  readonly accepted: Uint32Array
  /** Bit n: part n was delivered by its receipt. */
  readonly receipted: Uint32Array
  /** Parts handed to a channel and not settled. In memory only. */
  readonly inFlight: Uint8Array
  inFlightTotal = 0
  /** Gravest outcome of the attempt under way that sends the message back; 0 = none. In memory only. */
  readonly comeback: Uint8Array
  readonly open: OpenParts
  /** Log sequence up to which entries are in the arrays. */
  sequence = 0
  dirty = false
  /** Messages that are final. */
  #ended = 0
  readonly #history: History

  constructor(block: number, head: { count: number; job: number; route: number }) {
    const { count } = head
    this.block = block
    this.count = count
    this.job = head.job
    this.route = head.route
    this.states = new Uint8Array(count)
    this.reasons = new Uint8Array(count)
    this.attempts = new Uint8Array(count)
    this.final = new Uint8Array(count)
    this.parts = new Uint8Array(count)
    this.inFlight = new Uint8Array(count)
    this.comeback = new Uint8Array(count)
    this.open = new OpenParts(count)
    this.statuses = new Uint32Array(count)
    this.accepted = new Uint32Array(count)
    this.receipted = new Uint32Array(count)
    this.#history = new History(count)
  }

  /** The state of a block that was never claimed: all queued, marked duplicates taken out. */
  static fresh(block: number, reader: BlockReader, marks: Buffer | null): BlockState {
    const state = new BlockState(block, reader)
    for (let place = 0; place < reader.count; place++) {
      state.parts[place] = reader.partCount(place)
      if (marks !== null && (marks[place >> 3]! & (1 << (place & 7))) !== 0) state.skip(place)
    }
    return state
  }

  /** True when every message is final: the block needs no more work. */
  get done(): boolean {
    return this.#ended === this.count
  }

  #finish(place: number): void {
    if (this.final[place] === 1) return
    this.final[place] = 1
    this.#ended++
  }

  /** A late answer settles a message whose end was unknown. */
  #reopen(place: number): void {
    this.#ended -= this.final[place]!
    this.final[place] = 0
  }

  /** True while a receipt may still come for a message that is final as `sent`. */
  get awaitsLate(): boolean {
    if (!this.states.includes(STATE.sent)) return false
    let awaits = false
    this.eachEntry(({ code, flags, place }) => {
      if (code === OUTCOME.accepted && (flags & MAY_HAVE_RECEIPT) !== 0 && this.states[place] === STATE.sent)
        awaits = true
    })
    return awaits
  }

  /** True while some message has not been sent (again): the body is still needed. */
  get unsent(): boolean {
    for (let place = 0; place < this.count; place++) if (this.states[place]! <= STATE.sending) return true
    return false
  }

  /** Takes a place out that duplicate detection marked. */
  skip(place: number): void {
    this.states[place] = STATE.duplicate
    this.#finish(place)
  }

  /** Changes the state as the entry says and keeps it in the history. Final is final; what comes later is history only. */
  apply(entry: Entry): void {
    this.dirty = true
    const { code } = entry
    if (code === OUTCOME.authorised || code === OUTCOME.withdrawn || code === OUTCOME.due) {
      this.#applyRun(entry)
      return
    }
    this.open.note(entry)
    this.#history.keep(entry)
    const place = entry.place
    switch (entry.code) {
      case OUTCOME.accepted:
        this.#accept(place, entry)
        break
      case OUTCOME.throttled:
      case OUTCOME.notSent:
        if (this.attempts[place]! > 0) this.attempts[place]!--
        this.#comeBack(place)
        break
      case OUTCOME.unavailable:
      case OUTCOME.rerouted:
        this.#comeBack(place)
        this.statuses[place] = entry.status
        if ((entry.flags & KEEPS_ATTEMPT) !== 0 && this.attempts[place]! > 0) this.attempts[place]!--
        break
      case OUTCOME.heard:
      case OUTCOME.unheard:
      case OUTCOME.putOff:
        this.#called(place, entry)
        break
      case OUTCOME.unanswered:
        this.#unanswered(place, entry)
        break
      case OUTCOME.delivered:
        this.#delivered(place, entry.part)
        break
      case OUTCOME.settled:
        this.#settle(place, entry.attempt)
        break
      default:
        this.#conclude(place, entry)
    }
  }

  #applyRun(entry: Entry): void {
    const authorised = entry.code === OUTCOME.authorised
    if (entry.code === OUTCOME.due) {
      this.#queueAgain(entry)
      return
    }
    for (let place = entry.place; place < entry.place + entry.status; place++) {
      if (authorised) {
        this.open.begin(place, allBits(this.parts[place]!) & ~this.taken(place))
        this.states[place] = STATE.sending
        if (this.attempts[place]! < 255) this.attempts[place]!++
      } else if (this.states[place] === STATE.sending) {
        this.states[place] = STATE.queued
        this.open.begin(place, 0)
        if (this.attempts[place]! > 0) this.attempts[place]!--
      }
    }
  }

  #queueAgain(entry: Entry): void {
    for (let place = entry.place; place < entry.place + entry.status; place++) {
      if (this.states[place] !== STATE.scheduled) continue
      this.states[place] = STATE.queued
      this.reasons[place] = 0
    }
  }

  /** A call is over. One that was answered counts as sent, however often the number is called again. */
  #called(place: number, entry: Entry): void {
    if (entry.code === OUTCOME.heard || (entry.flags & ANSWERED) !== 0) this.accepted[place]! |= 1
    if ((entry.flags & KEEPS_ATTEMPT) !== 0 && this.attempts[place]! > 0) this.attempts[place]!--
    if (!this.#open(place)) return
    const reason = reasonOfFacts(entry.error)
    if (entry.code === OUTCOME.heard) {
      this.receipted[place]! |= 1
      this.#end(place, STATE.delivered, 0)
      return
    }
    this.statuses[place] = entry.status
    if (entry.code === OUTCOME.unheard) this.#end(place, stateOfCall(reason), reason)
    else if (this.states[place] === STATE.sending) {
      this.states[place] = STATE.scheduled
      this.reasons[place] = reason
    }
  }

  #accept(place: number, entry: Entry): void {
    this.accepted[place]! |= 1 << entry.part
    const isOpen = this.final[place] === 0 || this.states[place] === STATE.unknown
    if (!isOpen || !this.allAccepted(place)) {
      this.#comeBack(place)
      return
    }
    this.#reopen(place)
    this.states[place] = STATE.sent
    this.reasons[place] = 0
    if ((entry.flags & RECEIPT_EXPECTED) === 0) this.#finish(place)
    else if (this.#allDelivered(place)) this.#end(place, STATE.delivered, 0)
  }

  /** Every part of the attempt is settled, and some have to go again. */
  #comeBack(place: number): void {
    if (this.states[place] === STATE.sending && this.open.of(place) === 0) this.states[place] = STATE.queued
  }

  allAccepted(place: number): boolean {
    return this.accepted[place]! >>> 0 === allBits(this.parts[place]!)
  }
  /** Parts that need not go again: of a call that was answered and is made again none. */
  taken(place: number): number {
    const accepted = this.accepted[place]!
    return accepted !== 0 && this.states[place]! <= STATE.sending && this.allAccepted(place) ? 0 : accepted
  }
  #allDelivered(place: number): boolean {
    return this.receipted[place]! >>> 0 === allBits(this.parts[place]!)
  }

  /** `status` 1: the lane's policy is hold, the message becomes unknown; 0: it goes back to its lane. */
  #unanswered(place: number, entry: Entry): void {
    if (this.final[place] === 1) return
    if (entry.status === 1) this.#end(place, STATE.unknown, REASON.unanswered)
    else this.#comeBack(place)
  }

  /** Of an unknown message; `queued` sends again what no carrier has accepted. */
  #settle(place: number, to: number): void {
    if (this.states[place] !== STATE.unknown) return
    if (to !== STATE.queued) {
      this.#end(place, to, REASON.settled)
      return
    }
    this.#reopen(place)
    this.states[place] = STATE.queued
    this.reasons[place] = 0
  }

  #delivered(place: number, part: number): void {
    this.receipted[place]! |= 1 << part
    if (!this.#open(place) || !this.#allDelivered(place)) return
    this.#end(place, STATE.delivered, 0)
  }

  /** A receipt still counts for messages that wait, that timed out waiting, and for unknown ones. */
  #open(place: number): boolean {
    const state = this.states[place]!
    return this.final[place] === 0 || state === STATE.sent || state === STATE.unknown
  }

  #conclude(place: number, entry: Entry): void {
    const byReceipt = entry.idLength > 0 || entry.carrier !== NO_CARRIER
    if (!this.#open(place)) return
    switch (entry.code) {
      case OUTCOME.undelivered:
        this.#end(place, STATE.undelivered, REASON.undelivered)
        break
      case OUTCOME.expired:
        this.#end(place, STATE.expired, byReceipt ? REASON.receiptExpired : REASON.validity)
        break
      case OUTCOME.canceled:
        this.#end(place, STATE.canceled, REASON.canceled)
        break
      case OUTCOME.noReceipt:
        this.reasons[place] = REASON.noReceipt
        this.#finish(place)
        break
      case OUTCOME.rejected:
        if ((entry.flags & BY_RECEIPT) === 0) this.statuses[place] = entry.status
        this.#end(place, STATE.failed, this.#refusal(entry))
        break
    }
  }

  /** Our own reason for the whole message, a receipt that says so later, or the carrier's answer. */
  #refusal(entry: Entry): number {
    if (entry.part === WHOLE_MESSAGE) return entry.attempt
    return (entry.flags & BY_RECEIPT) !== 0 ? REASON.receiptRejected : REASON.rejected
  }

  #end(place: number, state: number, reason: number): void {
    this.states[place] = state
    this.reasons[place] = reason
    this.#finish(place)
  }

  redact(place: number): void {
    this.#history.redact(place)
    this.dirty = true
  }

  /** Gives the history's memory back for another block; the state must not be used any more. */
  dispose(): void {
    this.#history.dispose()
  }

  #findOpen(): void {
    const settled = new Uint32Array(this.count)
    this.eachEntry((entry) => OpenParts.read(entry, settled))
    for (let place = 0; place < this.count; place++) {
      if (this.states[place] !== STATE.sending) continue
      this.open.begin(place, allBits(this.parts[place]!) & ~this.taken(place) & ~settled[place]!)
    }
  }

  /** Calls `see` with each entry in order; the entry object is reused. */
  eachEntry(see: (entry: Entry) => void): void {
    this.#history.each(see)
  }

  /** LMDB's put is zero-copy: what `allocate` gives must stay untouched until the commit. */
  encode(allocate: (size: number) => Buffer = Buffer.allocUnsafeSlow): Buffer {
    const { count } = this
    const bytes = allocate(STATE_HEAD_BYTES + count * BYTES_PER_MESSAGE + this.#history.length)
    bytes.writeUInt16LE(count, 4)
    bytes.writeUInt16LE(0, 6)
    bytes.writeDoubleLE(this.sequence, 8)
    bytes.writeDoubleLE(this.job, 16)
    bytes.writeUInt32LE(this.route, 24)
    let at = STATE_HEAD_BYTES
    for (const octets of [this.states, this.reasons, this.attempts, this.final, this.parts]) {
      bytes.set(octets, at)
      at += count
    }
    for (const words of [this.statuses, this.accepted, this.receipted]) {
      bytes.set(new Uint8Array(words.buffer), at)
      at += count * 4
    }
    this.#history.copyTo(bytes, at)
    bytes.writeUInt32LE(crc32c(bytes, 4, bytes.length), 0)
    return bytes
  }

  /** @throws EngineError STORE_CORRUPT. */
  static decode(block: number, bytes: Buffer): BlockState {
    if (bytes.length < STATE_HEAD_BYTES || crc32c(bytes, 4, bytes.length) !== bytes.readUInt32LE(0)) {
      throw new EngineError('STORE_CORRUPT', `the state of block ${block} does not match its checksum`)
    }
    const head = { count: bytes.readUInt16LE(4), job: bytes.readDoubleLE(16), route: bytes.readUInt32LE(24) }
    const state = new BlockState(block, head)
    state.sequence = bytes.readDoubleLE(8)
    let at = STATE_HEAD_BYTES
    for (const octets of [state.states, state.reasons, state.attempts, state.final, state.parts]) {
      octets.set(bytes.subarray(at, at + state.count))
      at += state.count
    }
    for (const words of [state.statuses, state.accepted, state.receipted]) {
      new Uint8Array(words.buffer).set(bytes.subarray(at, at + state.count * 4))
      at += state.count * 4
    }
    for (const final of state.final) state.#ended += final
    state.#history.load(bytes, at)
    if (state.states.includes(STATE.sending)) state.#findOpen()
    return state
  }
}

function allBits(parts: number): number {
  return parts === 32 ? 0xffffffff : (2 ** parts - 1) >>> 0
}
