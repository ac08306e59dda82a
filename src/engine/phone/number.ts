/**
 * Reads a phone number as people and spreadsheets write it and says whether it can be messaged.
 *
 * What is valid, its country and its line type are libphonenumber's (see plan.ts); how it may be written is ours. Runs
 * in the ingest threads, once per recipient.
 */
import assert from 'node:assert'
import { LINE_TYPES } from '../contract/number-rules.js'
import { reasonNumber } from '../contract/reasons.js'
import {
  type CallingPlan,
  countryCallingCodes,
  NATIONAL_DIGITS_MAX,
  NATIONAL_DIGITS_MIN,
  NOT_VALID,
  planOf,
} from './plan.js'
import { plainNumber } from './written.js'

export { LINE_TYPES } from '../contract/number-rules.js'
export { countryCallingCodes, isCountry, lineTypeName } from './plan.js'

/** Reused until the next call of `parse`. */
export interface ParsedNumber {
  /** 0 when valid, else reasonNumber of why not; the other fields then say nothing. */
  reason: number
  /** E.164 without +; of a short code its own digits. */
  digits: string
  /** What routes and prefixes are matched with: `digits`; of a short code behind the calling code of its country. */
  routeDigits: string
  /** The same as an integer: exact up to 16 digits; a few German landlines and toll-free numbers elsewhere are longer. */
  value: number
  /** ISO 3166, 001 for a code of no country, '' where the plan cannot tell. */
  country: string
  /** Index in LINE_TYPES. */
  lineType: number
  /** Not of the numbering plan: a short code of the default country. */
  isShortCode: boolean
  /** Read although its + (or 00), or its leading 0, was missing: spreadsheets take them away. */
  wasRepaired: boolean
}

export interface ParserOptions {
  /** Read 4 to 6 digits that are no number of the default country as a short code of it. Default false. */
  shortCodes?: boolean
}

const INVALID_NUMBER = reasonNumber('INVALID_NUMBER')
const UNSUPPORTED_COUNTRY = reasonNumber('UNSUPPORTED_COUNTRY')
const MOBILE = LINE_TYPES.indexOf('mobile')
const UNKNOWN_TYPE = LINE_TYPES.indexOf('unknown')
const CALLING_CODE_DIGITS = 3
/** Shorter ones are emergency and operator services; longer ones would let mistyped numbers pass. */
const SHORT_CODE = /^[1-9]\d{3,5}$/
/** The emergency numbers of four digits, by libphonenumber's ShortNumberInfo; there are none of five or six. */
const EMERGENCY: Readonly<Record<string, RegExp>> = {
  CF: /^1220$/,
  GA: /^(?:13\d\d|1730)$/,
  IN: /^(?:1298|2611)$/,
  OM: /^(?:1444|9999)$/,
  PK: /^1122$/,
  TH: /^1669$/,
}
const TRUNK_ZERO = 1

export class NumberParser {
  readonly #home: CallingPlan | null
  /** Index of the default country in its plan. */
  readonly #homeIndex: number
  /** How that country dials abroad, beside + and 00. */
  readonly #exit: RegExp | null
  readonly #shortCodes: boolean
  readonly #result: ParsedNumber

  /** `defaultCountry`: ISO 3166, as isCountry knows it; null reads international numbers only. */
  constructor(defaultCountry: string | null, options: ParserOptions = {}) {
    this.#result = refusedNumber()
    this.#shortCodes = options.shortCodes ?? false
    this.#home = null
    this.#homeIndex = 0
    this.#exit = null
    if (defaultCountry === null) return
    const code = countryCallingCodes.get(defaultCountry)
    assert(code !== undefined, `unknown country ${defaultCountry}`)
    this.#home = planOf(Number(code))!
    this.#homeIndex = this.#home.countries.findIndex((country) => country.iso === defaultCountry)
    const exit = this.#home.countries[this.#homeIndex]!.row[8]
    if (exit !== 0) this.#exit = new RegExp(`^(?:${exit})(?=[1-9])`)
  }

  parse(text: string): ParsedNumber {
    const plain = isPlain(text) ? text : plainNumber(text)
    if (typeof plain === 'number') return this.#refuse(plain)
    if (plain.charCodeAt(0) === 0x2b) return this.#international(plain, 1)
    if (this.#home !== null) return this.#fromHome(plain)
    return plain.startsWith('00') ? this.#international(plain, 2) : this.#withoutPlus(plain)
  }

  #withoutPlus(plain: string): ParsedNumber {
    const found = this.#international(plain, 0)
    if (found.reason !== 0) return this.#refuse(INVALID_NUMBER)
    found.wasRepaired = true
    return found
  }

