/** What an account's rules make of numbers: channels, special ranges, prefixes, short codes; and the explanation of one. */
import t from 'tap'
import { numberSettings } from '../src/engine/accounts/number-settings.js'
import type { FieldError } from '../src/engine/contract/errors.js'
import { DEFAULT_NUMBER_RULES, LINE_TYPES, type NumberRules } from '../src/engine/contract/number-rules.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { explainNumber, type NumberExplanation } from '../src/engine/phone/explain-number.js'
import { countryCallingCodes, NumberParser } from '../src/engine/phone/number.js'

const MOBILE = '+447400123456'
const FIXED = '+442071838750'
const FIXED_OR_MOBILE = '+12124567890'
const OF_TYPE: Record<string, string> = {
  mobile: MOBILE,
  fixed: FIXED,
  fixedOrMobile: FIXED_OR_MOBILE,
  tollFree: '+448001234567',
  premium: '+449012345678',
  sharedCost: '+34901123456',
  voip: '+445612345678',
  personal: '+447012345678',
  pager: '+447640123456',
  uan: '+445512345678',
  voicemail: '+41860123456789',
}

function explain(text: string, rules: Partial<NumberRules> = {}, country: string | null = 'GB'): NumberExplanation {
  return explainNumber(text, { defaultCountry: country, rules: { ...DEFAULT_NUMBER_RULES, ...rules } })
}

/** Channel, or the code of the refusal. */
function outcome(text: string, rules: Partial<NumberRules> = {}): string {
  const { channel, refused } = explain(text, rules)
  return refused === null ? String(channel) : refused.code
}

t.test('without rules, mobiles get SMS, fixed lines are called, special ranges are refused', async (t) => {
  const expected: Record<string, string> = { mobile: 'sms', fixed: 'voice', fixedOrMobile: 'sms', voip: 'sms' }
  for (const [type, number] of Object.entries(OF_TYPE)) {
    const found = explain(number)
    t.match(found, { to: number, valid: true, lineType: type }, type)
    t.equal(outcome(number), expected[type] ?? 'PREMIUM_NUMBER', type)
  }
  t.same(
    LINE_TYPES.filter((type) => !(type in OF_TYPE)),
    ['unknown'],
  )
})

t.test('allowPremium allows every special range, a channel for a type allows that type', async (t) => {
  for (const number of Object.values(OF_TYPE)) t.equal(explain(number, { allowPremium: true }).refused, null, number)
  const channelRules = { tollFree: 'sms', uan: 'voice' } as const
  t.equal(outcome(OF_TYPE.tollFree!, { channelRules }), 'sms')
  t.equal(outcome(OF_TYPE.uan!, { channelRules }), 'voice')
  t.equal(outcome(OF_TYPE.premium!, { channelRules }), 'PREMIUM_NUMBER')
})

t.test('an account changes what a line type gets', async (t) => {
  t.equal(outcome(FIXED, { channelRules: { fixed: 'sms' } }), 'sms')
  t.equal(outcome(FIXED_OR_MOBILE, { channelRules: { fixedOrMobile: 'voice' } }), 'voice')
  t.equal(outcome(FIXED, { channelRules: { fixed: 'reject' } }), 'LINE_TYPE_REFUSED')
  t.equal(outcome(OF_TYPE.voip!, { channelRules: { voip: 'reject' }, allowPremium: true }), 'LINE_TYPE_REFUSED')
})

t.test('a channel that is asked for stands, but not against a type that is refused', async (t) => {
  const asked = (rules: Partial<NumberRules>) =>
    explainNumber(FIXED, { defaultCountry: null, rules: { ...DEFAULT_NUMBER_RULES, ...rules }, channel: 'sms' })
  t.match(asked({}), { channel: 'sms', refused: null })
  t.match(asked({ channelRules: { fixed: 'reject' } }), { refused: { code: 'LINE_TYPE_REFUSED' } })
})

t.test('networks of no country are special, and have no country', async (t) => {
  for (const number of ['+80012345678', '+881612345678', '+870301234567', '+8823421234', '+979123456789']) {
    t.match(explain(number), { to: number, valid: true, country: null, refused: { code: 'PREMIUM_NUMBER' } }, number)
    t.equal(explain(number, { allowPremium: true }).refused, null, number)
  }
  t.match(explain('+881612345678', { channelRules: { mobile: 'sms' } }), { refused: { code: 'PREMIUM_NUMBER' } })
})

t.test('the longest prefix of both lists decides', async (t) => {
  const rules = { allowPrefixes: ['44', '447400123'], denyPrefixes: ['447400', '1'] }
  t.equal(outcome('+447500123456', rules), 'sms', 'by 44')
  t.equal(outcome('+447400999999', rules), 'PREFIX_DENIED', 'by 447400')
  t.equal(outcome('+447400123456', rules), 'sms', 'by 447400123')
  t.equal(outcome(FIXED_OR_MOBILE, rules), 'PREFIX_DENIED')
  t.equal(outcome('+33612345678', rules), 'PREFIX_NOT_ALLOWED', 'a list of what is allowed excludes the rest')
  t.equal(outcome('+33612345678', { denyPrefixes: ['447400'] }), 'sms', 'a list of what is denied alone does not')
  t.match(explain('07400 999999', rules).refused?.detail, /\+447400\b/, 'the explanation names the prefix')
  t.equal(outcome(OF_TYPE.premium!, { allowPrefixes: ['449'] }), 'PREMIUM_NUMBER', 'an allowed prefix allows no price')
})

