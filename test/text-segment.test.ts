/** Alphabets, sizes and cuts. */
import { createRequire } from 'node:module'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { Coding } from '../src/engine/contract/message.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { graphemeStart } from '../src/engine/text/graphemes.js'
import { decodeGsm7, encodeGsm7 } from '../src/engine/text/gsm7.js'
import { findOffending } from '../src/engine/text/offending.js'
import { type Segmented, Segmenter, type SegmentOptions, textOf } from '../src/engine/text/segment.js'
import { transliterate } from '../src/engine/text/transliterate.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)

/** node-smpp, which has no types. */
const smpp: { encodings: { ASCII: { match(text: string): boolean; encode(text: string): Buffer } } } = createRequire(
  import.meta.url,
)('smpp')

const defaults: SegmentOptions = { alphabet: 'gsm7', longMessages: 'udh', maxParts: 32, transliterate: false }
const segment = (text: string, options: Partial<SegmentOptions> = {}) =>
  new Segmenter({ ...defaults, ...options }).segment(text)

function parts(result: Segmented): string[] {
  return Array.from({ length: result.partCount }, (_, part) => {
    const start = result.partStarts[part]!
    return textOf(result.bytes, start, start + result.partLengths[part]!, result)
  })
}

/** gsm7 ×160/2 and the like: coding, units, octets of the parts. */
function shape(text: string, options: Partial<SegmentOptions> = {}): string {
  const result = segment(text, options)
  if (result.reason !== 0) return reasonCode(result.reason)
  const coding = ['gsm7', 'ucs2', 'latin1', 'ascii'][result.coding]
  return `${coding} ${result.units}: ${[...result.partLengths.subarray(0, result.partCount)].join(' ')}`
}

t.test('every code point comes back as it was, or the text is refused', async (t) => {
  const segmenter = new Segmenter(defaults)
  const wrong: string[] = []
  let gsm7 = 0
  for (let point = 0; point <= 0x10ffff; point++) {
    const text = `a${String.fromCodePoint(point)}`
    const result = segmenter.segment(text)
    if (point >= 0xd800 && point <= 0xdfff) {
      if (reasonCode(result.reason) !== 'CHARACTER_UNSUPPORTED') wrong.push(point.toString(16))
      continue
    }
    if (result.coding === 0) gsm7++
    if (result.reason !== 0 || textOf(result.bytes, 0, result.partLengths[0]!, result) !== text) {
      wrong.push(point.toString(16))
    }
  }
  t.same(wrong, [])
  t.equal(gsm7, 127 + 10, 'the default alphabet without ESC, and the extension table')
})

t.test('the septets are those of another implementation', async (t) => {
  const target = Buffer.alloc(4)
  for (let unit = 0; unit < 0x3000; unit++) {
    const char = String.fromCharCode(unit)
    const length = encodeGsm7(char, target, 1)
    // node-smpp drops the form feed and counts ESC itself as a character.
    if (char === '\f' || char === '\u001b') continue
    const theirs = smpp.encodings.ASCII.match(char) ? smpp.encodings.ASCII.encode(char) : null
    if (length < 0 || theirs === null) {
      if (length >= 0 || theirs !== null) t.fail(`U+${unit.toString(16)}: ours ${length}, theirs ${theirs !== null}`)
    } else if (!target.subarray(1, 1 + length).equals(theirs)) t.fail(`U+${unit.toString(16)} differs`)
  }
  t.equal(encodeGsm7('\f', target, 0), 2)
  t.same([...target.subarray(0, 2)], [0x1b, 0x0a])
})

t.test('codes that no table has are read as the specification says', async (t) => {
  t.equal(decodeGsm7(Buffer.from([0x1b, 0x41, 0x1b, 0x65, 0x1b, 0x1b, 0x42, 0x1b]), 0, 8), 'A€ B ')
})

