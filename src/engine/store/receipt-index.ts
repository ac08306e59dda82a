/**
 * Which part a carrier's message id belongs to: an open-addressing hash of 64-bit fingerprints in typed arrays.
 *
 * Carriers use ids again after days (carriers.md 21), so an id can stand for several messages: the recipient's number tells
 * them apart, else the newest counts. The hot table holds the recent ids; when it is full, the settled are forgotten, and where
 * most still wait for a receipt they go to a sorted segment on disk (receipt-segments.ts), so that any number of
 * outstanding receipts costs disk and not memory. 21 octets a slot, load at most one half.
 */
import { sameTail } from '../base/number-tail.js'
import { limits } from '../contract/limits.js'
import type { MessageRef } from '../contract/message.js'

const SETTLED = 0x80
/** Messages under one id that are told apart; of more the oldest is forgotten, so that a constant id costs no time. */
const SAME_ID_MAX = 8

/** Ends of the two addresses of a receipt, see number-tail.ts; 0: no number. */
export interface Addresses {
  source: number
  destination: number
}

/** Where a lookup leaves its answer; reused. */
export interface Found {
  ref: MessageRef
  part: number
  fits: Fit
  /** Its receipt has not come yet. */
  waits: boolean
}

/** A part under an id. `number`: end of the recipient's number, 0: unknown. `waits`: a receipt is expected. */
export interface Awaited {
  ref: MessageRef
  part: number
  number: number
  waits: boolean
}

/** 1: the message's recipient is one of the receipt's addresses; -1: it is neither; 0: that cannot be told. */
export type Fit = -1 | 0 | 1

export function fitOf(number: number, addresses: Addresses): Fit {
  const { source, destination } = addresses
  if (number === 0 || (source === 0 && destination === 0)) return 0
  return sameTail(number, source) || sameTail(number, destination) ? 1 : -1
}

/** Two independent 32-bit hashes (FNV-1a and a multiply-rotate) of carrier number and id. */
export class Fingerprint {
  high = 0
  low = 0

  of(carrier: number, id: Buffer, start: number, length: number): void {
    let a = (0x811c9dc5 ^ carrier) >>> 0
    let b = (0x9747b28c + Math.imul(carrier + 1, 0x85ebca6b)) | 0
    for (let n = start; n < start + length; n++) {
      const octet = id[n]!
      a = Math.imul(a ^ octet, 0x01000193)
      b = Math.imul(((b << 13) | (b >>> 19)) ^ octet, 0xcc9e2d51)
    }
    b ^= length
    b = Math.imul(b ^ (b >>> 16), 0x85ebca6b)
    a = Math.imul(a ^ (a >>> 15), 0xc2b2ae35)
    this.high = (a ^ (a >>> 13)) >>> 0
    // 0 marks a free slot.
    this.low = (b ^ (b >>> 13)) >>> 0 || 1
  }
}

/** Of entries; `low` 0: none in this row. */
interface Columns {
  high: Uint32Array
  low: Uint32Array
  refs: Float64Array
  parts: Uint8Array
  numbers: Uint32Array
}

export class ReceiptIndex {
  #capacity: number
  /** Of the 32 bits of `high` those above say where an entry belongs, so that a table lies nearly in the order of segments. */
  #shift: number
  #high: Uint32Array
  #low: Uint32Array
  #refs: Float64Array
  #parts: Uint8Array
  #numbers: Uint32Array
  #size = 0
  readonly #print = new Fingerprint()

  /** `capacity`: a power of two; one that takes the place of a full table will be full as well. */
  constructor(capacity = 1 << 12) {
    this.#capacity = capacity
    this.#shift = shiftFor(capacity)
    this.#high = new Uint32Array(capacity)
    this.#low = new Uint32Array(capacity)
    this.#refs = new Float64Array(capacity)
    this.#parts = new Uint8Array(capacity)
    this.#numbers = new Uint32Array(capacity)
  }

  get capacity(): number {
    return this.#capacity
  }

  /** Entries, settled ones included. */
  get size(): number {
    return this.#size
  }
  get full(): boolean {
    return this.#size >= limits.receiptIndexHot
  }

