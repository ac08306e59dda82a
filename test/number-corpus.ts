/** Phone numbers of every plan as generated or written, and what differs between our reading and libphonenumber-js's. */
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { Random } from '../src/engine/base/random.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { countryCallingCodes, LINE_TYPES, NumberParser, type ParsedNumber } from '../src/engine/phone/number.js'
import type { PlanRow } from '../src/engine/phone/plan.js'
import { PLAN_ROWS } from '../src/engine/phone/plan-data.generated.js'
import { plainNumber } from '../src/engine/phone/written.js'

const THEIR_TYPES: Record<string, string | undefined> = {
  mobile: 'MOBILE',
  fixed: 'FIXED_LINE',
  fixedOrMobile: 'FIXED_LINE_OR_MOBILE',
  tollFree: 'TOLL_FREE',
  premium: 'PREMIUM_RATE',
  sharedCost: 'SHARED_COST',
  voip: 'VOIP',
  personal: 'PERSONAL_NUMBER',
  pager: 'PAGER',
  uan: 'UAN',
  voicemail: 'VOICEMAIL',
}
const ASCII = /^[\x20-\x7e]*$/
/** A number that went through a floating-point column: its 0 is no digit, so it is refused. */
const DECIMAL = /^\+?\d+\.0+$/
const MOBILE = LINE_TYPES.indexOf('mobile')

export const COUNTRY_ROWS = PLAN_ROWS.filter((row) => row[0] !== '001')
const international = new NumberParser(null)
const parsers = new Map<string, NumberParser>()

export function parserOf(country: string | null): NumberParser {
  if (country === null) return international
  let parser = parsers.get(country)
  if (parser === undefined) {
    parser = new NumberParser(country)
    parsers.set(country, parser)
  }
  return parser
}

export interface Written {
  text: string
  /** Default country; null: none. */
  country: string | null
}

interface TheirNumber {
  number: string
  country?: string
  ext?: string
  isValid(): boolean
  getType(): string | undefined
}

function factsOf(number: TheirNumber): string {
  return [number.number, number.country ?? '001', number.getType()].join()
}

function ourFacts({ digits, country, lineType }: ParsedNumber): string {
  return [`+${digits}`, country, THEIR_TYPES[LINE_TYPES[lineType]!]].join()
}

/**
 * '' when both say the same, else what differs. On purpose we read more than they do: numbers whose + or 00 is missing, 00
 * where another prefix is dialled, thin spaces. What we then read must be one of their numbers.
 */
export function difference({ text, country }: Written): string {
  const ours = parserOf(country).parse(text)
  // They take a full-width plus for a letter and read what follows as a national number.
  const theirs = parsePhoneNumberFromString(text.replace('＋', '+'), (country ?? undefined) as CountryCode | undefined)
  const valid = theirs?.isValid() === true
  const about = `${JSON.stringify(text)} ${country ?? ''}:`
  if (valid && theirs.ext !== undefined) {
    return reasonCode(ours.reason) === 'PHONE_EXTENSION' ? '' : `${about} an extension, ours ${reasonCode(ours.reason)}`
  }
  if (ours.reason !== 0)
    return valid && !DECIMAL.test(text) ? `${about} theirs ${factsOf(theirs)}, ours ${reasonCode(ours.reason)}` : ''
  const our = ourFacts(ours)
  if (valid) {
    // 4915112345678 at home: a German mobile that lost its plus, rather than a landline in area 4915.
    const lostPlus = country !== null && ours.wasRepaired && ours.lineType === MOBILE && isPlain(text, ours)
    return factsOf(theirs) === our || lostPlus ? '' : `${about} theirs ${factsOf(theirs)}, ours ${our}`
  }
  if (country === null && !ours.wasRepaired && ASCII.test(text)) return `${about} theirs not valid, ours ${our}`
  return plainerWays(text, country).includes(our) ? '' : `${about} ours ${our}, which is none of theirs`
}

/** What they read in the digits alone: dialled at home, behind the plus that is missing, or behind home's own code. */
function plainerWays(text: string, country: string | null): string[] {
  const plain = String(plainNumber(text))
  const home = (country ?? undefined) as CountryCode | undefined
  const plus = [`+${plain.replace(/^00/, '')}`, `+${countryCallingCodes.get(country ?? '')}${plain}`]
  const read = [parsePhoneNumberFromString(plain, home), ...plus.map((digits) => parsePhoneNumberFromString(digits))]
  return read.filter((number) => number?.isValid() === true).map((number) => factsOf(number!))
}

function isPlain(text: string, ours: ParsedNumber): boolean {
  return text.replace(/[^\p{Nd}]/gu, '').length === ours.digits.length
}

/** Draws strings that a digit pattern matches. */
export class Sampler {
  readonly #random: Random
  #pattern = ''
  #at = 0

  constructor(random: Random) {
    this.#random = random
  }

  draw(pattern: string): string {
    this.#pattern = pattern.replaceAll('$', '')
    this.#at = 0
    return this.#choice()()
  }

