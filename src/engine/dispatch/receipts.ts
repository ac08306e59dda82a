/**
 * Receipts find their message: joined when they match, parked durably when they do not (yet). What a receipt's id may look like in
 * its response: id-forms.ts; where it is looked for: receipt-lookup.ts.
 */

import assert from 'node:assert'
import { crashPoint } from '../base/crash-point.js'
import type { ReceiptIdView } from '../contract/channel.js'
import { limits } from '../contract/limits.js'
import type { Log } from '../contract/log.js'
import { blockOf, type MessageRef, messageRef, placeOf, STATE } from '../contract/message.js'
import type { Histogram } from '../contract/metrics.js'
import { OUTCOME, type OutcomeCode } from '../contract/outcome.js'
import type { BlockState } from '../store/block-state.js'
import { carrierNames } from '../store/carrier-names.js'
import { BY_RECEIPT, type Entry, NO_ID, RECEIPT_EXPECTED, RECEIPT_POSSIBLE } from '../store/entry.js'
import { type Orphan, Orphans, orphanKey } from '../store/orphans.js'
import { type Addresses, type Fingerprint, fitOf } from '../store/receipt-index.js'
import { CarrierReceipts, type ReceiptTerms } from './carrier-receipts.js'
import type { IdView } from './id-forms.js'
import { IdLearning } from './id-learning.js'
import type { Ledger } from './ledger.js'
import { ReceiptEvidence, type Verdict } from './receipt-evidence.js'
import { ReceiptLookup } from './receipt-lookup.js'

const ORPHAN_AGE_MS = 72 * 3_600_000
/** So long before its response a receipt may come where nothing but the id says that it belongs to it (carriers.md 21, 22). */
const EARLY_MS = 900_000
const FORGET_AT_ONCE = 500
const AGAIN_AT_ONCE = 500
/** In the index: several parts of one message bear this id, as with carriers that give one id and one receipt a message. */
const ALL_PARTS = 0x7f
assert(limits.partsPerMessage <= ALL_PARTS, 'a part number fits seven bits beside it')
/** The time of acceptance lies in the history of a block, which is read through for it: of busy carriers now and then. */
const DELAY_EVERY_MS = 20

/** What a receipt says beside its entry; reused. */
export interface Told extends Addresses {
  byText: boolean
}

export class Receipts {
  readonly #ledger: Ledger
  readonly #lookup: ReceiptLookup
  readonly #orphans: Orphans
  readonly #evidence: ReceiptEvidence
  readonly #carriers = new Map<number, CarrierReceipts>()
  readonly #log: Log

  constructor(ledger: Ledger, log: Log) {
    this.#ledger = ledger
    this.#log = log
    this.#lookup = new ReceiptLookup(ledger)
    this.#orphans = new Orphans(ledger.store.environment)
    this.#orphans.onDamage = (orphan) => ledger.log.error({ orphan }, 'a kept receipt is damaged; it is left out')
    this.#evidence = new ReceiptEvidence(this.#lookup, this.#orphans)
  }

