/** Texts and numbers: ours against plain libraries, in the same run. */
import { createRequire } from 'node:module'
import parsePhoneNumber from 'libphonenumber-js/max'
import { DEFAULT_NUMBER_RULES } from '../src/engine/contract/number-rules.js'
import { NumberParser } from '../src/engine/phone/number.js'
import { NumberPolicy } from '../src/engine/phone/number-policy.js'
import { Segmenter } from '../src/engine/text/segment.js'
import { type BenchOptions, type BenchRow, rates, roundsOf } from './bench.js'

/** Two packages without types, or with none that fit; they find the parts as text and encode nothing. */
const require = createRequire(import.meta.url)
const splitSms: { split(text: string): unknown } = require('split-sms')
const { SegmentedMessage }: { SegmentedMessage: new (text: string) => unknown } = require('sms-segments-calculator')

const TEXTS = Array.from({ length: 1000 }, (_, index) =>
  `Hello Anna, your parcel ${100_000 + index} arrives today between 10:00 and 12:00. Reply STOP to end. Thank you.`.padEnd(
    120 + (index % 41),
    ' see you soon',
  ),
)
const ACCENTED = TEXTS.map((text) => `Señor: ${text}`.slice(0, 160))
const LONG = TEXTS.map((text) => text + text)
const WIDE = TEXTS.map((text) => `Привет ${text}`.slice(0, 70))
const WIDE_LONG = TEXTS.map((text) => `Привет ${text}`.repeat(2).slice(0, 200))
const EMOJI = TEXTS.map((text) => `👍🏽 ${text}`.slice(0, 140))
const TURKISH = TEXTS.map((_, index) =>
  `Sayın müşterimiz, ${100_000 + index} numaralı siparişiniz bugün ulaşacaktır. `.repeat(2),
)
const HINDI = TEXTS.map((_, index) =>
  `नमस्ते, आपका पार्सल ${100_000 + index} आज दस से बारह बजे के बीच पहुंचेगा. धन्यवाद`.repeat(2),
)
const INTERNATIONAL = TEXTS.map((_, index) => `+4474${String(10_000_000 + index * 7919).slice(0, 8)}`)
const NATIONAL = INTERNATIONAL.map((text) => `0${text.slice(3)}`)
const SPACED = NATIONAL.map((text) => `${text.slice(0, 5)} ${text.slice(5)}`)

/** An account that denies 500 ranges. */
const DENIED = Array.from({ length: 500 }, (_, index) => `4479${100 + index}`)

/** Calls `work` on all of `items`, `rounds` times; the number of calls. */
function each<T>(items: readonly T[], rounds: number, work: (item: T) => unknown): () => number {
  return () => {
    for (let round = 0; round < rounds; round++) for (const item of items) work(item)
    return items.length * rounds
  }
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const segmenter = new Segmenter({ alphabet: 'gsm7', longMessages: 'udh', maxParts: 10, transliterate: false })
  const segment = (text: string) => segmenter.segment(text)
  const national = new Segmenter({
    alphabet: 'gsm7',
    longMessages: 'udh',
    maxParts: 10,
    transliterate: false,
    nationalLanguages: ['turkish', 'hindi', 'tamil'],
  })
  const segmentNational = (text: string) => national.segment(text)
  const parser = new NumberParser('GB')
  const parse = (text: string) => parser.parse(text)
  const policy = new NumberPolicy({ ...DEFAULT_NUMBER_RULES, allowPrefixes: ['44', '1'], denyPrefixes: DENIED })
  const measured = rates(
    {
      'text, 120–160 plain characters': each(TEXTS, 200, segment),
      'text, 160 characters with an accent': each(ACCENTED, 100, segment),
      'text, two parts': each(LONG, 100, segment),
      'text, 70 characters UCS-2': each(WIDE, 100, segment),
      'text, 200 characters UCS-2': each(WIDE_LONG, 50, segment),
      'text, plain characters, 3 languages allowed': each(TEXTS, 200, segmentNational),
      'text, Hindi in its tables, 3 languages allowed': each(HINDI, 20, segmentNational),
      'text, Turkish in its tables, 3 languages allowed': each(TURKISH, 20, segmentNational),
      'text, two parts UCS-2 with emoji': each(EMOJI, 20, segment),
      'text, two parts of Hindi UCS-2': each(HINDI, 20, segment),
      'text, split-sms': each(TEXTS, 20, splitSms.split),
      'text, split-sms, two parts UCS-2 with emoji': each(EMOJI, 10, splitSms.split),
      'text, sms-segments-calculator': each(TEXTS, 1, (text) => new SegmentedMessage(text)),
      'number, +44…': each(INTERNATIONAL, 200, parse),
      'number, 07…': each(NATIONAL, 100, parse),
      'number, 07… with a space': each(SPACED, 50, parse),
      'number, +44… against 502 prefixes': each(INTERNATIONAL, 200, (text) => policy.refusal(parser.parse(text))),
      'number, libphonenumber-js': each(INTERNATIONAL, 2, (text) => parsePhoneNumber(text)?.isValid()),
    },
    roundsOf(options),
  )
  return Object.entries(measured).map(([name, value]) => {
    const ratioTo = name.startsWith('text') ? 'text, split-sms' : 'number, libphonenumber-js'
    return {
      name,
      value,
      unit: name.startsWith('text') ? 'texts/s' : 'numbers/s',
      ratioTo,
      ratio: value / measured[ratioTo]!,
    }
  })
}
