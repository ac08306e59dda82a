/** The rules about numbers among an account's settings: checked and brought into one form. Main thread. */
import type { FieldError } from '../contract/errors.js'
import { CHANNEL_RULES, type ChannelRules, LINE_TYPES, type NumberRules } from '../contract/number-rules.js'

/** As written: + is optional. */
const PREFIX = /^\+?[1-9]\d{0,14}$/
const PREFIXES_MAX = 1_000

/** The rules with the given ones in their place; absent ones stay. Adds to `fields` what is wrong. */
export function numberSettings(rules: NumberRules, given: Partial<NumberRules>, fields: FieldError[]): NumberRules {
  const allowPrefixes = prefixes('allowPrefixes', given.allowPrefixes, fields) ?? rules.allowPrefixes
  const denyPrefixes = prefixes('denyPrefixes', given.denyPrefixes, fields) ?? rules.denyPrefixes
  const both = denyPrefixes.find((prefix) => allowPrefixes.includes(prefix))
  if (both !== undefined) {
    fields.push({ pointer: '/denyPrefixes', message: `must not name ${both}, which allowPrefixes names` })
  }
  return {
    allowPremium: given.allowPremium ?? rules.allowPremium,
    allowShortCodes: given.allowShortCodes ?? rules.allowShortCodes,
    channelRules: channelRules(given.channelRules, fields) ?? rules.channelRules,
    allowPrefixes,
    denyPrefixes,
  }
}

function prefixes(
  name: 'allowPrefixes' | 'denyPrefixes',
  given: readonly string[] | undefined,
  fields: FieldError[],
): string[] | undefined {
  if (given === undefined) return undefined
  if (given.length > PREFIXES_MAX) fields.push({ pointer: `/${name}`, message: `must have at most ${PREFIXES_MAX}` })
  given.forEach((prefix, index) => {
    if (PREFIX.test(prefix)) return
    fields.push({ pointer: `/${name}/${index}`, message: 'must be the first digits of a number with country code' })
  })
  return [...new Set(given.map((prefix) => prefix.replace('+', '')))]
}

function channelRules(given: ChannelRules | undefined, fields: FieldError[]): ChannelRules | undefined {
  for (const [type, rule] of Object.entries(given ?? {})) {
    if (!(LINE_TYPES as readonly string[]).includes(type)) {
      fields.push({ pointer: `/channelRules/${type}`, message: `must be one of ${LINE_TYPES.join(', ')}` })
    } else if (!(CHANNEL_RULES as readonly string[]).includes(rule)) {
      fields.push({ pointer: `/channelRules/${type}`, message: `must be one of ${CHANNEL_RULES.join(', ')}` })
    }
  }
  return given
}
