/**
 * When each stream of sound sends its next packet, and with which sequence number and timestamp (RFC 3550 §5.1): typed arrays
 * over all calls. Time goes in steps of 5 ms; streams are spread over the four steps of the usual 20 ms. A step that comes
 * too late is made up for as long as a stream is less than one packet behind; what it is further behind is left out (its
 * timestamp goes on, and its next packet is marked), so that no stall is followed by a burst. Media thread.
 */
import { SAMPLES_PER_MS } from './sound-file.js'

export const STEP_MS = 5
const SPREAD = 4
const SAMPLES_PER_STEP = STEP_MS * SAMPLES_PER_MS
const NEVER = Number.POSITIVE_INFINITY

export class RtpStreams {
  #due = new Float64Array(64).fill(NEVER)
  /** Steps from packet to packet. */
  #period = new Uint8Array(64)
  /** Which of the steps of 20 ms, of those that were started. */
  #phase = new Uint8Array(64)
  sequence = new Uint16Array(64)
  /** Of the next packet. */
  timestamp = new Uint32Array(64)
  /** 1: something was left out before the next packet. */
  marker = new Uint8Array(64)
  readonly #load = new Int32Array(SPREAD)
  readonly #free: number[] = []
  #top = 0

  /** A stream that does not send yet. `chance`: where sequence number and timestamp begin, 32 bits each. */
  add(chance: () => number): number {
    const slot = this.#free.pop() ?? this.#top++
    if (slot === this.#due.length) this.#grow()
    this.sequence[slot] = chance()
    this.timestamp[slot] = chance()
    this.marker[slot] = 1
    return slot
  }

  remove(slot: number): void {
    if (this.#due[slot] !== NEVER) this.#load[this.#phase[slot]!]!--
    this.#due[slot] = NEVER
    this.#free.push(slot)
  }

  /** From the next step of the quietest phase on, or with another packet length from the next packet on. */
  start(slot: number, packetMs: number, step: number): void {
    this.#period[slot] = packetMs / STEP_MS
    if (this.#due[slot] !== NEVER) return
    const phase = this.#load.indexOf(Math.min(...this.#load))
    this.#phase[slot] = phase
    this.#load[phase]!++
    this.#due[slot] = step + 1 + ((phase - step - 1) & (SPREAD - 1))
  }

  /** The streams that send now into `slots`, which has room for all; how many. Each is moved on to its next packet. */
  collect(step: number, slots: Int32Array): number {
    let count = 0
    for (let slot = 0; slot < this.#top; slot++) {
      if (this.#due[slot]! > step) continue
      this.#moveOn(slot, step)
      slots[count++] = slot
    }
    return count
  }

  /** After a packet was sent, or would have been. */
  advance(slot: number, samples: number): void {
    this.timestamp[slot]! += samples
  }

  get capacity(): number {
    return this.#due.length
  }

  #moveOn(slot: number, step: number): void {
    const period = this.#period[slot]!
    const missed = Math.floor((step - this.#due[slot]!) / period)
    if (missed > 0) {
      this.timestamp[slot]! += missed * period * SAMPLES_PER_STEP
      this.marker[slot] = 1
    }
    this.#due[slot]! += (missed + 1) * period
  }

  #grow(): void {
    const size = this.#due.length * 2
    const due = new Float64Array(size).fill(NEVER)
    due.set(this.#due)
    this.#due = due
    this.#period = grown(this.#period, new Uint8Array(size))
    this.#phase = grown(this.#phase, new Uint8Array(size))
    this.sequence = grown(this.sequence, new Uint16Array(size))
    this.timestamp = grown(this.timestamp, new Uint32Array(size))
    this.marker = grown(this.marker, new Uint8Array(size))
  }
}

function grown<T extends Uint8Array | Uint16Array | Uint32Array>(from: T, into: T): T {
  into.set(from)
  return into
}
