/**
 * Numbering plans: what a calling code's national numbers look like, to which country and line type each belongs.
 *
 * The data is libphonenumber's (see scripts/build-plan.ts) and the decisions are those of libphonenumber-js with its
 * full metadata: same validity, country and type. A plan is compiled when its calling code is first seen in a thread.
 */
import { LINE_TYPES, type LineTypeName } from '../contract/number-rules.js'
import { type Automaton, compileAutomaton, type TaggedPattern } from './automaton.js'
import { PLAN_ROWS } from './plan-data.generated.js'

/** ['' , …] of mobile: its pattern is that of fixed. */
type TypeEntry = 0 | readonly [string, (readonly number[])?]
/** One country (or 001): 0 stands for absent. */
export type PlanRow = readonly [
  country: string,
  code: string,
  general: string,
  lengths: readonly number[],
  types: 0 | readonly TypeEntry[],
  nationalPrefix: string | 0,
  prefixTransform: string | 0,
  leadingDigits: string | 0,
  idd: string | 0,
]

export function lineTypeName(lineType: number): LineTypeName {
  return LINE_TYPES[lineType] ?? 'unknown'
}

const FIXED_LINE = 1
const FIXED_OR_MOBILE = 2
const UNKNOWN = 11
/** Answer of lineType when a number is not of the plan. */
export const NOT_VALID = -1

/** Places of fixed and mobile in a row's types. */
const FIXED_ENTRY = 0
const MOBILE_ENTRY = 1
/** The other types in the order in which they are asked, as [place in a row's types, index in LINE_TYPES]. */
const ASKED_IN_TURN: readonly (readonly [number, number])[] = [
  [MOBILE_ENTRY, 0],
  [3, 4],
  [2, 3],
  [9, 5],
  [8, 6],
  [4, 7],
  [7, 8],
  [6, 9],
  [5, 10],
]

/** ITU-T E.164 says 15 with the calling code; Germany has longer ones. */
export const NATIONAL_DIGITS_MAX = 17
export const NATIONAL_DIGITS_MIN = 2

/** Tags of a row in its automaton: general, leading digits, then one a type. */
const TAGS_PER_ROW = 12
const GENERAL = 0
const LEADING = 1
const FIRST_TYPE = 2

class Country {
  readonly row: PlanRow
  readonly iso: string
  readonly #firstTag: number
  readonly #prefix: RegExp | null
  /** Bit n set: a national prefix can begin with digit n. */
  readonly prefixDigits: number

  constructor(row: PlanRow, index: number) {
    this.row = row
    this.iso = row[0]
    this.#firstTag = index * TAGS_PER_ROW
    this.#prefix = row[5] === 0 ? null : new RegExp(`^(?:${row[5]})`)
    this.prefixDigits = row[5] === 0 ? 0 : digitsThatBegin(row[5])
  }

