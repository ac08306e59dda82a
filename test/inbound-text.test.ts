/**
 * What subscribers send, decoded: every data_coding, packed and unpacked septets, headers of all kinds, addresses. Names
 * say which line of carriers.md a test is for.
 */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { isSmpp } from '../src/engine/config/carrier.js'
import { parseConfig } from '../src/engine/config/load.js'
import type { SmppCarrierConfig } from '../src/engine/config/smpp-carrier.js'
import { LANGUAGES } from '../src/engine/contract/language.js'
import { blankMessage, type MessageRef } from '../src/engine/contract/message.js'
import { shownAddress } from '../src/engine/inbound/address.js'
import { type BodyPart, type CarrierCodings, decodeBody, headerOf } from '../src/engine/inbound/decode-body.js'
import { NulHabit } from '../src/engine/inbound/nul-habit.js'
import { readDataCoding } from '../src/engine/text/data-coding.js'
import { encodeShifted } from '../src/engine/text/gsm7.js'
import { LOCKING_SHIFT, SINGLE_SHIFT } from '../src/engine/text/national-tables.js'
import { Segmenter } from '../src/engine/text/segment.js'
import { fillBitsAfter, packSeptets } from '../src/engine/text/septets.js'
import { placeOf, readUserDataHeader } from '../src/engine/text/user-data-header.js'
import { TAG } from '../src/smpp/constants.js'
import { newMessagePdu, readMessagePdu } from '../src/smpp/decode.js'
import { SubmitEncoder } from '../src/smpp/submit.js'
import { findTlv, readUint16 } from '../src/smpp/tlv.js'
import type { Writer } from '../src/smpp/writer.js'
import { seed } from './seed.js'

const PLAIN: CarrierCodings = {
  defaultAlphabet: 'gsm7',
  gsm7DataCoding: 0,
  gsm7Packed: false,
  ucs2ByteOrder: 'sniff',
}

function part(dataCoding: number, payload: Buffer, change: Partial<BodyPart> = {}): BodyPart {
  return { dataCoding, esmClass: 0, payload, endsInNul: false, ...change }
}
function decode(
  dataCoding: number,
  payload: Buffer,
  codings: Partial<CarrierCodings> = {},
  change: Partial<BodyPart> = {},
) {
  return decodeBody([part(dataCoding, payload, change)], { ...PLAIN, ...codings })
}
function wide(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}
function packed(units: Buffer, fillBits = 0): Buffer {
  const target = Buffer.concat([units, Buffer.alloc(1)])
  return target.subarray(0, packSeptets(target, 0, units.length, fillBits))
}
function septets(text: string, shift = 0): Buffer {
  const target = Buffer.alloc(text.length * 2)
  return target.subarray(0, encodeShifted(text, target, 0, shift))
}

t.test('quirk 34, 35: data_coding 0 is what the carrier says, GSM 7-bit under the value that it says', async (t) => {
  const accented = Buffer.from('é@', 'latin1')
  t.match(decode(0, Buffer.from([0x05, 0x00, 0x1b, 0x65])), { text: 'é@€', encoding: 'gsm7' })
  t.match(decode(0, accented, { defaultAlphabet: 'latin1' }), { text: 'é@', encoding: 'latin1' })
  t.match(decode(0, Buffer.from('a@b'), { defaultAlphabet: 'ascii' }), { text: 'a@b', encoding: 'ascii' })
  t.match(decode(1, Buffer.from('a@b')), { text: 'a@b', encoding: 'ascii' })
  t.match(decode(1, Buffer.from([0x61, 0x00]), { gsm7DataCoding: 1 }), { text: 'a@', encoding: 'gsm7' })
  t.match(decode(0xf1, Buffer.from([0x02]), { gsm7DataCoding: 0xf1, defaultAlphabet: 'latin1' }), { text: '$' })
  t.match(decode(0, Buffer.from('naïve £5', 'utf8')), { text: 'naïve £5', encoding: 'utf8' })
  t.match(decode(0, Buffer.from('naïve £5', 'latin1')), { text: 'naïve £5', encoding: 'latin1' })
})

