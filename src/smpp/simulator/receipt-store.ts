/**
 * Receipts that the simulator owes, in one slab of typed arrays with linked lists through it: no object and no timer per
 * message. A receipt is in exactly one list (or unacknowledged on one session) until it is acknowledged.
 */
import type { MessagePdu, Span } from '../decode.js'

const ADDRESSES = 64
const NONE = -1

/** What a receipt says. */
export const RECEIPT_KIND = { delivered: 0, failed: 1, accepted: 2 } as const
export type ReceiptKind = (typeof RECEIPT_KIND)[keyof typeof RECEIPT_KIND]

/** First in, first out; `pushFront` for what was sent and not acknowledged. */
export class ReceiptQueue {
  head = NONE
  tail = NONE
  size = 0
}

export class ReceiptStore {
  #addresses = Buffer.alloc(1024 * ADDRESSES)
  #next = new Int32Array(1024).fill(NONE)
  #dueAt = new Float64Array(1024)
  #id = new Float64Array(1024)
  #submittedAt = new Float64Array(1024)
  #kind = new Uint8Array(1024)
  #system = new Uint16Array(1024)
  #free = NONE
  #used = 0

  /** Keeps what a receipt needs of a submit; returns its number. */
  add(
    bytes: Buffer,
    pdu: MessagePdu,
    receipt: { id: number; system: number; kind: ReceiptKind; nowEpochMs: number },
  ): number {
    const record = this.#allocate()
    this.#id[record] = receipt.id
    this.#system[record] = receipt.system
    this.#kind[record] = receipt.kind
    this.#submittedAt[record] = receipt.nowEpochMs
    const at = record * ADDRESSES
    this.#putAddress(bytes, at, pdu.source, (pdu.sourceTon << 8) | pdu.sourceNpi)
    this.#putAddress(bytes, at + ADDRESSES / 2, pdu.destination, (pdu.destinationTon << 8) | pdu.destinationNpi)
    return record
  }

  remove(record: number): void {
    this.#next[record] = this.#free
    this.#free = record
  }

  push(queue: ReceiptQueue, record: number, dueAtMs: number): void {
    this.#dueAt[record] = dueAtMs
    this.#next[record] = NONE
    if (queue.tail === NONE) queue.head = record
    else this.#next[queue.tail] = record
    queue.tail = record
    queue.size++
  }

  pushFront(queue: ReceiptQueue, record: number): void {
    this.#next[record] = queue.head
    queue.head = record
    if (queue.tail === NONE) queue.tail = record
    queue.size++
  }

  /** The first one when it is due, else -1. */
  shift(queue: ReceiptQueue, nowMs: number): number {
    const record = queue.head
    if (record === NONE || this.#dueAt[record]! > nowMs) return NONE
    queue.head = this.#next[record]!
    if (queue.head === NONE) queue.tail = NONE
    queue.size--
    return record
  }

  id(record: number): number {
    return this.#id[record]!
  }
  system(record: number): number {
    return this.#system[record]!
  }
  kind(record: number): ReceiptKind {
    return this.#kind[record] as ReceiptKind
  }
  /** Epoch milliseconds. */
  submittedAt(record: number): number {
    return this.#submittedAt[record]!
  }

  /** Writes ton, npi and the C-octet string of the submit's destination, or of its source; returns the place after. */
  writeAddress(record: number, which: 'source' | 'destination', to: Buffer, at: number): number {
    const from = record * ADDRESSES + (which === 'source' ? 0 : ADDRESSES / 2)
    const length = this.#addresses[from + 2]!
    to[at] = this.#addresses[from]!
    to[at + 1] = this.#addresses[from + 1]!
    for (let n = 0; n < length; n++) to[at + 2 + n] = this.#addresses[from + 3 + n]!
    to[at + 2 + length] = 0
    return at + 3 + length
  }

  #putAddress(bytes: Buffer, at: number, address: Span, tonNpi: number): void {
    const length = Math.min(address.length, ADDRESSES / 2 - 3)
    this.#addresses[at] = tonNpi >>> 8
    this.#addresses[at + 1] = tonNpi
    this.#addresses[at + 2] = length
    for (let n = 0; n < length; n++) this.#addresses[at + 3 + n] = bytes[address.start + n]!
  }

  #allocate(): number {
    if (this.#free !== NONE) {
      const record = this.#free
      this.#free = this.#next[record]!
      return record
    }
    if (this.#used === this.#id.length) this.#grow()
    return this.#used++
  }

  #grow(): void {
    const size = this.#id.length * 2
    const addresses = Buffer.alloc(size * ADDRESSES)
    this.#addresses.copy(addresses)
    this.#addresses = addresses
    this.#next = larger(this.#next, new Int32Array(size))
    this.#dueAt = larger(this.#dueAt, new Float64Array(size))
    this.#id = larger(this.#id, new Float64Array(size))
    this.#submittedAt = larger(this.#submittedAt, new Float64Array(size))
    this.#kind = larger(this.#kind, new Uint8Array(size))
    this.#system = larger(this.#system, new Uint16Array(size))
  }
}

function larger<T extends Int32Array | Float64Array | Uint8Array | Uint16Array>(from: T, to: T): T {
  to.set(from)
  return to
}
