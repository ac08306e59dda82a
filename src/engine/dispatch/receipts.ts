/** Receipts and the index that finds their message: joined when they match, parked durably when they do not (yet). */
import assert from 'node:assert'
import { limits } from '../contract/limits.js'
import type { Log } from '../contract/log.js'
import { blockOf, type MessageRef, messageRef, placeOf, STATE } from '../contract/message.js'
import type { Histogram } from '../contract/metrics.js'
import { OUTCOME, type OutcomeCode } from '../contract/outcome.js'
import type { BlockState } from '../store/block-state.js'
import { type Entry, NO_ID } from '../store/entry.js'
import { type Orphan, Orphans } from '../store/orphans.js'
import { type Fingerprint, type Found, ReceiptIndex } from '../store/receipt-index.js'
import { ReceiptSegments } from '../store/receipt-segments.js'
import type { Ledger } from './ledger.js'

const ORPHAN_AGE_MS = 72 * 3_600_000
const FORGET_AT_ONCE = 500
/** In the index: several parts of one message bear this id, as with carriers that give one id and one receipt a message. */
const ALL_PARTS = 0x7f
assert(limits.partsPerMessage <= ALL_PARTS, 'a part number fits seven bits beside it')
const DELAY_SAMPLE = 64

export class Receipts {
  readonly #ledger: Ledger
  #index = new ReceiptIndex()
  /** Full tables whose segment is not on disk yet. */
  readonly #retiring = new Set<ReceiptIndex>()
  readonly #segments: ReceiptSegments
  readonly #orphans: Orphans
  readonly #found: Found = { ref: 0 as MessageRef, part: 0 }
  readonly #log: Log
  #applied = 0

  constructor(ledger: Ledger, log: Log) {
    this.#ledger = ledger
    this.#log = log
    this.#segments = new ReceiptSegments(ledger.store.environment)
    this.#orphans = new Orphans(ledger.store.environment)
  }

  /** At start: the index is rebuilt by `await` from the open blocks. */
  load(): void {
    this.#segments.clear()
    this.#orphans.load((orphan) => this.#printOf(orphan))
  }

  /** Receipts of the carrier that match no message (yet). */
  unmatched(carrier: number): number {
    return this.#orphans.count(carrier)
  }