t.test('offending characters are named with their place', async (t) => {
  t.same(findOffending('a“b” 👍 [ok]', 'gsm7', 10), {
    first: [
      { char: '“', position: 1 },
      { char: '”', position: 3 },
      { char: '👍', position: 5 },
    ],
    total: 3,
  })
  t.same(findOffending('ççç', 'gsm7', 2).first.length, 2)
  t.equal(findOffending('ççç', 'gsm7', 2).total, 3)
  t.equal(findOffending('ççç€', 'latin1', 2).total, 1)
  t.equal(findOffending('ççç€', 'ascii', 0).total, 4)
})

t.test('part sizes are those of each coding and way of joining', async (t) => {
  t.equal(shape('x'.repeat(160)), 'gsm7 160: 160')
  t.equal(shape('x'.repeat(161)), 'gsm7 161: 153 8')
  t.equal(shape('x'.repeat(161), { longMessages: 'udh16' }), 'gsm7 161: 152 9')
  t.equal(shape('x'.repeat(161), { longMessages: 'sar' }), 'gsm7 161: 152 9')
  t.equal(shape('x'.repeat(161), { longMessages: 'payload' }), 'gsm7 161: 161')
  t.equal(shape('ж'.repeat(70)), 'ucs2 70: 140')
  t.equal(shape('ж'.repeat(71)), 'ucs2 71: 134 8')
  t.equal(shape('ж'.repeat(71), { longMessages: 'udh16' }), 'ucs2 71: 132 10')
  t.equal(shape('ж'.repeat(71), { longMessages: 'sar' }), 'ucs2 71: 132 10')
  t.equal(shape('ж'.repeat(71), { longMessages: 'payload' }), 'ucs2 71: 142')
  t.equal(shape('ç'.repeat(140), { alphabet: 'latin1' }), 'latin1 140: 140')
  t.equal(shape('ç'.repeat(141), { alphabet: 'latin1' }), 'latin1 141: 134 7')
  t.equal(shape('ç'.repeat(141), { alphabet: 'latin1', longMessages: 'udh16' }), 'latin1 141: 133 8')
  t.equal(shape('~'.repeat(141), { alphabet: 'ascii', longMessages: 'sar' }), 'ascii 141: 133 8')
  t.equal(shape('é', { alphabet: 'ascii' }), 'ucs2 1: 2')
  t.equal(shape('€', { alphabet: 'latin1' }), 'ucs2 1: 2')
  t.equal(shape('[]', {}), 'gsm7 4: 4')
})

t.test('nothing is cut in the middle', async (t) => {
  t.equal(shape(`${'x'.repeat(152)}€${'x'.repeat(20)}`), 'gsm7 174: 152 22')
  t.equal(shape(`${'ж'.repeat(66)}👍${'ж'.repeat(20)}`), 'ucs2 88: 132 44')
  const family = '👨‍👩‍👧'
  t.same(parts(segment(`${'ж'.repeat(62)}${family}${'ж'.repeat(20)}`)), ['ж'.repeat(62), `${family}${'ж'.repeat(20)}`])
  const thai = parts(segment(`${'ก'.repeat(66)}กำ${'ก'.repeat(20)}`))
  t.same(thai, ['ก'.repeat(66), `กำ${'ก'.repeat(20)}`], 'a vowel that is no mark')
  const tight = segment(`${'ж'.repeat(62)}${family}${'ж'.repeat(64)}`)
  t.equal(tight.partCount, 2, 'a whole grapheme is not worth another part')
  t.equal(parts(tight).join(''), `${'ж'.repeat(62)}${family}${'ж'.repeat(64)}`)
})