t.test('quirk 36, 49: Latin-1 as it is; octets stay octets', async (t) => {
  t.match(decode(3, Buffer.from('Grüße ¿qué?', 'latin1')), { text: 'Grüße ¿qué?', encoding: 'latin1' })
  for (const coding of [2, 4, 0xf5, 0x14]) {
    t.match(decode(coding, Buffer.from([0, 0xff, 0x41])), {
      text: null,
      encoding: 'binary',
      data: Buffer.from([0, 255, 65]),
    })
  }
  for (const coding of [9, 11, 12, 15]) t.match(decode(coding, Buffer.from('x')), { text: null, encoding: 'unknown' })
  t.match(decode(0x20, Buffer.from('x')), { text: null, encoding: 'compressed', data: Buffer.from('x') })
})

t.test('alphabets of other countries are read where their octets are sound', async (t) => {
  const shift = Buffer.from([0x82, 0xb1, 0x82, 0xf1]) // こん
  const iso2022 = Buffer.from('\x1b$B$3$s\x1b(B', 'latin1')
  t.match(decode(5, shift), { text: 'こん', encoding: 'jis' })
  t.match(decode(5, iso2022), { text: 'こん', encoding: 'jis' })
  t.match(decode(10, iso2022), { text: 'こん', encoding: 'iso2022jp' })
  t.match(decode(13, Buffer.from([0xa4, 0xb3])), { text: 'こ', encoding: 'eucjp' })
  t.match(decode(14, Buffer.from([0xb0, 0xa1])), { text: '가', encoding: 'ksc5601' })
  t.match(decode(14, Buffer.from([0xff, 0xff])), { text: null, encoding: 'ksc5601', data: Buffer.from([255, 255]) })
  t.match(decode(6, Buffer.from([0xbf, 0xe0])), { text: 'Пр', encoding: 'iso8859-5' })
  t.match(decode(7, Buffer.from([0xf9, 0xec])), { text: 'של', encoding: 'iso8859-8' })
})

t.test('quirk 45, 46: message class and alphabet by the groups of TS 23.038', async (t) => {
  const table: [number, string, number | null][] = [
    [0x10, 'gsm7', 0],
    [0x13, 'gsm7', 3],
    [0x15, 'binary', 1],
    [0x18, 'ucs2', 0],
    [0x1c, 'gsm7', 0],
    [0x50, 'gsm7', 0],
    [0x48, 'ucs2', null],
    [0x80, 'gsm7', null],
    [0xc8, 'gsm7', null],
    [0xd0, 'gsm7', null],
    [0xe0, 'ucs2', null],
    [0xf0, 'gsm7', 0],
    [0xf6, 'binary', 2],
    [0x08, 'ucs2', null],
  ]
  for (const [value, alphabet, messageClass] of table) {
    t.match(readDataCoding(value), { alphabet, messageClass, compressed: false }, `0x${value.toString(16)}`)
  }
  for (const value of [0x20, 0x3f, 0x60, 0x7f]) t.equal(readDataCoding(value).compressed, true)
  for (let value = 0; value < 256; value++) t.ok(readDataCoding(value).alphabet.length > 0)
})

t.test('quirk 37, 39, 41: packed septets, also behind a header, are what unpacked ones are', async (t) => {
  for (const text of ['£ @ Ç €', '[]{}~^|\\', 'a', 'Grüße', 'x'.repeat(160), 'x'.repeat(159)]) {
    const units = septets(text)
    t.match(decode(0, units), { text, encoding: 'gsm7' })
    t.match(decode(0, packed(units), { gsm7Packed: true }), { text, encoding: 'gsm7' }, text)
    for (const header of [
      [5, 0, 3, 1, 2, 1],
      [6, 8, 4, 1, 1, 2, 1],
      [3, 0x24, 1, 1],
    ]) {
      if (text.length > 100) continue
      const payload = Buffer.concat([Buffer.from(header), packed(units, fillBitsAfter(header.length))])
      const shift = header[1] === 0x24 ? 1 : 0
      const again = Buffer.concat([Buffer.from(header), packed(septets(text, shift), fillBitsAfter(header.length))])
      t.equal(decode(0, shift === 0 ? payload : again, { gsm7Packed: true }, { esmClass: 0x40 }).text, text)
    }
  }
})