  #printOf(orphan: Orphan): Fingerprint {
    const id = Buffer.from(orphan.id, 'latin1')
    return this.#index.fingerprint(orphan.carrier, id, 0, id.length)
  }

  /** The part's id is known now: a receipt under it belongs to the part. Receipts that came before are joined at once. */
  awaitReceipt(state: BlockState, entry: Entry): void {
    if (entry.idLength === 0) return
    const print = this.#index.fingerprint(entry.carrier, entry.id, entry.idStart, entry.idLength)
    const others = this.#await(print, state, entry)
    if (this.#orphans.size > 0) this.#join(print, state, entry)
    // The receipt of its id came before this part's own response.
    if ((state.receipted[entry.place]! & others) !== 0) this.#deliver(state, entry, entry.part)
  }

  /** Returns the parts that had the id before, as bits. */
  #await(print: Fingerprint, state: BlockState, { place, part }: Entry): number {
    const ref = messageRef(state.block, place)
    const several = state.parts[place]! > 1 && this.#isSharedBy(print, ref, part)
    this.#insert(print, ref, several ? ALL_PARTS : part)
    if (!several) return 0
    return (this.#found.part === ALL_PARTS ? state.accepted[place]! : 1 << this.#found.part) & ~(1 << part)
  }

  #deliver(state: BlockState, { place, carrier, bind, atMs }: Entry, part: number): void {
    const entry = this.#ledger.own(OUTCOME.delivered, messageRef(state.block, place), atMs)
    entry.part = part
    entry.carrier = carrier
    entry.bind = bind
    this.#ledger.record(state, entry)
  }

  /** At start, from the history of an open block: awaits the receipts of its accepted parts again. */
  reawait(state: BlockState): void {
    state.eachEntry((entry) => {
      if (entry.code !== OUTCOME.accepted || entry.idLength === 0) return
      if (state.final[entry.place] === 1 && state.states[entry.place] !== STATE.sent) return
      this.#await(this.#index.fingerprint(entry.carrier, entry.id, entry.idStart, entry.idLength), state, entry)
    })
  }

  #insert(print: Fingerprint, ref: MessageRef, part: number): void {
    if (this.#index.full) this.#turnOver()
    this.#index.insert(print, ref, part)
  }

  /** The full table stays findable until its segment is durable, since reads see committed segments only. */
  #turnOver(): void {
    const full = this.#index
    this.#index = new ReceiptIndex()
    this.#retiring.add(full)
    this.#ledger.commit.segments.push(...this.#segments.chunks(full))
    this.#ledger.whenDurable(() => this.#retiring.delete(full))
  }

  /** Another part of the message has the id. Parts are answered close together: segments need not be asked. */
  #isSharedBy(print: Fingerprint, ref: MessageRef, part: number): boolean {
    return this.#findRecent(print) && this.#found.ref === ref && this.#found.part !== part
  }

  #find(print: Fingerprint): boolean {
    return this.#findRecent(print) || this.#segments.find(print, this.#found)
  }

  #findRecent(print: Fingerprint): boolean {
    if (this.#index.find(print, this.#found)) return true
    for (const index of this.#retiring) if (index.find(print, this.#found)) return true
    return false
  }

  #join(print: Fingerprint, state: BlockState, accepted: Entry): void {
    const waiting = this.#orphans.take(print)
    if (waiting === null) return
    const { part, place, bind } = accepted
    for (const orphan of waiting) {
      const entry = this.#ledger.own(orphan.code, messageRef(state.block, place), orphan.atMs)
      entry.part = part
      entry.carrier = orphan.carrier
      entry.bind = bind
      entry.error = orphan.error
      this.#ledger.record(state, entry)
      this.#ledger.commit.orphansDone.push(orphan.number)
    }
  }

  /**
   * A receipt came: `entry` holds carrier, bind, time, code and id. True: it matched. Otherwise it is parked.
   * Final receipts settle the id. `delay` sees how long one in many took.
   */
  receive(entry: Entry, delay: Histogram): boolean {
    const print = this.#index.fingerprint(entry.carrier, entry.id, entry.idStart, entry.idLength)
    if (entry.idLength > 0 && this.#find(print)) {
      const state = this.#ledger.residents.state(blockOf(this.#found.ref))
      if (state !== null) {
        this.#apply(state, entry, print)
        if (++this.#applied % DELAY_SAMPLE === 1) this.#observeDelay(state, entry.atMs, delay)
        return true
      }
    }
    this.#park(entry, print)
    return false
  }

  #apply(state: BlockState, entry: Entry, print: Fingerprint): void {
    if (isFinal(entry.code)) this.#index.settle(print)
    entry.place = placeOf(this.#found.ref)
    entry.part = this.#found.part
    // The id is in the history already, with the accepted part.
    entry.id = NO_ID
    entry.idLength = 0
    if (entry.part === ALL_PARTS) this.#applyToAll(state, entry)
    else this.#ledger.record(state, entry)
  }

  /** One receipt for all parts: each is delivered by it; anything else ends the message by the first. */
  #applyToAll(state: BlockState, entry: Entry): void {
    entry.part = 0
    if (entry.code !== OUTCOME.delivered) {
      this.#ledger.record(state, entry)
      return
    }
    const open = state.accepted[entry.place]! & ~state.receipted[entry.place]!
    for (; entry.part < limits.partsPerMessage; entry.part++) {
      if ((open & (1 << entry.part)) !== 0) this.#ledger.record(state, entry)
    }
  }

  /** Receipt delay of one message in many, since the time of acceptance lies in the history. */
  #observeDelay(state: BlockState, receivedMs: number, delay: Histogram): void {
    const place = placeOf(this.#found.ref)
    let acceptedMs = 0
    state.eachEntry((entry) => {
      if (entry.place === place && entry.code === OUTCOME.accepted) acceptedMs = entry.atMs
    })
    if (acceptedMs > 0) delay.observe((receivedMs - acceptedMs) / 1000)
  }

  #park(entry: Entry, print: Fingerprint): void {
    const { commit } = this.#ledger
    const id = entry.id.latin1Slice(entry.idStart, entry.idStart + entry.idLength)
    const { carrier, code, atMs, error } = entry
    commit.orphans.push(this.#orphans.add(print, { carrier, code, atMs, id, error }))
    this.#log.debug({ carrier, id }, 'a receipt matches no message yet; it is kept')
  }

  /** Forgets orphans after 72 hours, a few at a time. */
  forgetOld(nowMs: number): void {
    if (this.#orphans.size === 0) return
    this.#ledger.commit.orphansDone.push(...this.#orphans.outdated(nowMs - ORPHAN_AGE_MS, FORGET_AT_ONCE))
  }
}

function isFinal(code: OutcomeCode): boolean {
  return code !== OUTCOME.enroute
}
