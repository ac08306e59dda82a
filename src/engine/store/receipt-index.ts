/**
 * Which part a carrier's message id belongs to: an open-addressing hash of 64-bit fingerprints in typed arrays.
 *
 * The hot table holds the recent ids; when it is full, those that still wait for a receipt go to a sorted segment on
 * disk (receipt-segments.ts) and the others are forgotten, so that any number of outstanding receipts costs disk and not memory.
 * 17 octets a slot, load at most one half.
 */
import assert from 'node:assert'
import { limits } from '../contract/limits.js'
import type { MessageRef } from '../contract/message.js'

const SETTLED = 0x80
const SLOTS_MAX = 2 ** 21
assert(limits.receiptIndexHot * 2 <= SLOTS_MAX, 'a slot number fits 21 bits')

/** Where a lookup leaves its answer; reused. */
export interface Found {
  ref: MessageRef
  part: number
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

export class ReceiptIndex {
  #capacity = 1 << 12
  #high = new Uint32Array(this.#capacity)
  #low = new Uint32Array(this.#capacity)
  #refs = new Float64Array(this.#capacity)
  #parts = new Uint8Array(this.#capacity)
  #size = 0
  readonly #print = new Fingerprint()

  /** Entries, settled ones included. */
  get size(): number {
    return this.#size
  }
  get full(): boolean {
    return this.#size >= limits.receiptIndexHot
  }

  /** A newer message under the same id replaces the older: carriers reuse ids after days. */
  insert(print: Fingerprint, ref: MessageRef, part: number): void {
    if (this.#size * 2 >= this.#capacity) this.#grow()
    this.#place(print.high, print.low, ref, part)
  }

  /** False: not in the hot table. */
  find(print: Fingerprint, found: Found): boolean {
    const slot = this.#slot(print.high, print.low)
    if (this.#low[slot] === 0) return false
    found.ref = this.#refs[slot] as MessageRef
    found.part = this.#parts[slot]! & ~SETTLED
    return true
  }

  /** No receipt is awaited under this id any more; it stays findable until the table turns over. */
  settle(print: Fingerprint): void {
    const slot = this.#slot(print.high, print.low)
    if (this.#low[slot] !== 0) this.#parts[slot]! |= SETTLED
  }

  fingerprint(carrier: number, id: Buffer, start: number, length: number): Fingerprint {
    this.#print.of(carrier, id, start, length)
    return this.#print
  }

  /** Calls `see` with each entry that still waits, in order of `high`. */
  eachWaiting(see: (entry: { high: number; low: number; ref: number; part: number }) => void): void {
    // 32 bits of fingerprint and 21 of slot fit a double, so that one native sort of numbers orders the slots.
    const order = new Float64Array(this.#size)
    let count = 0
    for (let slot = 0; slot < this.#capacity; slot++) {
      if (this.#low[slot] === 0 || (this.#parts[slot]! & SETTLED) !== 0) continue
      order[count++] = this.#high[slot]! * SLOTS_MAX + slot
    }
    const entry = { high: 0, low: 0, ref: 0, part: 0 }
    for (const key of order.subarray(0, count).sort()) {
      const slot = key % SLOTS_MAX
      entry.high = this.#high[slot]!
      entry.low = this.#low[slot]!
      entry.ref = this.#refs[slot]!
      entry.part = this.#parts[slot]!
      see(entry)
    }
  }

  #slot(high: number, low: number): number {
    const mask = this.#capacity - 1
    let slot = (high ^ low) & mask
    while (this.#low[slot] !== 0 && (this.#low[slot] !== low || this.#high[slot] !== high)) slot = (slot + 1) & mask
    return slot
  }

  #place(high: number, low: number, ref: number, part: number): void {
    const slot = this.#slot(high, low)
    if (this.#low[slot] === 0) this.#size++
    this.#high[slot] = high
    this.#low[slot] = low
    this.#refs[slot] = ref
    this.#parts[slot] = part
  }

  #grow(): void {
    const [high, low, refs, parts] = [this.#high, this.#low, this.#refs, this.#parts]
    this.#capacity *= 2
    this.#high = new Uint32Array(this.#capacity)
    this.#low = new Uint32Array(this.#capacity)
    this.#refs = new Float64Array(this.#capacity)
    this.#parts = new Uint8Array(this.#capacity)
    this.#size = 0
    for (let slot = 0; slot < low.length; slot++) {
      if (low[slot] !== 0) this.#place(high[slot]!, low[slot]!, refs[slot]!, parts[slot]!)
    }
  }
}
