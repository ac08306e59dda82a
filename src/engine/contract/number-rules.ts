/** What an account says about the numbers that it may message: contract of settings, ingest and explain. */

/** As libphonenumber tells them apart. Stored by name; NumberParser answers positions in this list. */
export const LINE_TYPES = [
  'mobile',
  'fixed',
  'fixedOrMobile',
  'tollFree',
  'premium',
  'sharedCost',
  'voip',
  'personal',
  'pager',
  'uan',
  'voicemail',
  'unknown',
] as const
export type LineTypeName = (typeof LINE_TYPES)[number]

/** What `channel: auto` makes of a line type; `reject` refuses it whatever channel is asked for. */
export const CHANNEL_RULES = ['sms', 'voice', 'reject'] as const
export type ChannelRule = (typeof CHANNEL_RULES)[number]
export type ChannelRules = Partial<Record<LineTypeName, ChannelRule>>

/** What fixed lines get from one job; a line type that the account refuses stays refused. */
export const LANDLINE_RULES = ['voice', 'sms', 'reject'] as const
export type LandlineRule = (typeof LANDLINE_RULES)[number]

export interface NumberRules {
  /** Premium and special ranges are refused unless true; see SPECIAL in engine/phone/number-policy.ts. */
  allowPremium: boolean
  /** 4 to 6 digits that are no number of the default country are a short code of it, and not refused. */
  allowShortCodes: boolean
  /** Absent: fixed lines are called, everything else gets SMS. */
  channelRules: ChannelRules
  /** Leading E.164 digits without +. Not empty: what none of them fits is refused. */
  allowPrefixes: readonly string[]
  /** The longest prefix of either list that fits decides. */
  denyPrefixes: readonly string[]
}

/** Only the rules of what has them among others. */
export function numberRules(from: NumberRules): NumberRules {
  const { allowPremium, allowShortCodes, channelRules, allowPrefixes, denyPrefixes } = from
  return { allowPremium, allowShortCodes, channelRules, allowPrefixes, denyPrefixes }
}

export const DEFAULT_NUMBER_RULES: NumberRules = {
  allowPremium: false,
  allowShortCodes: false,
  channelRules: {},
  allowPrefixes: [],
  denyPrefixes: [],
}
