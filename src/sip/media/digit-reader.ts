/**
 * Digits that a telephone presses, out of telephone-event packets (RFC 4733 §2). A press is told with the first packet of
 * it that comes, so that lost ends and a lost marker do not matter, and it is known by its timestamp, so that repeated and
 * misordered packets do not press again. Media thread, once a packet of that kind.
 *
 * Payload: one or more blocks (§2.5.1.5) of 4 octets: event · 1 bit end, 1 bit reserved, 6 bits volume · u16 duration.
 */
import type { RtpView } from './rtp-header.js'

const BLOCK_BYTES = 4
const DIGITS = '0123456789*#ABCD'
const END = 0x80
/** Presses that packets may still come of. */
const KNOWN = 8
/** Two presses cannot begin within 60 ms. Some gateways give each packet of one press a timestamp of its own. */
const STUTTER_SAMPLES = 480
/** A press of more than 8 seconds goes on as another event, which begins where the longest one ends (§2.5.1.3). */
const LONG = { durationMin: 0xc000, gapMin: 0xe000, gapMax: 0x1_0400 } as const
/** Far more than anybody presses in one call; then no more are told. */
const PRESSES_MAX = 500

export class DigitReader {
  readonly #timestamps = new Uint32Array(KNOWN)
  readonly #events = new Uint8Array(KNOWN).fill(0xff)
  readonly #durations = new Uint16Array(KNOWN)
  readonly #ended = new Uint8Array(KNOWN)
  #last = 0
  #presses = 0

  /** The digits that this packet is the first one of; '' = none, as with most. */
  read(packet: Buffer, view: RtpView): string {
    let pressed = ''
    let timestamp = view.timestamp
    for (let at = view.start; at + BLOCK_BYTES <= view.end; at += BLOCK_BYTES) {
      const event = packet[at]!
      const duration = packet.readUInt16BE(at + 2)
      if (event < DIGITS.length && this.#isPress(event, timestamp, view.marker)) pressed += DIGITS[event]!
      this.#note(event, timestamp, duration, (packet[at + 1]! & END) !== 0)
      timestamp = (timestamp + duration) >>> 0
    }
    return pressed
  }

  /** Remembered as the last one where it is. */
  #isPress(event: number, timestamp: number, marker: boolean): boolean {
    for (let n = 0; n < KNOWN; n++) {
      if (this.#events[n] === event && this.#isSame(n, timestamp, marker)) {
        // The latest timestamp is kept: of a press that stutters or goes on, the next packet is compared with it.
        if (((timestamp - this.#timestamps[n]!) | 0) > 0) this.#timestamps[n] = timestamp
        return false
      }
    }
    this.#last = (this.#last + 1) % KNOWN
    this.#events[this.#last] = event
    this.#timestamps[this.#last] = timestamp
    this.#durations[this.#last] = 0
    this.#ended[this.#last] = 0
    return this.#presses++ < PRESSES_MAX
  }

  #isSame(known: number, timestamp: number, marker: boolean): boolean {
    const gap = (timestamp - this.#timestamps[known]!) | 0
    if (Math.abs(gap) < STUTTER_SAMPLES) return true
    const wasLong = this.#ended[known] === 0 && this.#durations[known]! >= LONG.durationMin
    return wasLong && !marker && gap >= LONG.gapMin && gap <= LONG.gapMax
  }

  /** How far the press has come. */
  #note(event: number, timestamp: number, duration: number, isEnd: boolean): void {
    for (let n = 0; n < KNOWN; n++) {
      if (this.#events[n] !== event || this.#timestamps[n] !== timestamp) continue
      this.#durations[n] = Math.max(this.#durations[n]!, duration)
      if (isEnd) this.#ended[n] = 1
    }
  }
}
