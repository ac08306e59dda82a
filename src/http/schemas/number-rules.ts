/** The rules about numbers in the body and the answer of /v1/accounts. */
import { Type } from 'typebox'
import { CHANNEL_RULES, LINE_TYPES, type LineTypeName } from '../../engine/contract/number-rules.js'
import { oneOf, strict } from './common.js'

const PREFIXES_MAX = 1_000

const ofType = Type.Optional(oneOf(CHANNEL_RULES, 'For numbers of this type.'))
const types = Object.fromEntries(LINE_TYPES.map((type) => [type, ofType])) as Record<LineTypeName, typeof ofType>

function prefixes(description: string) {
  return Type.Array(Type.String({ pattern: '^\\+?[1-9][0-9]{0,14}$' }), { maxItems: PREFIXES_MAX, description })
}

export const numberRuleSchemas = {
  allowPremium: Type.Boolean({ description: 'Premium and special numbers are not refused.' }),
  allowShortCodes: Type.Boolean({
    description: '4 to 6 digits that are no number of the default country are a short code of it.',
  }),
  channelRules: Type.Object(types, {
    ...strict,
    description:
      'What `auto` makes of a line type; absent: voice for fixed, sms for all others. reject refuses the type whatever channel is asked for; a channel for a special type (tollFree, premium …) allows it. Replaces the object.',
  }),
  allowPrefixes: prefixes('Leading digits, with country code, of what may be messaged; empty: everything.'),
  denyPrefixes: prefixes('Leading digits of what is refused. The longest prefix of both lists decides.'),
}
