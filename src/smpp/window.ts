/**
 * Requests in flight of one session: a ring of slots in typed arrays, no object per request.
 *
 * slot = sequence & mask, with the stored sequence checked, so a late or foreign response never finds another's slot.
 * Sequence numbers run from 1 to 0x7FFFFFFF and wrap (SMPP 3.4 §5.1.4); numbers whose slot is still busy are skipped.
 */
import assert from 'node:assert'
import { SEQUENCE_MAX } from './constants.js'

export class Window {
  #mask: number
  #next: number
  #tail: number
  #inFlight = 0
  /** Per slot: sequence (0 = free), message ref, first part, number of parts, time, write batch. */
  #sequence: Uint32Array
  #ref: Float64Array
  #part: Uint8Array
  #span: Uint8Array
  #sentAt: Float64Array
  #batch: Float64Array

  /** Room for `size` requests; `first` is the first sequence number. */
  constructor(size: number, first = 1) {
    assert(first >= 1 && first <= SEQUENCE_MAX)
    const slots = slotsFor(size)
    this.#mask = slots - 1
    this.#next = first
    this.#tail = first
    this.#sequence = new Uint32Array(slots)
    this.#ref = new Float64Array(slots)
    this.#part = new Uint8Array(slots)
    this.#span = new Uint8Array(slots)
    this.#sentAt = new Float64Array(slots)
    this.#batch = new Float64Array(slots)
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Next sequence number, also for requests that take no slot (enquire_link, unbind). */
  sequence(): number {
    for (;;) {
      const sequence = this.#next
      this.#next = sequence === SEQUENCE_MAX ? 1 : sequence + 1
      if (this.#sequence[sequence & this.#mask] === 0) return sequence
    }
  }

  /** Opens the next free slot and returns it; `sequenceAt` gives its number. `nowMs` never goes back between calls. */
  open(ref: number, part: number, nowMs: number, batch: number): number {
    assert(this.#inFlight < this.#mask, 'window full')
    const sequence = this.sequence()
    const slot = sequence & this.#mask
    this.#sequence[slot] = sequence
    this.#ref[slot] = ref
    this.#part[slot] = part
    this.#span[slot] = 1
    this.#sentAt[slot] = nowMs
    this.#batch[slot] = batch
    this.#inFlight++
    return slot
  }

  /** The request stands for `span` parts (message_payload carries a whole message). */
  widen(slot: number, span: number): void {
    this.#span[slot] = span
  }

  /** Slot of a request in flight, -1 when there is none of this number. */
  find(sequence: number): number {
    const slot = sequence & this.#mask
    return sequence !== 0 && this.#sequence[slot] === sequence ? slot : -1
  }

  close(slot: number): void {
    assert(this.#sequence[slot] !== 0, 'slot closed twice')
    this.#sequence[slot] = 0
    this.#inFlight--
  }

  /** Slot of the oldest request in flight, -1 when there is none. Amortised constant: the tail only moves on. */
  oldest(): number {
    while (this.#tail !== this.#next) {
      const slot = this.#tail & this.#mask
      if (this.#sequence[slot] === this.#tail) return slot
      this.#tail = this.#tail === SEQUENCE_MAX ? 1 : this.#tail + 1
    }
    return -1
  }

  /** When the first request for this message was sent that is in flight; -1: none is. Looks through all. */
  sentAtOf(ref: number): number {
    for (let slot = 0; slot <= this.#mask; slot++) {
      if (this.#sequence[slot] !== 0 && this.#ref[slot] === ref) return this.#sentAt[slot]!
    }
    return -1
  }

  sequenceAt(slot: number): number {
    return this.#sequence[slot]!
  }
  refAt(slot: number): number {
    return this.#ref[slot]!
  }
  partAt(slot: number): number {
    return this.#part[slot]!
  }
  spanAt(slot: number): number {
    return this.#span[slot]!
  }
  sentAt(slot: number): number {
    return this.#sentAt[slot]!
  }
  batchAt(slot: number): number {
    return this.#batch[slot]!
  }

  /** Makes room for a larger window; what is in flight stays. A smaller one needs nothing: the caller sends less. */
  resize(size: number): void {
    if (slotsFor(size) <= this.#mask + 1) return
    const larger = new Window(size, this.#tail)
    for (let slot = this.oldest(); slot >= 0; slot = this.oldest()) {
      larger.#next = this.#sequence[slot]!
      const to = larger.open(this.#ref[slot]!, this.#part[slot]!, this.#sentAt[slot]!, this.#batch[slot]!)
      larger.widen(to, this.#span[slot]!)
      this.close(slot)
    }
    larger.#next = this.#next
    this.#adopt(larger)
  }

  #adopt(other: Window): void {
    this.#mask = other.#mask
    this.#tail = other.#tail
    this.#inFlight = other.#inFlight
    this.#sequence = other.#sequence
    this.#ref = other.#ref
    this.#part = other.#part
    this.#span = other.#span
    this.#sentAt = other.#sentAt
    this.#batch = other.#batch
  }
}

function slotsFor(size: number): number {
  let slots = 16
  while (slots < size * 2) slots *= 2
  return slots
}
