/** The key of a contact: any spelling of a number comes to the same. */
import type { ContactKey } from '../contract/contact-tasks.js'
import type { NumberParser, ParsedNumber } from '../phone/number.js'

/** Of a number that was parsed without a reason against it. */
export function keyOf({ value, digits }: ParsedNumber): ContactKey {
  return Number.isSafeInteger(value) ? value : `+${digits}`
}

/** null: not a number. */
export function readKey(parser: NumberParser, written: string): ContactKey | null {
  const parsed = parser.parse(written)
  return parsed.reason === 0 ? keyOf(parsed) : null
}

/** As the API shows it. */
export function numberOf(key: ContactKey): string {
  return typeof key === 'number' ? `+${key}` : key
}