t.test(
  'short codes are refused unless the account allows them, and then are those of the default country',
  async (t) => {
    t.match(explain('60777'), { to: '60777', valid: false, shortCode: false, refused: { code: 'INVALID_NUMBER' } })
    const rules = { allowShortCodes: true }
    const found = explain('60777', rules)
    t.match(found, { to: '60777', valid: false, shortCode: true, country: 'GB', lineType: 'unknown', channel: 'sms' })
    t.match(found, { routeDigits: '4460777', refused: null })
    t.equal(outcome('60 777', rules), 'sms')
    t.equal(outcome('+60777', rules), 'INVALID_NUMBER', 'a plus makes it international')
    t.equal(explain('60777', rules, null).refused?.code, 'INVALID_NUMBER', 'without a default country it is of nobody')
    for (const text of ['112', '999', '0777', '077', '1234567', '60777 x1']) t.not(outcome(text, rules), 'sms', text)
    t.equal(
      outcome('60777', { ...rules, denyPrefixes: ['44607'] }),
      'PREFIX_DENIED',
      'prefixes see the country before it',
    )
    t.equal(outcome('60777', { ...rules, allowPrefixes: ['33'] }), 'PREFIX_NOT_ALLOWED')
  },
)

t.test('what is a number of the default country is no short code, nor is an emergency number', async (t) => {
  const rules = { ...DEFAULT_NUMBER_RULES, allowShortCodes: true }
  t.match(explainNumber('4002', { defaultCountry: 'NU', rules }), { to: '+6834002', valid: true, shortCode: false })
  t.match(explainNumber('1122', { defaultCountry: 'PK', rules }), { refused: { code: 'INVALID_NUMBER' } })
  t.match(explainNumber('1122', { defaultCountry: 'GB', rules }), { to: '1122', shortCode: true })
  for (const country of countryCallingCodes.keys()) {
    const parser = new NumberParser(country, { shortCodes: true })
    for (const text of ['110', '112', '911', '999', '000']) {
      const { reason, isShortCode } = parser.parse(text)
      if (reason === 0 && isShortCode) t.fail(`${text} in ${country}`)
    }
  }
})

t.test('an explanation says what the number is, also where it is not sent to', async (t) => {
  t.match(explain('07400 123456 x12'), { to: MOBILE, valid: true, refused: { code: 'PHONE_EXTENSION' } })
  t.match(explain("'07400 123456;ext=12"), { to: MOBILE, valid: true, refused: { code: 'PHONE_EXTENSION' } })
  t.match(explain('07400 x12'), { to: '07400 x12', valid: false, channel: null, refused: { code: 'PHONE_EXTENSION' } })
  t.match(explain(''), { to: '', valid: false, country: null, refused: { code: 'MISSING_NUMBER' } })
  t.match(explain('4.47701E+11'), { valid: false, refused: { code: 'PHONE_SCIENTIFIC' } })
  t.match(explain('+210123'), { valid: false, lineType: 'unknown', refused: { code: 'UNSUPPORTED_COUNTRY' } })
  for (const { detail } of [explain('n/a').refused!, explain(OF_TYPE.premium!).refused!]) t.match(detail, /\.$/)
})

t.test('numbers that lost what a spreadsheet takes away are known as such', async (t) => {
  const repaired = (country: string | null, text: string) => {
    const parsed = new NumberParser(country).parse(text)
    return parsed.reason === 0 ? parsed.wasRepaired : reasonCode(parsed.reason)
  }
  for (const text of ['447400123456', '7400123456', '33612345678']) t.equal(repaired('GB', text), true, text)
  for (const text of [MOBILE, '07400123456', '00447400123456', '0033612345678'])
    t.equal(repaired('GB', text), false, text)
  t.equal(repaired(null, '447400123456'), true)
  t.equal(repaired('US', '2124567890'), false, 'there is no 0 to lose')
  t.equal(repaired('IT', '3123456789'), false)
  t.equal(repaired('GB', '7400'), 'INVALID_NUMBER')
})

t.test('settings are checked, and brought into one form', async (t) => {
  const read = (given: Partial<NumberRules>, known: NumberRules = DEFAULT_NUMBER_RULES) => {
    const fields: FieldError[] = []
    const rules = numberSettings(known, given, fields)
    return { rules, wrong: fields.map(({ pointer }) => pointer) }
  }
  t.same(read({ allowPrefixes: ['+44', '44', '1'] }).rules.allowPrefixes, ['44', '1'])
  t.same(read({ denyPrefixes: ['044', '', 'x', '1234567890123456'] }).wrong.length, 4)
  t.same(read({ denyPrefixes: ['+44'] }, { ...DEFAULT_NUMBER_RULES, allowPrefixes: ['44'] }).wrong, ['/denyPrefixes'])
  t.same(read({ channelRules: { cat: 'sms' } as object }).wrong, ['/channelRules/cat'])
  t.same(read({ channelRules: { fixed: 'email' } as object }).wrong, ['/channelRules/fixed'])
  t.same(read({ denyPrefixes: Array.from({ length: 1_001 }, (_, n) => `1${n}`) }).wrong, ['/denyPrefixes'])
  const known = { ...DEFAULT_NUMBER_RULES, allowShortCodes: true, channelRules: { fixed: 'sms' } as const }
  t.same(read({}, known).rules, known, 'absent settings stay')
  t.same(read({ channelRules: {}, allowShortCodes: false }, known).rules, DEFAULT_NUMBER_RULES)
})