  /** Makes a carrier known, before `load`. `isQuiet`: none of its submits waits for a response. */
  carrier(number: number, name: string, deps: { terms: ReceiptTerms; isQuiet: () => boolean }): CarrierReceipts {
    const { environment } = this.#ledger.store
    const learning = new IdLearning(name, deps.terms.idFormat ?? 'auto', { environment, log: this.#log })
    const known = new CarrierReceipts(number, learning, deps)
    const isChanged = this.#carriers.has(number)
    this.#carriers.set(number, known)
    // Another configuration may read what the last one could not.
    if (isChanged) this.#startAgain(known)
    return known
  }

  /** One that is not in the configuration any more still has messages under way. */
  #from(number: number): CarrierReceipts {
    const known = this.#carriers.get(number)
    if (known !== undefined) return known
    const name = carrierNames(this.#ledger.store.environment)[number] ?? String(number)
    const terms = { request: 'final', timeoutSeconds: 0 } as const
    return this.carrier(number, name, { terms, isQuiet: () => true })
  }

  /** At start: the index is rebuilt by `reawait` from the histories. */
  load(): void {
    this.#lookup.clear()
  }

  /** At start, after the index was rebuilt: what earlier runs parked, to be given to `retry` one by one. */
  stored(): Iterable<Orphan> {
    return this.#orphans.stored()
  }

  /** Whose these messages were is forgotten; their receipts find them as before. */
  forgetNumbers(refs: ReadonlySet<number>): void {
    this.#lookup.forgetNumbers(refs)
  }

  /** Receipts of the carrier that match no message (yet). */
  unmatched(carrier: number): number {
    return this.#orphans.count(carrier) + (this.#carriers.get(carrier)?.again.length ?? 0)
  }

  view(carrier: number): ReceiptIdView {
    return this.#from(carrier).learning.view(this.unmatched(carrier))
  }

  /**
   * The part's id is known now: a receipt under it belongs to the part. Receipts that came before are joined at once. `status` of the
   * entry holds the end of the recipient's number.
   */
  awaitReceipt(state: BlockState, accepted: Entry): void {
    const { place, part, carrier, bind, atMs } = accepted
    if (accepted.idLength === 0) return
    const from = this.#from(carrier)
    const print = this.#lookup.printOf(carrier, viewOf(accepted), from.learning.format)
    let others = this.#await(print, state, accepted)
    if (this.#orphans.size > 0) this.#join(print, state, accepted)
    if (from.perMessage !== 'all') others |= spokesman(from, state.parts[place]!, part)
    // The receipt that counts for it came before this part's own response.
    if ((state.receipted[place]! & others) === 0) return
    const entry = this.#ledger.own(OUTCOME.delivered, messageRef(state.block, place), atMs)
    entry.part = part
    entry.carrier = carrier
    entry.bind = bind
    this.#ledger.record(state, entry)
  }

  /** Returns the parts that had the id before, as bits. */
  #await(print: Fingerprint, state: BlockState, { place, part, status: number, flags }: Entry): number {
    const ref = messageRef(state.block, place)
    const waits = (flags & (RECEIPT_EXPECTED | RECEIPT_POSSIBLE)) !== 0
    const before = state.parts[place]! > 1 ? this.#lookup.partOf(print, ref) : -1
    const isShared = before >= 0 && before !== part
    this.#lookup.insert(print, { ref, part: isShared ? ALL_PARTS : part, number, waits })
    if (!isShared) return 0
    return (before === ALL_PARTS ? state.accepted[place]! : 1 << before) & ~(1 << part)
  }

  /** At start, from the history of a block: awaits the receipts of its accepted parts again. */
  reawait(state: BlockState): void {
    state.eachEntry((entry) => {
      if (entry.code !== OUTCOME.accepted || entry.idLength === 0) return
      if (state.final[entry.place] === 1 && state.states[entry.place] !== STATE.sent) return
      const { format } = this.#from(entry.carrier).learning
      this.#await(this.#lookup.printOf(entry.carrier, viewOf(entry), format), state, entry)
    })
  }

  /** Receipts that came before the response: by number, or shortly before it. */
  #join(print: Fingerprint, state: BlockState, accepted: Entry): void {
    const { place, part, atMs, status: number, carrier } = accepted
    const from = this.#from(carrier)
    const waiting = this.#orphans.take(print, (orphan) => {
      if (orphan.carrier !== carrier) return false
      const fit = fitOf(number, orphan)
      return fit > 0 || (from.accepts(fit, orphan.byText) && atMs - orphan.atMs <= EARLY_MS)
    })
    for (const orphan of waiting) {
      from.learning.count()
      this.#applyOrphan(orphan, state, { place, part }, print)
    }
  }

  #applyOrphan(orphan: Orphan, state: BlockState, at: { place: number; part: number }, print: Fingerprint): void {
    const entry = this.#ledger.own(orphan.code, messageRef(state.block, at.place), orphan.atMs)
    entry.carrier = orphan.carrier
    entry.error = orphan.error
    entry.status = orphan.doneSeconds
    entry.flags = BY_RECEIPT
    this.#apply(state, entry, at.part, print)
    this.#ledger.commit.orphansDone.push(orphan.number)
    crashPoint('orphan-joined')
  }

  /**
   * A receipt came: `entry` holds carrier, bind, time, code, id and (in `status`) its date. True: it matched. Otherwise it is
   * parked. Final receipts settle the id. `delay` sees how long some took.
   */
  receive(entry: Entry, told: Told, delay: Histogram): boolean {
    const from = this.#from(entry.carrier)
    const print = this.#match(from, viewOf(entry), told)
    if (print !== null) {
      const { ref, part } = this.#lookup.found
      const state = this.#ledger.residents.state(blockOf(ref))
      if (state !== null) {
        const { atMs } = entry
        entry.place = placeOf(ref)
        this.#apply(state, entry, part, print)
        if (Math.abs(atMs - from.delaySeenMs) >= DELAY_EVERY_MS) {
          from.delaySeenMs = atMs
          this.#observeDelay(state, placeOf(ref), atMs, delay)
        }
        return true
      }
    }
    this.#park(from, entry, told)
    return false
  }

  /** Leaves the message in `lookup.found`; null: there is none. */
  #match(from: CarrierReceipts, id: IdView, told: Told): Fingerprint | null {
    const { learning } = from
    if (id.length === 0) return null
    for (const step of learning.steps) {
      const print = this.#lookup.convertedPrint(from.number, id, step, learning.format)
      if (print === null || !this.#lookup.find(print, told)) continue
      const { fits } = this.#lookup.found
      // What a subscriber could have written says nothing about the carrier.
      if (!told.byText && from.noteFit(fits)) this.#startAgain(from)
      if (!from.accepts(fits, told.byText)) continue
      learning.count()
      return print
    }
    return null
  }

  #apply(state: BlockState, entry: Entry, part: number, print: Fingerprint): void {
    const ref = messageRef(state.block, entry.place)
    if (isFinal(entry.code)) this.#lookup.settle(print, ref)
    entry.part = part === ALL_PARTS ? 0 : part
    // The id is in the history already, with the accepted part.
    entry.id = NO_ID
    entry.idLength = 0
    const parts = state.parts[entry.place]!
    const forAll = part === ALL_PARTS || (parts > 1 && this.#from(entry.carrier).speaksForAll(part, parts))
    if (forAll && entry.code === OUTCOME.delivered) this.#deliverAll(state, entry)
    else this.#ledger.record(state, entry)
  }

  /** One receipt for all parts: each is delivered by it; any other word ends the message as it is. */
  #deliverAll(state: BlockState, entry: Entry): void {
    const open = state.accepted[entry.place]! & ~state.receipted[entry.place]!
    for (entry.part = 0; entry.part < limits.partsPerMessage; entry.part++) {
      if ((open & (1 << entry.part)) !== 0) this.#ledger.record(state, entry)
    }
  }

  #observeDelay(state: BlockState, place: number, receivedMs: number, delay: Histogram): void {
    let acceptedMs = 0
    state.eachEntry((entry) => {
      if (entry.place === place && entry.code === OUTCOME.accepted) acceptedMs = entry.atMs
    })
    if (acceptedMs > 0) delay.observe((receivedMs - acceptedMs) / 1000)
  }

  #park(from: CarrierReceipts, entry: Entry, told: Told): void {
    const id = entry.id.latin1Slice(entry.idStart, entry.idStart + entry.idLength)
    const { carrier, code, atMs, error, status: doneSeconds } = entry
    const { source, destination, byText } = told
    const orphan = { carrier, code, atMs, id, error, source, destination, doneSeconds, byText }
    this.#ledger.commit.orphans.push(this.#orphans.add(this.#keys(from, viewOf(entry)), orphan))
    crashPoint('orphan-parked')
    this.#log.debug({ carrier, id }, 'a receipt matches no message yet; it is kept')
  }

  /** Where a response would look for the receipt. */
  #keys(from: CarrierReceipts, id: IdView): number[] {
    const { steps, format } = from.learning
    const keys = new Set<number>()
    for (const step of steps) {
      const print = this.#lookup.convertedPrint(from.number, id, step, format)
      if (print !== null) keys.add(orphanKey(print))
    }
    return [...keys]
  }

  /** Matches a parked receipt anew. True: it found its message. */
  retry(orphan: Orphan): boolean {
    const from = this.#from(orphan.carrier)
    const bytes = Buffer.from(orphan.id, 'latin1')
    const id = { bytes, start: 0, length: bytes.length }
    const print = this.#match(from, id, orphan)
    const { ref, part } = this.#lookup.found
    const state = print === null ? null : this.#ledger.residents.state(blockOf(ref))
    if (print !== null && state !== null) this.#applyOrphan(orphan, state, { place: placeOf(ref), part }, print)
    else this.#orphans.keep(this.#keys(from, id), orphan)
    return state !== null
  }

  #startAgain(from: CarrierReceipts): void {
    from.again.push(...this.#orphans.takeAll(from.number))
  }

  /** Each tick: goes on matching parked receipts anew, a few at a time. */
  work(): void {
    for (const from of this.#carriers.values()) {
      if (from.again.length === 0) continue
      for (const orphan of from.again.splice(0, AGAIN_AT_ONCE)) this.retry(orphan)
    }
  }

  /** Once a second: learns from what is parked, and forgets what is older than 72 hours, a few at a time. */
  look(nowMs: number): void {
    for (const from of this.#carriers.values()) {
      const isExplained = !from.learning.learns || this.#orphans.count(from.number) === 0
      const { adopted, single } = isExplained ? NOTHING : this.#evidence.weigh(from, nowMs)
      from.learning.recent >>= 1
      if (adopted !== null) {
        this.#ledger.commit.notes.push(from.learning.adopt(adopted))
        this.#startAgain(from)
      }
      for (const one of single) this.#joinSingle(one.orphan, one.ref, one.part, one.print)
    }
    if (this.#orphans.size > 0) this.#forgetOld(nowMs)
  }

  #joinSingle(orphan: Orphan, ref: MessageRef, part: number, print: Fingerprint): void {
    const state = this.#ledger.residents.state(blockOf(ref))
    if (state === null) return
    this.#orphans.takeOne(orphan)
    this.#applyOrphan(orphan, state, { place: placeOf(ref), part }, print)
  }

  #forgetOld(nowMs: number): void {
    this.#ledger.commit.orphansDone.push(...this.#orphans.outdated(nowMs - ORPHAN_AGE_MS, FORGET_AT_ONCE))
  }
}

const NOTHING: Verdict = { adopted: null, single: [] }
const shared: IdView = { bytes: NO_ID, start: 0, length: 0 }
/** The id of an entry; overwritten by the next call. */
function viewOf(entry: Entry): IdView {
  shared.bytes = entry.id
  shared.start = entry.idStart
  shared.length = entry.idLength
  return shared
}

/** Bit of the part whose receipt counts for this one too. */
function spokesman(from: CarrierReceipts, parts: number, part: number): number {
  const speaker = from.perMessage === 'first' ? 0 : parts - 1
  return parts > 1 && speaker !== part ? 1 << speaker : 0
}

function isFinal(code: OutcomeCode): boolean {
  return code !== OUTCOME.enroute
}
