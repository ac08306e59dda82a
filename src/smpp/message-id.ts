/**
 * Message ids in the one form under which a submit_sm_resp and its receipt are the same (carriers.md 14 to 18).
 *
 * The spec calls message_id opaque, yet carriers change case, drop leading zeros, or send hex in one place and decimal
 * in the other. `auto` folds what is harmless on both sides: hex-looking ids lose case and leading zeros. Detection of a
 * radix by evidence belongs here too, as a state that sees both sides of one carrier.
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

/** The id of a submit response: `same` leaves it alone, every other format folds it. */
export function normaliseResponseId(id: IdView, format: IdFormat): void {
  trim(id)
  if (format !== 'same') fold(id)
}

/** The id of a receipt: converted as the carrier's format says (hexToDec: receipts carry hex, responses decimal). */
export function normaliseReceiptId(id: IdView, format: IdFormat): void {
  trim(id)
  if (format === 'same') return
  if (format === 'hexToDec') convert(id, 16)
  else if (format === 'decToHex') convert(id, 10)
  fold(id)
}

function trim(id: IdView): void {
  while (id.length > 0 && id.bytes[id.start]! <= SPACE) {
    id.start++
    id.length--
  }
  while (id.length > 0 && id.bytes[id.start + id.length - 1]! <= SPACE) id.length--
}

/** Drops leading zeros and lowers A to F, only when every character is a hex digit: UUIDs stay as they are. */
function fold(id: IdView): void {
  const { bytes, start, length } = id
  let upper = false
  for (let at = start; at < start + length; at++) {
    const byte = bytes[at]!
    if (byte >= 0x30 && byte <= 0x39) continue
    const letter = byte | 0x20
    if (letter < 0x61 || letter > 0x66) return
    if (byte !== letter) upper = true
  }
  while (id.length > 1 && bytes[id.start] === 0x30) {
    id.start++
    id.length--
  }
  if (upper) lower(id)
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