t.test('graphemes begin where the whole text, segmented from its start, says it', async (t) => {
  const random = new Random(seed)
  const whole = new Intl.Segmenter('en', { granularity: 'grapheme' })
  const wrong: string[] = []
  const check = (text: string) => {
    const starts = [...whole.segment(text)].map(({ index }) => index)
    let start = 0
    for (let at = 1; at < text.length; at++) {
      if (starts.includes(at)) start = at
      const found = graphemeStart(text, at, random.below(2) === 0 ? 0 : start)
      if (found !== start) wrong.push(`${JSON.stringify(text)} ${at}: ${found}, not ${start}`)
    }
  }
  const clusters = [
    ...CLUSTERS,
    '🇫🇷🇩🇪🇺',
    'क्षि',
    '\u0d4eക',
    'กำ',
    '\u1112\u1161\u11ab',
    '각\u11a8',
    '\r\n',
    '\u0600\u0661',
    '\u200d©',
    'a\u200c',
  ]
  for (let count = 0; count < 4_000; count++) {
    const script = SCRIPTS[random.below(SCRIPTS.length)]!
    let text = ''
    for (let length = random.below(120); length >= 0; length--) {
      const pick = random.below(5)
      if (pick === 0) text += clusters[random.below(clusters.length)]
      else if (pick === 1) text += String.fromCodePoint(ANYWHERE[random.below(ANYWHERE.length)]! + random.below(256))
      else text += script[random.below(script.length)]!
    }
    check(text.replace(/\p{Surrogate}/gu, ''))
  }
  for (let unit = 0; unit < 0xffff; unit++) {
    if ((unit & 0xf800) === 0xd800) continue
    const char = String.fromCharCode(unit)
    for (const text of [`a${char}b`, `क${char}क`]) {
      const starts = [...whole.segment(text)].map(({ index }) => index)
      for (const at of [1, 2]) {
        if ((graphemeStart(text, at) === at) !== starts.includes(at))
          wrong.push(`U+${unit.toString(16)} at ${at} of ${text}`)
      }
    }
  }
  check('🇬🇧'.repeat(60))
  check(`a${'\u0301'.repeat(200)}b`)
  t.same(wrong.slice(0, 3), [])
})

t.test('too long is told by parts, not by characters', async (t) => {
  t.equal(shape('x'.repeat(306), { maxParts: 2 }), 'gsm7 306: 153 153')
  t.equal(shape('x'.repeat(307), { maxParts: 2 }), 'TOO_LONG')
  t.equal(shape(`${'x'.repeat(152)}€${'x'.repeat(152)}`, { maxParts: 2 }), 'TOO_LONG', '306 septets that need 3 parts')
  t.equal(shape('x'.repeat(160), { maxParts: 1 }), 'gsm7 160: 160')
  t.equal(shape('€'.repeat(80), { maxParts: 1 }), 'gsm7 160: 160')
  t.equal(shape('€'.repeat(81), { maxParts: 1 }), 'TOO_LONG')
  t.equal(shape('ж'.repeat(135), { maxParts: 2 }), 'TOO_LONG')
  t.equal(shape('x'.repeat(307), { maxParts: 2, longMessages: 'payload' }), 'TOO_LONG')
  for (const char of ['x', 'é', '€', 'ж', '👍']) t.equal(shape(char.repeat(1_000_000)), 'TOO_LONG', char)
})

t.test('empty texts and lone surrogates are refused', async (t) => {
  const blank = ['', ' ', '\n\t ', '\u00a0', '\u2003 ', '\u3000', '\ufeff', '\u200b\u200d', '\u202a\u00ad\u2060']
  for (const text of blank) t.equal(shape(text), 'EMPTY_TEXT', JSON.stringify(text))
  for (const text of blank) t.not(shape(`${text}.`), 'EMPTY_TEXT')
  t.equal(shape('a\ud83d'), 'CHARACTER_UNSUPPORTED')
  t.equal(shape('a\udc4d\ud83d'), 'CHARACTER_UNSUPPORTED')
})

t.test('transliteration is used where it makes the text fit, and only there', async (t) => {
  const on = { transliterate: true }
  t.same(parts(segment('“Don’t” – wait… 5\u00a0€', on)), ['"Don\'t" - wait... 5 €'])
  t.same(parts(segment('Zażółć gęślą jaźń', on)), ['Zazolc gesla jazn'])
  t.same(parts(segment('“Привет”', on)), ['“Привет”'])
  t.equal(shape('“a”'), 'ucs2 3: 6')
  t.equal(transliterate('e\u0301 \u0301'), 'é \u0301')
  t.equal(transliterate('ÇçÑñßÆæ£€'), 'ÇcÑñßÆæ£€')
  t.equal(transliterate('20° ₹5'), '20° ₹5', 'what could change a meaning is left')
  t.equal(transliterate('‚x‘ „y“ ‹z› «w»'), '\'x\' "y" \'z\' "w"')
  t.equal(
    transliterate('ǖ ǻ Ấ ﬁ Ⅷ ½ m² H₂O 𝐒𝐀𝐋𝐄 ＡＢＣ！'),
    'ü å A fi VIII 1/2 m2 H2O SALE ABC!',
    'as many marks as there are',
  )
  t.equal(transliterate('“á” 5\u00a0½ š', 'latin1'), '"á" 5\u00a0½ s', 'what the alphabet has is left')
  t.equal(transliterate('Größe “Ñ”', 'ascii'), 'Grosse "N"')
  t.same(parts(segment('Größe “Ñ”', { ...on, alphabet: 'ascii' })), ['Grosse "N"'])
})