t.test("quirk 40: seven bits of padding are no '@'", async (t) => {
  const seven = Buffer.from('1234567')
  const zeroPadded = Buffer.alloc(7)
  packed(seven).copy(zeroPadded)
  zeroPadded[6]! &= 1
  t.equal(decode(0, zeroPadded, { gsm7Packed: true }).text, '1234567', 'padded with zeros')
  t.equal(decode(0, packed(seven), { gsm7Packed: true }).text, '1234567', 'padded with CR')
  t.equal(decode(0, packed(septets('123456@')), { gsm7Packed: true }).text, '123456@', 'a real one stays')
})

t.test('quirk 40: in a part that others follow a last septet of 0 is a letter, in the last one padding', async (t) => {
  const urdu = LANGUAGES.indexOf('urdu')
  const shift = urdu * 16
  const [alif] = LOCKING_SHIFT[urdu]!
  const text = `${'a'.repeat(7)}${alif}`
  const piece = (n: number) => {
    const header = Buffer.from([9, 8, 4, 0, 1, 2, n, 0x25, 1, urdu])
    const fillBits = fillBitsAfter(header.length)
    // Filled so that octets and septets end together.
    const units = septets(`${'a'.repeat(fillBits)}${text}`, shift)
    return part(0, Buffer.concat([header, packed(units, fillBits)]), { esmClass: 0x40 })
  }
  const codings = { ...PLAIN, gsm7Packed: true }
  const { text: read } = decodeBody([piece(1), piece(2)], codings)
  t.ok(read!.includes(`${alif}a`), 'the first part keeps it')
  t.notOk(read!.endsWith(alif!), 'at the end it cannot be told from padding')
})

t.test('quirk 42: UCS-2 with a mark, without, and little-endian', async (t) => {
  for (const text of ['Привет, мир', '你好', 'Hello', 'ok', '👋🏽', '一二三', '开始']) {
    t.equal(decode(8, wide(text)).text, text, 'big-endian')
    t.equal(decode(8, Buffer.concat([Buffer.from([0xfe, 0xff]), wide(text)])).text, text, 'with its mark')
    const little = Buffer.from(text, 'utf16le')
    t.equal(decode(8, Buffer.concat([Buffer.from([0xff, 0xfe]), little])).text, text, 'little-endian with its mark')
    t.equal(decode(8, little, { ucs2ByteOrder: 'little' }).text, text, 'little-endian by config')
  }
  t.equal(decode(8, Buffer.from('Hello, STOP', 'utf16le')).text, 'Hello, STOP', 'little-endian without a mark')
  const marked = [Buffer.from('\ufeffab', 'utf16le'), Buffer.from('\ufeffcd', 'utf16le')].map((bytes) => part(8, bytes))
  t.equal(decodeBody(marked, PLAIN).text, 'abcd', 'a mark in front of each part')
  t.equal(decode(8, Buffer.concat([wide('ab'), Buffer.from([0])])).text, 'ab', 'a stray octet')
})

t.test('quirk 43: a surrogate pair that the phone cut in two is whole again; half a pair is no text', async (t) => {
  const bytes = wide('a👋b')
  const parts = [bytes.subarray(0, 4), bytes.subarray(4)].map((payload) => part(8, payload))
  t.equal(decodeBody(parts, PLAIN).text, 'a👋b')
  t.equal(decodeBody(parts.slice(0, 1), PLAIN).text, 'a\ufffd')
  const cutEscape = [Buffer.from([0x61, 0x1b]), Buffer.from([0x65, 0x62])].map((payload) => part(0, payload))
  t.equal(decodeBody(cutEscape, PLAIN).text, 'a€b', 'nor is an escape sequence')
})

