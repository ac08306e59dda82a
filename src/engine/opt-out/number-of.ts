/** A number of a request as the integer that suppressions are stored under. Main thread. */
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

/** However it is written; `reading` null: international. @throws EngineError INVALID_NUMBER. */
export function numberOf(text: string, reading: NumberReading | null): number {
  const parsed = parserFor(reading?.defaultCountry ?? null, reading?.allowShortCodes ?? false).parse(text)
  if (parsed.reason === 0) return parsed.value
  throw new EngineError('INVALID_NUMBER', reasonHelp(reasonCode(parsed.reason)))
}