const SCRIPTS = ['abc XYZ 019 .,', 'abc{}[]~^|\\€', 'éèàùßÆ¥', 'абвгд', 'शब्द', 'שלום', '汉字短信', 'ไทย', 'ΑΒΓδ', 'xç']
/** Blocks with marks, signs before, jamo, and letters of Brahmic scripts. */
const ANYWHERE = [
  0x300, 0x600, 0x700, 0x800, 0x900, 0xa00, 0xb00, 0xc00, 0xd00, 0xe00, 0x1000, 0x1100, 0xa900, 0xd700, 0x2000, 0x2600,
  0x3000, 0xfe00, 0xff00, 0x11000, 0x1f300, 0x1f1e6,
]
const CLUSTERS = ['👍', '👍🏽', '👨‍👩‍👧', '🇬🇧', '❤️', '🏳️‍🌈', 'e\u0301']

function randomText(random: Random): string {
  const script = [...SCRIPTS[random.below(SCRIPTS.length)]!, ...(random.below(3) === 0 ? CLUSTERS : [])]
  const length = 1 + random.below(random.below(4) === 0 ? 600 : 200)
  let text = 'a'
  while (text.length < length) text += script[random.below(script.length)]!
  return text
}

/** Counts parts by walking characters, each of which costs so many units, into parts of `size`. */
function countParts(text: string, coding: Coding, sizes: readonly [number, number]): number {
  const costs = [...text].map((char) =>
    coding === 1 ? char.length : coding === 0 && /[\^{}\\[~\]|€\f]/.test(char) ? 2 : 1,
  )
  const total = costs.reduce((sum, cost) => sum + cost, 0)
  if (total <= sizes[0]) return 1
  let count = 1
  let room = sizes[1]
  for (const cost of costs) {
    if (cost > room) {
      count++
      room = sizes[1]
    }
    room -= cost
  }
  return count
}

t.test('generated texts in many scripts: parts join to the text, fit, and are as few as can be', async (t) => {
  const random = new Random(seed)
  const octets = { udh: 134, udh16: 133, sar: 133 } as const
  const segmenters = (['gsm7', 'latin1', 'ascii'] as const).flatMap((alphabet) =>
    (['udh', 'udh16', 'sar'] as const).map((longMessages) => ({
      room: octets[longMessages],
      segmenter: new Segmenter({ ...defaults, alphabet, longMessages }),
    })),
  )
  const wrong: string[] = []
  for (let count = 0; count < 20_000; count++) {
    const text = randomText(random)
    const { room, segmenter } = segmenters[random.below(segmenters.length)]!
    const result = segmenter.segment(text)
    const sizes = [
      [160, Math.floor((room * 8) / 7)],
      [70, room >> 1],
      [140, room],
      [140, room],
    ] as const
    const [single, multi] = sizes[result.coding as 0 | 1 | 2 | 3]
    const most = (result.partCount === 1 ? single : multi) * (result.coding === 1 ? 2 : 1)
    const fits = result.partLengths.subarray(0, result.partCount).every((length) => length > 0 && length <= most)
    const joined = parts(result).join('') === text
    const fewest = result.partCount === countParts(text, result.coding, [single, multi])
    if (!fits || !joined || !fewest) wrong.push(`${JSON.stringify(text)} ${fits} ${joined} ${fewest}`)
  }
  t.same(wrong.slice(0, 3), [])
})
