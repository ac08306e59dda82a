/** A number of a request as the integer that suppressions are stored under. Main thread. */
import { addressKey } from '../base/address-key.js'
import { emailAddress } from '../base/email-address.js'
import { EngineError } from '../contract/errors.js'
import { reasonCode, reasonHelp } from '../contract/reasons.js'
import { NumberParser } from '../phone/number.js'

export interface NumberReading {
  defaultCountry: string | null
  allowShortCodes: boolean
}

const parsers = new Map<string, NumberParser>()

/** Parsers are costly to make and the same for all accounts of a country. */
export function parserFor(defaultCountry: string | null, shortCodes: boolean): NumberParser {
  const key = `${defaultCountry} ${shortCodes}`
  let parser = parsers.get(key)
  if (parser === undefined) {
    parser = new NumberParser(defaultCountry, { shortCodes })
    parsers.set(key, parser)
  }
  return parser
}

/** A recipient of a request as suppressions are stored under it. `mail`: its email address, where it is one. */
export interface Recipient {
  number: number
  mail?: string
}

/** However it is written. @throws EngineError INVALID_NUMBER, INVALID_EMAIL. */
export function recipientOf(text: string, reading: NumberReading | null): Recipient {
  if (!text.includes('@')) return { number: numberOf(text, reading) }
  const mail = emailAddress(text)
  if (mail === null) throw new EngineError('INVALID_NUMBER', reasonHelp('INVALID_EMAIL'))
  return { number: addressKey(mail), mail }
}

/** However it is written; `reading` null: international. @throws EngineError INVALID_NUMBER. */
export function numberOf(text: string, reading: NumberReading | null): number {
  const parsed = parserFor(reading?.defaultCountry ?? null, reading?.allowShortCodes ?? false).parse(text)
  if (parsed.reason === 0) return parsed.value
  throw new EngineError('INVALID_NUMBER', reasonHelp(reasonCode(parsed.reason)))
}