  patterns(): TaggedPattern[] {
    const [, , general, , types, , , leading] = this.row
    const found: TaggedPattern[] = [{ pattern: general, tag: this.#firstTag + GENERAL, prefix: false }]
    if (leading !== 0) found.push({ pattern: leading, tag: this.#firstTag + LEADING, prefix: true })
    if (types === 0) return found
    types.forEach((entry, place) => {
      if (entry === 0 || entry[0] === '') return
      found.push({ pattern: entry[0], tag: this.#firstTag + FIRST_TYPE + place, prefix: false })
    })
    return found
  }

  isGeneral(accepted: ReadonlySet<number>): boolean {
    return accepted.has(this.#firstTag + GENERAL)
  }

  /** True or false by leading digits; null when the country has none and only its types can tell. */
  isLeading(accepted: ReadonlySet<number>): boolean | null {
    return this.row[7] === 0 ? null : accepted.has(this.#firstTag + LEADING)
  }

  /** Line type, UNKNOWN for plans without types, or NOT_VALID. */
  lineType(accepted: ReadonlySet<number>, length: number): number {
    if (!this.isGeneral(accepted)) return NOT_VALID
    const types = this.row[4]
    if (types === 0) return UNKNOWN
    if (this.#isType(accepted, length, FIXED_ENTRY)) {
      const mobile = types[MOBILE_ENTRY]
      const same = !mobile || mobile[0] === '' || this.#isType(accepted, length, MOBILE_ENTRY)
      return same ? FIXED_OR_MOBILE : FIXED_LINE
    }
    for (const [place, lineType] of ASKED_IN_TURN) if (this.#isType(accepted, length, place)) return lineType
    return NOT_VALID
  }

  #isType(accepted: ReadonlySet<number>, length: number, place: number): boolean {
    if (!accepted.has(this.#firstTag + FIRST_TYPE + place)) return false
    const entry = (this.row[4] as readonly TypeEntry[])[place] as readonly [string, (readonly number[])?]
    return (entry[1] ?? this.row[3]).includes(length)
  }

  isLength(length: number): boolean {
    return this.row[3].includes(length)
  }

  /** False: too short, or between two possible lengths. Too long is left to the patterns. */
  isPossibleLength(length: number): boolean {
    return this.isLength(length) || this.isTooLong(length)
  }

  isTooLong(length: number): boolean {
    return length > this.row[3][this.row[3].length - 1]!
  }

  /** The number without national prefix and carrier code, by pattern alone; the same string when there is none. */
  withoutPrefix(national: string): string {
    const match = this.#prefix!.exec(national)
    if (match === null) return national
    const transform = this.row[6]
    if (transform !== 0 && match.length > 1 && match[match.length - 1]) {
      return national.replace(this.#prefix!, transform)
    }
    return national.slice(match[0].length)
  }
}

/** Bit n set: a match of at least one digit can begin with n. */
function digitsThatBegin(pattern: string): number {
  const { next } = compileAutomaton([{ pattern: pattern.replaceAll('$', ''), tag: 0, prefix: false }])
  let mask = 0
  for (let digit = 0; digit < 10; digit++) if (next[10 + digit] !== 0) mask |= 1 << digit
  return mask
}

/** All countries of one calling code. */
export class CallingPlan {
  readonly code: string
  readonly countries: readonly Country[]
  /** True for 800, 881 and the like, which belong to no country. */
  readonly global: boolean
  readonly #automaton: Automaton
  /** By state × 18 + length: (country + 1) << 8 | line type + 1; -1 = not asked yet. */
  readonly #verdicts: Int32Array

  constructor(code: string, rows: readonly PlanRow[]) {
    this.code = code
    this.countries = rows.map((row, index) => new Country(row, index))
    this.global = rows[0]![0] === '001'
    this.#automaton = compileAutomaton(this.countries.flatMap((country) => country.patterns()))
    this.#verdicts = new Int32Array(this.#automaton.accepts.length * (NATIONAL_DIGITS_MAX + 1)).fill(-1)
  }

  /** State after the digits of `text` from `from` on. */
  run(text: string, from: number): number {
    const { next } = this.#automaton
    let state = 1
    for (let at = from; at < text.length; at++) state = next[state * 10 + text.charCodeAt(at) - 48]!
    return state
  }

  /**
   * Country and type of the number that led to `state`: (country + 1) << 8 | (line type + 1), 0 in either for none.
   * A number of no certain country is judged by the main one. `length` is within NATIONAL_DIGITS_MAX.
   */
  verdict(state: number, length: number): number {
    const place = state * (NATIONAL_DIGITS_MAX + 1) + length
    const known = this.#verdicts[place]!
    if (known >= 0) return known
    const country = this.countryOf(state, length)
    const verdict = ((country + 1) << 8) | (this.lineTypeIn(Math.max(country, 0), state, length) + 1)
    this.#verdicts[place] = verdict
    return verdict
  }

  #claimedBy(state: number, length: number): number {
    return length > NATIONAL_DIGITS_MAX ? this.countryOf(state, length) : (this.verdict(state, length) >> 8) - 1
  }

  /** Line type of the number as one of that country, or NOT_VALID. */
  lineTypeIn(country: number, state: number, length: number): number {
    return this.countries[country]!.lineType(this.#automaton.accepts[state]!, length)
  }

  /** Index in `countries`, or -1 when none claims the number. A code of one country belongs to it without a look. */
  countryOf(state: number, length: number): number {
    if (this.countries.length === 1) return 0
    const accepted = this.#automaton.accepts[state]!
    return this.countries.findIndex((country) => {
      const leading = country.isLeading(accepted)
      if (leading !== null) return leading
      return country.lineType(accepted, length) !== NOT_VALID && country.row[4] !== 0
    })
  }

  /**
   * Whether a number that begins with this calling code has it (its plus was lost) rather than an area code of the same
   * digits: when only the rest can be a national number, or the whole is too long for one.
   */
  isWithCode(plain: string, country: number): boolean {
    const writtenIn = this.countries[country]!
    const { accepts } = this.#automaton
    const whole = this.significant(plain, country)
    if (writtenIn.isTooLong(whole.length)) return true
    if (writtenIn.isGeneral(accepts[this.run(whole, 0)]!)) return false
    return writtenIn.isGeneral(accepts[this.run(this.significant(plain.slice(this.code.length), country), 0)]!)
  }

  /** False: no national number that begins with the digit has a national prefix, written by the main country's rules. */
  mayHavePrefix(digit: number): boolean {
    return (this.countries[0]!.prefixDigits & (1 << digit)) !== 0
  }

  /**
   * The national (significant) number: without national prefix and carrier code where what remains can be a number.
   * `country` is the index of the country by whose rules it is written.
   */
  significant(national: string, country: number): string {
    const writtenIn = this.countries[country]!
    if ((writtenIn.prefixDigits & (1 << (national.charCodeAt(0) - 48))) === 0) return national
    const rest = writtenIn.withoutPrefix(national)
    if (rest === national) return national
    const { accepts } = this.#automaton
    const after = this.run(rest, 0)
    const worse = writtenIn.isGeneral(accepts[this.run(national, 0)]!) && !writtenIn.isGeneral(accepts[after]!)
    if (worse) return national
    const found = this.global ? -1 : this.#claimedBy(after, rest.length)
    const judge = found < 0 ? writtenIn : this.countries[found]!
    return judge.isPossibleLength(rest.length) ? rest : national
  }
}

/** ISO 3166 country → calling code, for all that can be a default country. */
export const countryCallingCodes: ReadonlyMap<string, string> = new Map(
  PLAN_ROWS.filter(([country]) => country !== '001').map(([country, code]) => [country, code]),
)

export function isCountry(iso2: string): boolean {
  return countryCallingCodes.has(iso2)
}

const rowsByCode = new Map<number, PlanRow[]>()
for (const row of PLAN_ROWS) {
  const code = Number(row[1])
  const rows = rowsByCode.get(code)
  if (rows === undefined) rowsByCode.set(code, [row])
  else rows.push(row)
}
const plans: (CallingPlan | null | undefined)[] = new Array(1000).fill(undefined)

/** The plan of a calling code as a number, or null; no code is the beginning of another and none begins with 0. */
export function planOf(code: number): CallingPlan | null {
  let plan = plans[code]
  if (plan === undefined) {
    const rows = rowsByCode.get(code)
    plan = rows === undefined ? null : new CallingPlan(String(code), rows)
    plans[code] = plan
  }
  return plan
}
