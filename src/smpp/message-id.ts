/**
 * Message ids in the one form under which a submit_sm_resp and its receipt are the same (carriers.md 14 to 18).
 *
 * The spec calls message_id opaque, yet carriers change case, drop leading zeros, or send hex in one place and decimal
 * in the other. `auto` folds what is harmless on both sides: hex-looking ids lose case and leading zeros.
 */
export type IdFormat = 'auto' | 'same' | 'hexToDec' | 'decToHex'

/** An id as a place in a buffer; `normalise` may point it at scratch memory that the next call overwrites. */
export interface IdView {
  bytes: Buffer
  start: number
  length: number
}

const scratch = Buffer.allocUnsafe(1024)
const SPACE = 0x20

/** Evidence that is remembered of one side, so that a stray id of another kind turns nothing over. */
const LEAN_MAX = 8

/** The ids of one carrier. One per carrier, shared by its binds. */
export class MessageIds {
  readonly #format: IdFormat
  /** Above 0: responses were seen with hex letters; below 0: receipts were. */
  #lean = 0

  constructor(format: IdFormat) {
    this.#format = format
  }

  /** The id of a submit response: `same` leaves it alone, every other format folds it. */
  response(id: IdView): void {
    trim(id)
    if (this.#format !== 'same' && fold(id) && this.#lean < LEAN_MAX) this.#lean++
  }

  /**
   * The id of a receipt, converted as the carrier's format says. Which side is hex shows by its letters, so the two
   * names cannot be mixed up for long: `hexToDec` (receipts hex, responses decimal) holds until there is evidence.
   */
  receipt(id: IdView): void {
    trim(id)
    if (this.#format === 'same') return
    const hasLetters = fold(id)
    if (this.#format === 'auto') return
    if (hasLetters && this.#lean > -LEAN_MAX) this.#lean--
    const receiptsHex = this.#lean === 0 ? this.#format === 'hexToDec' : this.#lean < 0
    convert(id, receiptsHex ? 16 : 10)
    fold(id)
  }
}

function trim(id: IdView): void {
  while (id.length > 0 && id.bytes[id.start]! <= SPACE) {
    id.start++
    id.length--
  }
  while (id.length > 0 && id.bytes[id.start + id.length - 1]! <= SPACE) id.length--
}

/** Drops leading zeros and lowers A to F, only when every character is a hex digit: UUIDs stay. True: with letters. */
function fold(id: IdView): boolean {
  const { bytes, start, length } = id
  let letters = false
  let upper = false
  for (let at = start; at < start + length; at++) {
    const byte = bytes[at]!
    if (byte >= 0x30 && byte <= 0x39) continue
    const letter = byte | 0x20
    if (letter < 0x61 || letter > 0x66) return false
    letters = true
    if (byte !== letter) upper = true
  }
  while (id.length > 1 && bytes[id.start] === 0x30) {
    id.start++
    id.length--
  }
  if (upper) lower(id)
  return letters
}

function lower(id: IdView): void {
  if (id.length > scratch.length) return
  for (let at = 0; at < id.length; at++) {
    const byte = id.bytes[id.start + at]!
    scratch[at] = byte >= 0x41 && byte <= 0x46 ? byte | 0x20 : byte
  }
  id.bytes = scratch
  id.start = 0
}

/** Radix change through BigInt, since ids go beyond 2^53 (jasmin#586); anything but digits of the radix stays. */
function convert(id: IdView, from: 10 | 16): void {
  if (id.length === 0 || id.length > 64) return
  const text = id.bytes.latin1Slice(id.start, id.start + id.length)
  if (!(from === 10 ? /^[0-9]+$/ : /^[0-9a-fA-F]+$/).test(text)) return
  const converted = from === 10 ? BigInt(text).toString(16) : BigInt(`0x${text}`).toString(10)
  id.length = scratch.latin1Write(converted, 0)
  id.bytes = scratch
  id.start = 0
}
