/**
 * An account's rules about numbers, compiled: which channel a line type gets, and what is refused although it is a valid
 * number. Applied when a row or a message is accepted, and nowhere later. Once per recipient.
 */
import { PrefixTrie } from '../base/by-prefix.js'
import type { ChannelName } from '../contract/message.js'
import { type LandlineRule, LINE_TYPES, type NumberRules } from '../contract/number-rules.js'
import { reasonNumber } from '../contract/reasons.js'
import type { ParsedNumber } from './number.js'

const PREMIUM_NUMBER = reasonNumber('PREMIUM_NUMBER')
const LINE_TYPE_REFUSED = reasonNumber('LINE_TYPE_REFUSED')
const PREFIX_DENIED = reasonNumber('PREFIX_DENIED')
const PREFIX_NOT_ALLOWED = reasonNumber('PREFIX_NOT_ALLOWED')

/**
 * Line types that cost the sender or the answerer more than a call, or that no person carries. `allowPremium` allows all of
 * them, a channel rule of their own one of them. Networks of no country (satellite, +882 and the like) are special as well.
 */
const SPECIAL: ReadonlySet<string> = new Set([
  'premium',
  'sharedCost',
  'tollFree',
  'uan',
  'voicemail',
  'personal',
  'pager',
])
/** What ParsedNumber calls networks of no country, as libphonenumber does. */
export const NO_COUNTRY = '001'

/** Its place among the line types. */
const FIXED = LINE_TYPES.indexOf('fixed')

interface PrefixRule {
  prefix: string
  reason: number
}

export class NumberPolicy {
  /** By place in LINE_TYPES. */
  readonly #channels: ChannelName[]
  /** By place in LINE_TYPES: 0, or the reason of the refusal. */
  readonly #refusals: number[]
  /** Of a number of no country, whose type is not refused by itself. */
  readonly #noCountry: number
  readonly #prefixes: PrefixTrie<PrefixRule> | null
  readonly #isAllowList: boolean
  /** null: `channel` decides. */
  readonly #landlines: ChannelName | null

  /** `landlines`: of the job, before the account's rule for fixed lines, unless that refuses them. */
  constructor(rules: NumberRules, landlines?: LandlineRule) {
    const { allowPremium, channelRules, allowPrefixes, denyPrefixes } = rules
    this.#channels = LINE_TYPES.map((type) => {
      const rule = channelRules[type]
      if (rule === 'sms' || rule === 'voice') return rule
      return type === 'fixed' ? 'voice' : 'sms'
    })
    this.#refusals = LINE_TYPES.map((type) => {
      const rule = channelRules[type]
      if (rule === 'reject') return LINE_TYPE_REFUSED
      return SPECIAL.has(type) && !allowPremium && rule === undefined ? PREMIUM_NUMBER : 0
    })
    this.#landlines = landlines === undefined || landlines === 'reject' ? null : landlines
    if (this.#landlines !== null) this.#channels[FIXED] = this.#landlines
    if (landlines === 'reject') this.#refusals[FIXED] = LINE_TYPE_REFUSED
    this.#noCountry = allowPremium ? 0 : PREMIUM_NUMBER
    this.#isAllowList = allowPrefixes.length > 0
    this.#prefixes = this.#isAllowList || denyPrefixes.length > 0 ? new PrefixTrie() : null
    for (const prefix of denyPrefixes) this.#prefixes!.add({ prefix, reason: PREFIX_DENIED })
    for (const prefix of allowPrefixes) this.#prefixes!.add({ prefix, reason: 0 })
  }

  /** What `wanted` comes to for a number of this line type (its place in LINE_TYPES). */
  channel(wanted: 'auto' | ChannelName | undefined, lineType: number): ChannelName {
    if (this.#landlines !== null && lineType === FIXED) return this.#landlines
    return wanted === undefined || wanted === 'auto' ? this.#channels[lineType]! : wanted
  }

  /** 0, or the reason why this valid number (or allowed short code) is refused. */
  refusal(number: ParsedNumber): number {
    const byType = this.#refusals[number.lineType]!
    if (byType !== 0) return byType
    if (this.#noCountry !== 0 && number.country === NO_COUNTRY && !SPECIAL.has(LINE_TYPES[number.lineType]!)) {
      return this.#noCountry
    }
    if (this.#prefixes === null) return 0
    const rule = this.#prefixes.find(number.routeDigits)
    return rule === null ? (this.#isAllowList ? PREFIX_NOT_ALLOWED : 0) : rule.reason
  }

  /** The prefix that decides about the number, or null. */
  decidingPrefix(number: ParsedNumber): string | null {
    return this.#prefixes?.find(number.routeDigits)?.prefix ?? null
  }
}