  /**
   * Dialled abroad as one does there, else by the default country's rules, else international with 00. Without 00 a foreign
   * number is seen only where its length cannot be one of home, or where it begins with home's own calling code.
   */
  #fromHome(plain: string): ParsedNumber {
    const home = this.#home!
    const exit = this.#exit?.exec(plain)
    if (exit) {
      const found = this.#international(plain, exit[0].length)
      if (found.reason === 0) return found
    }
    if (plain.startsWith(home.code) && home.isWithCode(plain, this.#homeIndex)) {
      const found = this.#withoutPlus(plain)
      if (found.reason === 0) return found
    }
    const national = home.significant(plain, this.#homeIndex)
    // What is dialled abroad is no local number of an area whose code could be put before it.
    if (exit && !plain.endsWith(national)) return this.#refuse(INVALID_NUMBER)
    if (this.#judge(home, national, 0, this.#homeIndex)) {
      if (this.#result.lineType === MOBILE || !plain.startsWith(home.code)) return this.#acceptHome(plain, national)
      // 4915112345678 could be a landline in area 4915, but is a German mobile that lost its plus in a spreadsheet.
      const found = this.#withoutPlus(plain)
      if (found.reason === 0 && found.lineType === MOBILE) return found
      this.#judge(home, national, 0, this.#homeIndex)
      return this.#acceptHome(plain, national)
    }
    if (plain.startsWith('00')) return this.#international(plain, 2)
    if (this.#shortCodes && SHORT_CODE.test(plain)) return this.#shortCode(plain)
    // A mistyped number of home must not reach a stranger abroad.
    const isHomeLength = home.countries[this.#homeIndex]!.isLength(national.length)
    if (isHomeLength && !plain.startsWith(home.code)) return this.#refuse(INVALID_NUMBER)
    return this.#withoutPlus(plain)
  }

  #acceptHome(plain: string, national: string): ParsedNumber {
    const home = this.#home!
    const found = this.#accept(home.code + national)
    const hasTrunkZero = (home.countries[this.#homeIndex]!.prefixDigits & TRUNK_ZERO) !== 0
    found.wasRepaired = hasTrunkZero && plain === national && plain.charCodeAt(0) !== 0x30
    return found
  }

  #shortCode(plain: string): ParsedNumber {
    const home = this.#home!
    const { iso } = home.countries[this.#homeIndex]!
    if (EMERGENCY[iso]?.test(plain)) return this.#refuse(INVALID_NUMBER)
    const found = this.#accept(plain)
    found.country = iso
    found.lineType = UNKNOWN_TYPE
    found.routeDigits = home.code + plain
    found.isShortCode = true
    return found
  }

  /** `from`: where the calling code begins. */
  #international(plain: string, from: number): ParsedNumber {
    let code = 0
    for (let at = from; at < from + CALLING_CODE_DIGITS; at++) {
      if (at === plain.length || (at === from && plain.charCodeAt(at) === 0x30)) return this.#refuse(INVALID_NUMBER)
      code = code * 10 + plain.charCodeAt(at) - 48
      const plan = planOf(code)
      if (plan !== null) return this.#ofPlan(plan, plain, from)
    }
    return this.#refuse(UNSUPPORTED_COUNTRY)
  }

  #ofPlan(plan: CallingPlan, plain: string, from: number): ParsedNumber {
    const start = from + plan.code.length
    if (!plan.mayHavePrefix(plain.charCodeAt(start) - 48)) {
      return this.#judge(plan, plain, start, 0) ? this.#accept(plain.slice(from)) : this.#refuse(INVALID_NUMBER)
    }
    const national = plan.significant(plain.slice(start), 0)
    return this.#judge(plan, national, 0, 0) ? this.#accept(plan.code + national) : this.#refuse(INVALID_NUMBER)
  }

  /** Sets country and type; `country` is the plan's index of the one to go by when no country claims the number. */
  #judge(plan: CallingPlan, digits: string, start: number, country: number): boolean {
    const length = digits.length - start
    if (length < NATIONAL_DIGITS_MIN || length > NATIONAL_DIGITS_MAX) return false
    const state = plan.run(digits, start)
    const verdict = plan.verdict(state, length)
    const claimed = (verdict >> 8) - 1
    let lineType = (verdict & 0xff) - 1
    if (claimed < 0 && country !== 0) lineType = plan.lineTypeIn(country, state, length)
    if (lineType === NOT_VALID) return false
    this.#result.country =
      claimed >= 0 ? plan.countries[claimed]!.iso : country !== 0 ? plan.countries[country]!.iso : ''
    this.#result.lineType = lineType
    return true
  }

  #accept(digits: string): ParsedNumber {
    let value = 0
    for (let at = 0; at < digits.length; at++) value = value * 10 + digits.charCodeAt(at) - 48
    const result = this.#result
    result.reason = 0
    result.digits = digits
    result.routeDigits = digits
    result.value = value
    result.isShortCode = false
    result.wasRepaired = false
    return result
  }

  #refuse(reason: number): ParsedNumber {
    const result = this.#result
    result.reason = reason
    result.digits = ''
    result.routeDigits = ''
    result.value = 0
    result.country = ''
    result.lineType = UNKNOWN_TYPE
    result.isShortCode = false
    result.wasRepaired = false
    return result
  }
}

function refusedNumber(): ParsedNumber {
  return {
    reason: INVALID_NUMBER,
    digits: '',
    routeDigits: '',
    value: 0,
    country: '',
    lineType: UNKNOWN_TYPE,
    isShortCode: false,
    wasRepaired: false,
  }
}

/** Digits only, or behind one plus. */
function isPlain(text: string): boolean {
  const first = text.charCodeAt(0) === 0x2b ? 1 : 0
  if (text.length === first) return false
  for (let at = first; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return false
  }
  return true
}