t.test('quirk 47, 48: national tables by their elements, wherever they stand, for each part its own', async (t) => {
  const turkish = Buffer.concat([Buffer.from([3, 0x24, 1, 1]), septets('İğş', 1)])
  t.equal(decode(0, turkish, {}, { esmClass: 0x40 }).text, 'İğş')
  const both = Buffer.concat([
    Buffer.from([11, 0x25, 1, 3, 0x70, 0, 0x24, 1, 3, 0x24, 1, 3]),
    septets('ãõ∞', 3 * 16 + 3),
  ])
  t.equal(decode(0, both, {}, { esmClass: 0x40 }).text, 'ãõ∞')
  const mixed = [
    part(0, Buffer.concat([Buffer.from([3, 0x24, 1, 1]), septets('ğ', 1)]), { esmClass: 0x40 }),
    part(0, septets('€')),
  ]
  t.equal(decodeBody(mixed, PLAIN).text, 'ğ€')
})

t.test('all national tables, locking and single, packed and not, are what they are sent in', async (t) => {
  for (let language = 0; language < LANGUAGES.length; language++) {
    for (const [table, shift] of [
      [LOCKING_SHIFT, language * 16],
      [SINGLE_SHIFT, language],
    ] as const) {
      const all = table[language]!
      const text = [...all].filter((char) => char !== '' && char !== '\u001b').join('')
      if (text === '') continue
      const header = shift >= 16 ? [3, 0x25, 1, language] : [3, 0x24, 1, language]
      const units = septets(text.slice(0, 60), shift)
      const plain = Buffer.concat([Buffer.from(header), units])
      const tight = Buffer.concat([Buffer.from(header), packed(units, fillBitsAfter(4))])
      t.equal(decode(0, plain, {}, { esmClass: 0x40 }).text, text.slice(0, 60), `${LANGUAGES[language]}`)
      t.equal(
        decode(0, tight, { gsm7Packed: true }, { esmClass: 0x40 }).text,
        text.slice(0, 60),
        `${LANGUAGES[language]}`,
      )
    }
  }
})

t.test('quirk 51: elements of a header are walked by their length', async (t) => {
  const read = (...octets: number[]) => readUserDataHeader(Buffer.from([...octets, 0x41]))
  t.match(read(5, 0, 3, 7, 2, 1), { octets: 6, place: { reference: 7, total: 2, part: 1 } })
  t.match(read(6, 8, 4, 1, 2, 3, 3), { place: { reference: 258, total: 3, part: 3 } })
  t.match(read(12, 5, 4, 0x0b, 0x84, 0x23, 0xf0, 0x7f, 0, 8, 2, 1, 2), {
    place: null,
    ports: { destination: 2948, source: 9200 },
  })
  t.match(read(9, 4, 2, 240, 241, 0, 3, 9, 2, 2), {
    place: { reference: 9, part: 2 },
    ports: { destination: 240, source: 241 },
  })
  t.match(read(10, 0, 3, 1, 2, 1, 0, 3, 5, 2, 2), { place: { reference: 5, part: 2 } }, 'the later one counts')
  t.match(read(5, 0, 3, 7, 2, 3), { place: null }, 'part above total')
  t.match(read(5, 0, 3, 7, 0, 0), { place: null })
  t.match(read(0), { octets: 1, place: null })
  t.equal(readUserDataHeader(Buffer.from([5, 0, 3])), null, 'it would reach beyond the text')
  t.equal(readUserDataHeader(Buffer.alloc(0)), null)
  t.match(decode(0, Buffer.from([200, 0x41]), {}, { esmClass: 0x40 }), {
    text: null,
    encoding: 'binary',
    data: Buffer.from([200, 65]),
  })
})

t.test('quirk 65: a NUL that the carrier counts is no part of the text', async (t) => {
  for (const coding of [1, 3]) t.equal(decode(coding, Buffer.from('STOP\0')).text, 'STOP')
  t.equal(decode(8, Buffer.concat([wide('STOP'), Buffer.from([0, 0])])).text, 'STOP')
  t.equal(decode(8, Buffer.concat([wide('STOP'), Buffer.from([0])])).text, 'STOP')
  const habit = new NulHabit()
  const nul = Buffer.from('STOP\0')
  t.equal(habit.look('always', nul, 'auto'), true)
  t.equal(habit.look('always', nul, 'auto'), true)
  t.equal(habit.look('never', Buffer.from('STOP'), 'auto'), false)
  t.equal(habit.look('never', nul, 'auto'), false, 'one that sends texts without NUL means @')
  t.equal(habit.look('never', nul, 'strip'), true)
  t.equal(habit.look('always', nul, 'keep'), false)
  t.equal(decode(0, nul, {}, { endsInNul: true }).text, 'STOP')
  t.equal(decode(0, nul).text, 'STOP@')
})