  /** A second insert of the same message changes its part. */
  insert(print: Fingerprint, entry: Awaited): void {
    if (this.#size * 2 >= this.#capacity) this.#grow()
    const { ref, part, number, waits } = entry
    const slot = this.#slotFor(print.high, print.low, ref)
    if (this.#low[slot] === 0) this.#size++
    this.#set(slot, print)
    this.#refs[slot] = ref
    this.#parts[slot] = waits ? part : part | SETTLED
    this.#numbers[slot] = number
  }

  /** The best of the messages under this id: by number, then those that still wait, then the newest. False: none here. */
  find(print: Fingerprint, addresses: Addresses, found: Found): boolean {
    const { high, low } = print
    const mask = this.#capacity - 1
    let best = -1
    for (let slot = high >>> this.#shift; this.#low[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#low[slot] !== low || this.#high[slot] !== high) continue
      const fits = fitOf(this.#numbers[slot]!, addresses)
      const waits = (this.#parts[slot]! & SETTLED) === 0
      const rank = (fits + 1) * 2 + (waits ? 1 : 0)
      if (rank < best || (rank === best && this.#refs[slot]! < found.ref)) continue
      best = rank
      found.ref = this.#refs[slot] as MessageRef
      found.part = this.#parts[slot]! & ~SETTLED
      found.fits = fits
      found.waits = waits
    }
    return best >= 0
  }

  /** The part under which this message has this id; -1: it has not. */
  partOf(print: Fingerprint, ref: MessageRef): number {
    const slot = this.#find(print.high, print.low, ref)
    return slot < 0 ? -1 : this.#parts[slot]! & ~SETTLED
  }

  /** No receipt is awaited under this id any more; it stays findable until the table turns over. */
  settle(print: Fingerprint, ref: MessageRef): void {
    const slot = this.#find(print.high, print.low, ref)
    if (slot >= 0) this.#parts[slot]! |= SETTLED
  }

  fingerprint(carrier: number, id: Buffer, start: number, length: number): Fingerprint {
    this.#print.of(carrier, id, start, length)
    return this.#print
  }

  /** Makes room by forgetting the settled. False, and nothing is changed: more than half still wait. */
  forgetSettled(): boolean {
    const waiting = this.#slotsThatWait()
    if (waiting.length * 2 > this.#size) return false
    const [high, low, refs] = [new Uint32Array(waiting.length), new Uint32Array(waiting.length), this.#refs]
    const [keptRefs, parts, numbers] = [
      new Float64Array(waiting.length),
      new Uint8Array(waiting.length),
      new Uint32Array(waiting.length),
    ]
    for (const [n, slot] of waiting.entries()) {
      high[n] = this.#high[slot]!
      low[n] = this.#low[slot]!
      keptRefs[n] = refs[slot]!
      parts[n] = this.#parts[slot]!
      numbers[n] = this.#numbers[slot]!
    }
    this.#low.fill(0)
    this.#size = waiting.length
    this.#place({ high, low, refs: keptRefs, parts, numbers })
    return true
  }

  #slotsThatWait(): Uint32Array {
    const slots = new Uint32Array(this.#size)
    let count = 0
    for (let slot = 0; slot < this.#capacity; slot++) {
      if (this.#low[slot] !== 0 && (this.#parts[slot]! & SETTLED) === 0) slots[count++] = slot
    }
    return slots.subarray(0, count)
  }

  /** Calls `see` with each entry that still waits, in order of `high`. */
  eachWaiting(see: (entry: { high: number; low: number; ref: number; part: number; number: number }) => void): void {
    const entry = { high: 0, low: 0, ref: 0, part: 0, number: 0 }
    for (const slot of this.#inOrder(this.#slotsThatWait())) {
      entry.high = this.#high[slot]!
      entry.low = this.#low[slot]!
      entry.ref = this.#refs[slot]!
      entry.part = this.#parts[slot]!
      entry.number = this.#numbers[slot]!
      see(entry)
    }
  }

  /** Slots in order of their `high`. They nearly are: an entry is a few slots behind its own, or at the begin for want of room at the end. */
  #inOrder(slots: Uint32Array): Uint32Array {
    let wrapped = 0
    while (wrapped < slots.length && this.#high[slots[wrapped]!]! >>> this.#shift > slots[wrapped]!) wrapped++
    const ordered = new Uint32Array(slots.length)
    ordered.set(slots.subarray(wrapped))
    ordered.set(slots.subarray(0, wrapped), slots.length - wrapped)
    for (let n = 1; n < ordered.length; n++) {
      const slot = ordered[n]!
      const high = this.#high[slot]!
      let to = n
      for (; to > 0 && this.#high[ordered[to - 1]!]! > high; to--) ordered[to] = ordered[to - 1]!
      ordered[to] = slot
    }
    return ordered
  }

  /** Whose these messages were cannot be told any more. */
  forgetNumbers(refs: ReadonlySet<number>): void {
    for (let slot = 0; slot < this.#capacity; slot++) if (refs.has(this.#refs[slot]!)) this.#numbers[slot] = 0
  }

  /** Slot of this message under this fingerprint, -1: there is none. */
  #find(high: number, low: number, ref: MessageRef): number {
    const mask = this.#capacity - 1
    for (let slot = high >>> this.#shift; this.#low[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#low[slot] === low && this.#high[slot] === high && this.#refs[slot] === ref) return slot
    }
    return -1
  }

  /** Slot to write the message to: its own, a free one, or that of the oldest when the id has too many. */
  #slotFor(high: number, low: number, ref: MessageRef): number {
    const mask = this.#capacity - 1
    let same = 0
    let oldest = -1
    let slot = high >>> this.#shift
    for (; this.#low[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#low[slot] !== low || this.#high[slot] !== high) continue
      if (this.#refs[slot] === ref) return slot
      if (oldest < 0 || this.#refs[slot]! < this.#refs[oldest]!) oldest = slot
      same++
    }
    return same >= SAME_ID_MAX ? oldest : slot
  }

  #set(slot: number, { high, low }: { high: number; low: number }): void {
    this.#high[slot] = high
    this.#low[slot] = low
  }

  #grow(): void {
    const before = { high: this.#high, low: this.#low, refs: this.#refs, parts: this.#parts, numbers: this.#numbers }
    this.#capacity *= 2
    this.#shift--
    this.#high = new Uint32Array(this.#capacity)
    this.#low = new Uint32Array(this.#capacity)
    this.#refs = new Float64Array(this.#capacity)
    this.#parts = new Uint8Array(this.#capacity)
    this.#numbers = new Uint32Array(this.#capacity)
    this.#place(before)
  }

  /** Each in a free slot of its own; among them there is no message twice. */
  #place({ high, low, refs, parts, numbers }: Columns): void {
    const mask = this.#capacity - 1
    for (let row = 0; row < low.length; row++) {
      if (low[row] === 0) continue
      let slot = high[row]! >>> this.#shift
      while (this.#low[slot] !== 0) slot = (slot + 1) & mask
      this.#high[slot] = high[row]!
      this.#low[slot] = low[row]!
      this.#refs[slot] = refs[row]!
      this.#parts[slot] = parts[row]!
      this.#numbers[slot] = numbers[row]!
    }
  }
}

/** `capacity`: a power of two above 1. */
function shiftFor(capacity: number): number {
  return 32 - Math.log2(capacity)
}
