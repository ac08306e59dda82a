/** How a number may be written, and why one is refused. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { countryCallingCodes, isCountry, LINE_TYPES, lineTypeName, NumberParser } from '../src/engine/phone/number.js'
import { COUNTRY_ROWS, Sampler } from './number-corpus.js'

function read(country: string | null, text: string): string {
  const { reason, digits, country: found, lineType } = new NumberParser(country).parse(text)
  return reason === 0 ? `${digits} ${found} ${lineTypeName(lineType)}` : reasonCode(reason)
}

t.test('a British mobile is the same number however people and spreadsheets write it', async (t) => {
  const writings = [
    '+447400123456',
    '00447400123456',
    '447400123456',
    '07400123456',
    '7400123456',
    ' 07400 123 456 ',
    '+44 (0)7400-123.456',
    '(+44) 7400/123456',
    '="00447400123456"',
    "'07400123456",
    "'+44 7400 123456",
    '+44\u00a07400\u2009123\u200b456',
    '\u202a+447400123456\u202c',
    '\u200e07400123456',
    '\ufeff07400123456',
    '＋４４７４００１２３４５６',
    '٠٧٤٠٠١٢٣٤٥٦',
    '۰۷۴۰۰۱۲۳۴۵۶',
    '०७४००१२३४५६',
    '07400‑123‑456',
    '+44 (0) 7400 123456',
    '0044 (0)7400 123456',
    '+4407400123456',
    '07400/123.456',
    'tel:+44-7400-123456',
    '07400\u00ad123456',
    '\u061c07400\u2066123456\u2069',
    '０７４００ー１２３４５６',
    '߀߇߄߀߀߁߂߃߄߅߆',
  ]
  for (const writing of writings) t.equal(read('GB', writing), '447400123456 GB mobile', JSON.stringify(writing))
})

t.test('without a default country only international numbers are read, with or without their plus', async (t) => {
  t.equal(read(null, '+447400123456'), '447400123456 GB mobile')
  t.equal(read(null, '447400123456'), '447400123456 GB mobile')
  t.equal(read(null, '0044 7400 123456'), '447400123456 GB mobile')
  t.equal(read(null, '07400123456'), 'INVALID_NUMBER')
  t.equal(read(null, '21012345678'), 'INVALID_NUMBER')
})

t.test('a default country reads home numbers first, then those of other countries', async (t) => {
  t.equal(read('US', '(212) 456-7890'), '12124567890 US fixedOrMobile')
  t.equal(read('US', '1-212-456-7890'), '12124567890 US fixedOrMobile')
  t.equal(read('US', '011 44 7400 123456'), '447400123456 GB mobile')
  t.equal(read('CA', '0044 7400 123456'), '447400123456 GB mobile')
  t.equal(read('AU', '0011 44 7400 123456'), '447400123456 GB mobile')
  t.equal(read('GB', '33612345678'), '33612345678 FR mobile')
  t.equal(read('DE', '015112345678'), '4915112345678 DE mobile')
  t.equal(read('DE', '4915112345678'), '4915112345678 DE mobile', 'rather than a landline in area 4915')
  t.equal(read('DE', '04915112345'), '494915112345 DE fixed')
  t.equal(read('IN', '9198123456'), '919198123456 IN mobile')
  t.equal(read('RU', '8 (912) 345-67-89'), '79123456789 RU mobile')
  t.equal(read('AR', '011 15 2345-6789'), '5491123456789 AR mobile')
  t.equal(read('BR', '(11) 96123-4567'), '5511961234567 BR mobile')
})

t.test('a mistyped number of home is no number abroad', async (t) => {
  t.equal(read('US', '4594727998'), 'INVALID_NUMBER', 'ten digits are a number of home, though +45 94727998 is Danish')
  t.equal(read(null, '4594727998'), '4594727998 DK fixedOrMobile')
  t.equal(read('GB', '6512345678'), 'INVALID_NUMBER', 'ten digits again')
  t.equal(read('US', '33612345678'), '33612345678 FR mobile', 'eleven digits cannot be of home')
  t.equal(read('DE', '0033612345678'), '33612345678 FR mobile')
  t.equal(read('GB', '447781123456'), '447781123456 GG mobile', 'behind its own calling code only the plus is lost')
  t.equal(read('US', '12042345678'), '12042345678 CA fixedOrMobile')
})

t.test('prefixes that are written before numbers at home go as each country has them', async (t) => {
  const home: [string, string, string][] = [
    ['RU', '8 912 345 67 89', '79123456789'],
    ['KZ', '8 771 000 9998', '77710009998'],
    ['BY', '8 029 491-19-11', '375294911911'],
    ['LT', '8 612 34567', '37061234567'],
    ['LT', '0 612 34567', '37061234567'],
    ['HU', '06 20 123 4567', '36201234567'],
    ['MX', '55 1234 5678', '525512345678'],
    ['AR', '011 15 2345-6789', '5491123456789'],
    ['AR', '+54 9 11 2345 6789', '5491123456789'],
    ['AR', '011 2345-6789', '541123456789'],
    ['BR', '0 41 11 96123-4567', '5511961234567'],
    ['CO', '03 321 1234567', '573211234567'],
    ['CN', '0 10 1234 5678', '861012345678'],
    ['SM', '0549 886377', '3780549886377'],
    ['VA', '06 698 12345', '390669812345'],
    ['FR', '06.12.34.56.78', '33612345678'],
    ['TR', '0 (532) 123 45 67', '905321234567'],
    ['IN', '+91-0-9812345678', '919812345678'],
    ['JE', '500123', '441534500123'],
    ['DK', '32 12 34 56', '4532123456'],
  ]
  for (const [country, text, digits] of home) t.equal(read(country, text).split(' ')[0], digits, `${country} ${text}`)
  t.equal(read('JE', '001234'), 'INVALID_NUMBER', 'what is dialled abroad is not completed to a local number')
})

t.test('abroad is dialled from every country as its plan says, and with 00 from each', async (t) => {
  const sampler = new Sampler(new Random(1))
  for (const row of COUNTRY_ROWS) {
    const [country, , , , , , , , exit] = row
    if (exit === 0) continue
    for (const prefix of [sampler.draw(exit), '00']) {
      const found = read(country, `${prefix} 44 7400 123456`)
      // Some plans have numbers of their own that look so: 00 is none of their prefixes then.
      if (prefix !== '00' || found.includes(' GB ')) t.equal(found, '447400123456 GB mobile', `${country} ${prefix}`)
      else t.notOk(new RegExp(`^(?:${exit})`).test('0044'), `${country} reads ${found}`)
    }
  }
})

t.test('Italian zeros stay', async (t) => {
  t.equal(read('IT', '06 1234 5678'), '390612345678 IT fixed')
  t.equal(read(null, '+39 06 1234 5678'), '390612345678 IT fixed')
  t.equal(read('IT', '312 345 6789'), '393123456789 IT mobile')
})

t.test('countries that share a calling code are told apart', async (t) => {
  t.equal(read(null, '+12042345678'), '12042345678 CA fixedOrMobile')
  t.equal(read(null, '+18765123456'), '18765123456 JM mobile')
  t.equal(read(null, '+77710009998'), '77710009998 KZ mobile')
  t.equal(read(null, '+447781123456'), '447781123456 GG mobile')
  t.equal(read(null, '+80012345678'), '80012345678 001 tollFree')
})

t.test('each refusal has its reason', async (t) => {
  const refusals: [string, string][] = [
    ['', 'MISSING_NUMBER'],
    [' \t\u00a0', 'MISSING_NUMBER'],
    ['=""', 'MISSING_NUMBER'],
    ["'", 'MISSING_NUMBER'],
    ['\u200b', 'MISSING_NUMBER'],
    ['4.47701E+11', 'PHONE_SCIENTIFIC'],
    ['4,47701E+11', 'PHONE_SCIENTIFIC'],
    ['4.47701e11', 'PHONE_SCIENTIFIC'],
    ['4E+11', 'PHONE_SCIENTIFIC'],
    ['07400 123456 x12', 'PHONE_EXTENSION'],
    ['07400 123456x12', 'PHONE_EXTENSION'],
    ['+447400123456 ext. 3', 'PHONE_EXTENSION'],
    ['+447400123456;ext=3', 'PHONE_EXTENSION'],
    ['07400 123456~12', 'PHONE_EXTENSION'],
    ['07400 123456 доб. 12', 'PHONE_EXTENSION'],
    ['07400 123456 int. 12', 'PHONE_EXTENSION'],
    ['07400 123456,,12', 'PHONE_EXTENSION'],
    ['07400 123456#', 'PHONE_EXTENSION'],
    ['tel:', 'INVALID_NUMBER'],
    ['7400123456,00', 'INVALID_NUMBER'],
    ['+44O7400123456', 'INVALID_NUMBER'],
    ['07400123456 / 07400123457', 'INVALID_NUMBER'],
    ['+44 +44 7400123456', 'INVALID_NUMBER'],
    ['60777', 'INVALID_NUMBER'],
    ['+44 7400 123456 #99', 'PHONE_EXTENSION'],
    ['+210123456789', 'UNSUPPORTED_COUNTRY'],
    ['00210123456789', 'UNSUPPORTED_COUNTRY'],
    ['+07400123456', 'INVALID_NUMBER'],
    ['+', 'INVALID_NUMBER'],
    ['+4', 'INVALID_NUMBER'],
    ['+44', 'INVALID_NUMBER'],
    ['00', 'INVALID_NUMBER'],
    ['n/a', 'INVALID_NUMBER'],
    ['Anna', 'INVALID_NUMBER'],
    ['07400 12345', 'INVALID_NUMBER'],
    ['0740012345678', 'INVALID_NUMBER'],
    ['++447400123456', 'INVALID_NUMBER'],
    ['+447400123456, +447400123457', 'INVALID_NUMBER'],
    ['447400123456.0', 'INVALID_NUMBER'],
    ['0740012345⁶', 'INVALID_NUMBER'],
    ['1'.repeat(100_000), 'INVALID_NUMBER'],
    [`x${' '.repeat(100_000)}`, 'INVALID_NUMBER'],
  ]
  for (const [text, reason] of refusals) t.equal(read('GB', text), reason, JSON.stringify(text.slice(0, 40)))
})

t.test('the result says nothing of the number before', async (t) => {
  const parser = new NumberParser('GB')
  t.equal(parser.parse('+447400123456').value, 447_400_123_456)
  t.match(parser.parse('nonsense'), { digits: '', value: 0, country: '', lineType: LINE_TYPES.indexOf('unknown') })
})

t.test('default countries can be checked', async (t) => {
  t.ok(isCountry('GB') && isCountry('US') && isCountry('TA'))
  t.notOk(isCountry('001') || isCountry('gb') || isCountry('XX') || isCountry(''))
  t.equal(countryCallingCodes.get('GG'), '44')
  t.throws(() => new NumberParser('XX'), /unknown country XX/)
})