t.test('quirk 38: addresses as people write them', async (t) => {
  t.equal(shownAddress(1, '447700900123'), '+447700900123')
  t.equal(shownAddress(1, '+447700900123'), '+447700900123')
  t.equal(shownAddress(2, '07700900123'), '07700900123')
  t.equal(shownAddress(3, '60099'), '60099')
  t.equal(shownAddress(5, 'ACME Ltd.'), 'ACME Ltd.')
  t.equal(shownAddress(5, packed(septets('Hello')).toString('hex').toUpperCase()), 'Hello')
  for (const name of ['FACADE', 'C0FFEE', 'DEADBEEF', '123456', 'Acme']) t.equal(shownAddress(5, name), name)
})

/** A place to write PDUs into, as the encoder wants it. */
function writerOf(): Writer {
  return { bytes: Buffer.alloc(1 << 17), length: 0, reserve() {} } as unknown as Writer
}

function carrier(keys: object): SmppCarrierConfig {
  const carriers = [{ id: 'x', protocol: 'smpp', host: 'h', systemId: 's', ...keys }]
  return parseConfig(JSON.stringify({ carriers }), { name: 'test', folder: '/', env: {} }).carriers.filter(isSmpp)[0]!
}

const ALPHABETS: readonly string[] = [
  'abcdefghijklmnopqrstuvwxyz 0123456789',
  '@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!"#¤%&()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà^{}[]~|\\€',
  'ğĞşŞıİç€ abc',
  'ãõâêôáéíóúçÀÁÂÃ∞ªº abc',
  'नमस्ते दुनिया क ख ग घ',
  'வணக்கம் உலகம்',
  'سلام دنیا کیسے ہو',
  'Привет мир жук',
  '你好世界一二三',
  'àâäéèêëîïôùûüÿ°½±',
]
const EMOJI = ['👋', '👨‍👩‍👧', '🇬🇧', '👍🏽', '✅']

function randomText(random: Random): string {
  const alphabet = [...ALPHABETS[random.below(ALPHABETS.length)]!]
  const other = [...ALPHABETS[random.below(ALPHABETS.length)]!]
  const length = 1 + random.below(random.below(4) === 0 ? 700 : 170)
  let text = ''
  while (text.length < length) {
    const roll = random.below(40)
    if (roll === 0) text += EMOJI[random.below(EMOJI.length)]
    else if (roll === 1) text += other[random.below(other.length)]
    else text += alphabet[random.below(alphabet.length)]
  }
  // What ends in '@' cannot be told from padding: see quirk 40 and 65.
  return `${text.trim().replace(/@+$/, '')}.`
}

