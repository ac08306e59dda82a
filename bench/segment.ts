/** Texts and numbers: ours against the plain way, in the same run. */
import parsePhoneNumber from 'libphonenumber-js/max'
import { NumberParser } from '../src/engine/phone/number.js'
import { Segmenter } from '../src/engine/text/segment.js'
import { type BenchOptions, type BenchRow, rates, roundsOf } from './bench.js'

const BASIC =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'
const plainCodes = new Map([...BASIC].map((char, index) => [char, index]))

/** As one writes it first: a map from character to code, arrays, a slice a part. */
function plainSegments(text: string): Buffer[] {
  const codes: number[] = []
  for (const char of text) {
    const code = plainCodes.get(char)
    if (code === undefined) return [Buffer.from(text, 'utf16le').swap16()]
    codes.push(code)
  }
  if (codes.length <= 160) return [Buffer.from(codes)]
  const parts: Buffer[] = []
  for (let start = 0; start < codes.length; start += 153) parts.push(Buffer.from(codes.slice(start, start + 153)))
  return parts
}

const TEXTS = Array.from({ length: 1000 }, (_, index) =>
  `Hello Anna, your parcel ${100_000 + index} arrives today between 10:00 and 12:00. Reply STOP to end. Thank you.`.padEnd(
    120 + (index % 41),
    ' see you soon',
  ),
)
const ACCENTED = TEXTS.map((text) => `Señor: ${text}`.slice(0, 160))
const LONG = TEXTS.map((text) => text + text)
const WIDE = TEXTS.map((text) => `Привет ${text}`.slice(0, 70))
const INTERNATIONAL = TEXTS.map((_, index) => `+4474${String(10_000_000 + index * 7919).slice(0, 8)}`)
const NATIONAL = INTERNATIONAL.map((text) => `0${text.slice(3)}`)
const SPACED = NATIONAL.map((text) => `${text.slice(0, 5)} ${text.slice(5)}`)

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
  const parser = new NumberParser('GB')
  const parse = (text: string) => parser.parse(text)
  const measured = rates(
    {
      'text, 120–160 plain characters': each(TEXTS, 200, segment),
      'text, 160 characters with an accent': each(ACCENTED, 100, segment),
      'text, two parts': each(LONG, 100, segment),
      'text, 70 characters UCS-2': each(WIDE, 100, segment),
      'text, plain way': each(TEXTS, 20, plainSegments),
      'number, +44…': each(INTERNATIONAL, 200, parse),
      'number, 07…': each(NATIONAL, 100, parse),
      'number, 07… with a space': each(SPACED, 50, parse),
      'number, libphonenumber-js': each(INTERNATIONAL, 2, (text) => parsePhoneNumber(text)?.isValid()),
    },
    roundsOf(options),
  )
  return Object.entries(measured).map(([name, value]) => {
    const ratioTo = name.startsWith('text') ? 'text, plain way' : 'number, libphonenumber-js'
    return {
      name,
      value,
      unit: name.startsWith('text') ? 'texts/s' : 'numbers/s',
      ratioTo,
      ratio: value / measured[ratioTo]!,
    }
  })
}
