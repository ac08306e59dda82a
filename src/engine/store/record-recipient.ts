/** Who a stored record goes to: digits of a phone number or short code, or an email address. Hot path; `at`: of the record. */
import { addressKeyAt } from '../base/address-key.js'
import { numberTail } from '../base/number-tail.js'
import { CHANNELS } from '../contract/message.js'

export const RECORD_HEAD_BYTES = 32
export const IS_SHORT_CODE = 2
const EMAIL = CHANNELS.indexOf('email')
const ZERO = 0x30

function isEmail(bytes: Buffer, at: number): boolean {
  return bytes[at + 6] === EMAIL
}

/** The number as an integer, exact up to 15 digits (E.164); of an email the key of its address. */
export function recipientNumber(bytes: Buffer, at: number): number {
  const start = at + RECORD_HEAD_BYTES
  const length = bytes[at + 10]!
  if (isEmail(bytes, at)) return addressKeyAt(bytes, start, length)
  let number = 0
  for (let n = start; n < start + length; n++) number = number * 10 + bytes[n]! - ZERO
  return number
}

/** End of the number, see base/number-tail.ts; 0: it has none. */
export function recipientTail(bytes: Buffer, at: number): number {
  return isEmail(bytes, at) ? 0 : numberTail(bytes, at + RECORD_HEAD_BYTES, bytes[at + 10]!)
}

/** As it is stored: without a plus sign. */
export function recipientDigits(bytes: Buffer, at: number): string {
  return bytes.latin1Slice(at + RECORD_HEAD_BYTES, at + RECORD_HEAD_BYTES + bytes[at + 10]!)
}

/** A number of a country or network: neither a short code nor an address. */
export function recipientIsPlaced(bytes: Buffer, at: number): boolean {
  return !isEmail(bytes, at) && (bytes[at + 9]! & IS_SHORT_CODE) === 0
}

/** As people write it: +E.164, a short code, an address; '' = it was erased. */
export function recipientText(bytes: Buffer, at: number): string {
  if (bytes[at + 10] === 0) return ''
  const isWhole = isEmail(bytes, at) || (bytes[at + 9]! & IS_SHORT_CODE) !== 0
  return isWhole ? recipientDigits(bytes, at) : `+${recipientDigits(bytes, at)}`
}

/** Of an email its address; null: it goes to a number. */
export function recipientAddress(bytes: Buffer, at: number): string | null {
  return isEmail(bytes, at) ? recipientDigits(bytes, at) : null
}