t.test(`whatever we cut and send, we read and join to the same text, seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const forms = ['udh', 'udh16', 'sar', 'payload'] as const
  const plains = [
    { defaultAlphabet: 'gsm7', gsm7Packed: false },
    { defaultAlphabet: 'gsm7', gsm7Packed: true },
    { defaultAlphabet: 'latin1', gsm7Packed: false },
    { defaultAlphabet: 'ascii', gsm7Packed: false },
  ] as const
  let seen = 0
  const shifts = new Set<number>()
  for (const longMessages of forms) {
    for (const plain of plains) {
      const config = carrier({ longMessages, ...plain })
      const nationalLanguages = plain.defaultAlphabet === 'gsm7' ? LANGUAGES.slice(1) : []
      const segmenter = new Segmenter({
        alphabet: plain.defaultAlphabet,
        longMessages,
        maxParts: 10,
        transliterate: false,
        nationalLanguages: nationalLanguages as never,
      })
      for (let n = 0; n < 250; n++) {
        const text = randomText(random)
        const sent = sendOut(text, segmenter, config)
        if (sent === null) continue
        shifts.add(sent.shift)
        seen++
        // Parts arrive in any order; the number of each says where it belongs.
        const inOrder = sent.parts.sort((a, b) => a.number - b.number)
        const codings = { ...PLAIN, ...plain }
        const { text: read } = decodeBody(
          inOrder.map(({ body }) => body),
          codings,
        )
        if (read !== text) t.equal(read, text, `${longMessages} ${JSON.stringify(plain)}`)
      }
    }
  }
  t.ok(seen > 3_000, `${seen} texts`)
  t.ok(shifts.size > 4, `${shifts.size} pairs of tables`)
})

/** The PDUs of a text as our own channel writes them; null: it does not fit. */
function sendOut(text: string, segmenter: Segmenter, config: SmppCarrierConfig) {
  const cut = segmenter.segment(text)
  if (cut.reason !== 0) return null
  const message = blankMessage()
  const digits = Buffer.from('447700900123')
  Object.assign(message, { ref: 4711 as MessageRef, coding: cut.coding, shift: cut.shift, partCount: cut.partCount })
  message.bytes = Buffer.concat([digits, cut.bytes])
  message.toLength = digits.length
  for (let part = 0; part < cut.partCount; part++) {
    message.partStarts[part] = cut.partStarts[part]! + digits.length
    message.partLengths[part] = cut.partLengths[part]!
  }
  const encoder = new SubmitEncoder(config, () => 0)
  const count = encoder.joinsParts(message) ? 1 : cut.partCount
  const parts = []
  for (let part = 0; part < count; part++) {
    const writer = writerOf()
    encoder.write(writer, message, part, 1)
    parts.push(partOf(writer.bytes.subarray(0, writer.length)))
  }
  return { parts, shift: cut.shift }
}

/** submit_sm and deliver_sm have the same body. */
function partOf(bytes: Buffer): { body: BodyPart; number: number } {
  const pdu = newMessagePdu()
  readMessagePdu(bytes, 0, bytes.length, pdu)
  const payload = Buffer.from(bytes.subarray(pdu.text.start, pdu.text.start + pdu.text.length))
  const body = part(pdu.dataCoding, payload, { esmClass: pdu.esmClass })
  const found = { start: 0, length: 0 }
  const sar = findTlv(bytes, pdu.tlvs, TAG.sarSequence, found) ? bytes[found.start]! : 1
  return { body, number: headerOf(body).header?.place?.part ?? sar }
}

t.test(`no octets whatever make the decoder throw, seed ${seed}`, async (t) => {
  const random = new Random(seed + 1)
  let texts = 0
  for (let n = 0; n < 30_000; n++) {
    const payload = Buffer.from(Array.from({ length: random.below(60) }, () => random.below(256)))
    // Headers that are nearly right come more often than chance would have them.
    if (payload.length > 8 && random.below(2) === 0) payload.set([random.below(9), random.below(0x26), random.below(6)])
    const codings = {
      defaultAlphabet: (['gsm7', 'latin1', 'ascii'] as const)[random.below(3)]!,
      gsm7DataCoding: random.below(3) === 0 ? random.below(256) : 0,
      gsm7Packed: random.below(2) === 0,
      ucs2ByteOrder: (['sniff', 'big', 'little'] as const)[random.below(3)]!,
    }
    const change = { esmClass: random.below(2) * 0x40, endsInNul: random.below(2) === 0 }
    const { text, data } = decode(random.below(256), payload, codings, change)
    if ((text === null) === (data === null)) t.fail('it is text, or octets')
    if (text !== null) {
      texts++
      if (JSON.parse(JSON.stringify(text)) !== text || /[\ud800-\udfff]/u.test(text))
        t.fail('text that JSON cannot hold')
    }
  }
  t.ok(texts > 10_000, `${texts} texts`)
  t.equal(placeOf(1, 1, 1), null)
  t.equal(readUint16(Buffer.from([1, 2]), 0), 258)
})
