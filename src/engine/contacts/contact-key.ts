/** The key of a contact: any spelling of a number comes to the same, and so does any spelling of an email address. */

import type { ContactKey, NumberKey } from '../contract/contact-tasks.js'
import { limits } from '../contract/limits.js'
import type { NumberParser, ParsedNumber } from '../phone/number.js'

const CONTROL = /[\0-\x1f\x7f]|\p{Surrogate}/u
const EMAIL = /^[^\s@"<>,;:()[\]\\]+@[^\s@"<>,;:()[\]\\]+\.[^\s@"<>,;:()[\]\\.]{2,}$/

export function isEmail(text: string): boolean {
  return text.length <= limits.emailChars && EMAIL.test(text) && !CONTROL.test(text)
}

/** Of a number that was parsed without a reason against it. */
export function keyOf({ value, digits }: Pick<ParsedNumber, 'value' | 'digits'>): NumberKey {
  return Number.isSafeInteger(value) ? value : `+${digits}`
}

/** Case makes no other address. */
export function emailKey(email: string): string {
  return email.normalize('NFC').toLowerCase()
}

export function isEmailKey(key: ContactKey): key is string {
  return typeof key === 'string' && key.includes('@')
}

/** null: neither a number nor an email address. */
export function readKey(parser: NumberParser, written: string): ContactKey | null {
  if (written.includes('@')) return isEmail(written.trim()) ? emailKey(written.trim()) : null
  const parsed = parser.parse(written)
  return parsed.reason === 0 ? keyOf(parsed) : null
}

/** A number, or an address, as the API shows it. */
export function numberOf(key: ContactKey): string {
  return typeof key === 'number' ? `+${key}` : key
}

/**
 * 52 bits of an address, so that addresses have an index like that of numbers. Two addresses may have the same: whoever finds
 * a contact by it looks whether it is the one.
 */
export function emailHash(key: string): number {
  let high = 0x9e3779b9
  let low = 0x85ebca6b
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at)
    high = Math.imul(high ^ unit, 0x01000193)
    high ^= high >>> 15
    low = Math.imul(low + unit, 0x5bd1e995)
    low ^= low >>> 13
  }
  return ((high >>> 0) & 0xfffff) * 2 ** 32 + (Math.imul(low ^ (high >>> 7), 0x2c1b3c6d) >>> 0)
}
