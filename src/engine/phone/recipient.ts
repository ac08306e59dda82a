/** A recipient as messages and reports write it, from however it is asked for. */
import { emailAddress } from '../base/email-address.js'
import type { NumberRules } from '../contract/number-rules.js'
import { NumberParser } from './number.js'

type Spelling = Pick<NumberRules, 'allowShortCodes'> & { defaultCountry: string | null }

/** `account` null: nobody's, so a national number is none. null: neither a number nor an email address. */
export function recipientAsked(account: Spelling | null, number: string): string | null {
  if (number.includes('@')) return emailAddress(number)
  const shortCodes = account?.allowShortCodes ?? false
  const parsed = new NumberParser(account?.defaultCountry ?? null, { shortCodes }).parse(number)
  if (parsed.reason !== 0) return null
  return parsed.isShortCode ? parsed.digits : `+${parsed.digits}`
}