  #choice(): () => string {
    const options = [this.#sequence()]
    while (this.#pattern[this.#at] === '|') {
      this.#at++
      options.push(this.#sequence())
    }
    return () => options[this.#random.below(options.length)]!()
  }

  #sequence(): () => string {
    const items: (() => string)[] = []
    while (this.#at < this.#pattern.length && !'|)'.includes(this.#pattern[this.#at]!)) {
      items.push(this.#repeated(this.#atom()))
    }
    return () => items.map((item) => item()).join('')
  }

  #atom(): () => string {
    const char = this.#pattern[this.#at++]!
    if (char === '(') {
      if (this.#pattern[this.#at] === '?') this.#at += 2
      const inner = this.#choice()
      this.#at++
      return inner
    }
    let among = char
    if (char === '\\') {
      this.#at++
      among = '0123456789'
    } else if (char === '[') {
      const close = this.#pattern.indexOf(']', this.#at)
      const ranges = this.#pattern.slice(this.#at, close)
      among = [...'0123456789'].filter((digit) => new RegExp(`[${ranges}]`).test(digit)).join('')
      this.#at = close + 1
    }
    return () => among[this.#random.below(among.length)]!
  }

  #repeated(item: () => string): () => string {
    const quantifier = /^(?:\?|\{(\d+)(?:,(\d+))?\})/.exec(this.#pattern.slice(this.#at))
    if (quantifier === null) return item
    this.#at += quantifier[0].length
    const min = Number(quantifier[1] ?? 0)
    const max = Number(quantifier[2] ?? quantifier[1] ?? 1)
    return () => Array.from({ length: min + this.#random.below(max - min + 1) }, item).join('')
  }
}

/** The general pattern of a plan, then that of each type. */
export function patternsOf(row: PlanRow): string[] {
  const types = row[4] === 0 ? [] : row[4].map((entry) => (entry === 0 ? '' : entry[0])).filter((text) => text !== '')
  return [row[2], ...types]
}

const ARABIC = 0x660
const PERSIAN = 0x6f0
const FULL_WIDTH = 0xff10
const SEPARATORS = [' ', '-', '.', '/', '\u00a0', '\u2009', '\u2010', '\u2011', ' - ']

/** Numbers of all plans: valid, near-valid and random, international and national, plain and with everything around them. */
export class NumberCorpus {
  readonly #random: Random
  readonly #sampler: Sampler

  constructor(random: Random) {
    this.#random = random
    this.#sampler = new Sampler(random)
  }

  next(): Written {
    const { digits, country } = this.#bare()
    const kind = this.#random.below(10)
    if (kind < 4) return { text: digits, country }
    if (kind < 8) return { text: this.#separated(digits), country }
    if (kind === 8) return { text: this.#inOtherDigits(digits), country }
    return {
      text:
        digits +
        this.#among([' x12', ' ext. 3', ';ext=44', ' #7', 'x9', ' ext 123', '~5', ' int 8', ' доб. 12', ' anexo 3']),
      country,
    }
  }

  /** Digits, mostly behind a plus, without anything between. */
  #bare(): { digits: string; country: string | null } {
    const row = this.#among(PLAN_ROWS)
    const [country, code] = row
    const national = this.#national(row)
    const kind = this.#random.below(8)
    if (kind < 3 || country === '001') return { digits: `+${code}${national}`, country: this.#anyCountry() }
    const prefix = row[5] === 0 ? '' : this.#sampler.draw(row[5])
    if (kind < 5) return { digits: prefix + national, country }
    if (kind === 5) return { digits: national, country }
    if (kind === 6) return { digits: code + national, country: this.#random.below(2) === 0 ? country : null }
    return this.#dialledFrom(this.#among(COUNTRY_ROWS), code + national)
  }

  #dialledFrom(from: PlanRow, digits: string): { digits: string; country: string } {
    const exit = from[8] === 0 ? '00' : this.#sampler.draw(from[8])
    return { digits: exit + digits, country: from[0] }
  }

  #anyCountry(): string | null {
    return this.#random.below(2) === 0 ? null : this.#among(COUNTRY_ROWS)[0]
  }

  /** A number of one of the plan's ranges, as it is or with a digit changed, lost or added; or any digits. */
  #national(row: PlanRow): string {
    const kind = this.#random.below(8)
    if (kind === 0) return Array.from({ length: 2 + this.#random.below(13) }, () => this.#random.below(10)).join('')
    const digits = this.#sampler.draw(this.#among(patternsOf(row)))
    if (kind < 5) return digits
    const at = this.#random.below(digits.length)
    if (kind === 5) return digits.slice(0, at) + this.#random.below(10) + digits.slice(at + 1)
    return kind === 6 ? digits.slice(0, at) + digits.slice(at + 1) : digits.slice(0, at) + digits[at] + digits.slice(at)
  }

  /** As people group digits; the parts of a bracket stay together. */
  #separated(digits: string): string {
    const plus = digits.startsWith('+') ? '+' : ''
    let rest = digits.slice(plus.length)
    const groups: string[] = []
    while (rest !== '') {
      const size = 1 + this.#random.below(4)
      groups.push(rest.slice(0, size))
      rest = rest.slice(size)
    }
    const bracket = this.#random.below(3) === 0 && groups.length > 2 ? 1 : -1
    const separator = this.#among(SEPARATORS)
    return plus + groups.map((group, place) => (place === bracket ? `(${group})` : group)).join(separator)
  }

  #inOtherDigits(digits: string): string {
    const zero = this.#among([ARABIC, PERSIAN, FULL_WIDTH])
    const text = digits.replace(/\d/g, (digit) => String.fromCharCode(zero + Number(digit)))
    return zero === FULL_WIDTH ? text.replace('+', '＋') : text
  }

  #among<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)]!
  }
}
