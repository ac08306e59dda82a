/** Numbers of parts against calculators that are not ours: npm split-sms and sms-segments-calculator. */
import { createRequire } from 'node:module'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { type Segmented, Segmenter, textOf } from '../src/engine/text/segment.js'
import { randomText, SCRIPT_NAMES, SCRIPTS } from './generated-texts.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)

/** The little that is used of two packages that have no types, or none that fit. */
const require = createRequire(import.meta.url)
const splitSms: { split(text: string, options: object): { characterSet: string; bytes: number; parts: unknown[] } } =
  require('split-sms')
const {
  SegmentedMessage,
}: { SegmentedMessage: new (text: string) => { encodingName: string; segmentsCount: number } } =
  require('sms-segments-calculator')

const TEXTS = 100_000
/** The second calculator takes a millisecond a text. */
const EVERY = 100

function joined(result: Segmented): string {
  let text = ''
  for (let part = 0; part < result.partCount; part++) {
    const start = result.partStarts[part]!
    text += textOf(result.bytes, start, start + result.partLengths[part]!, result)
  }
  return text
}

t.test(`${TEXTS} generated texts in ${SCRIPT_NAMES.length} scripts need the parts that others count`, async (t) => {
  const random = new Random(seed)
  const segmenter = new Segmenter({ alphabet: 'gsm7', longMessages: 'udh', maxParts: 32, transliterate: false })
  const wrong: string[] = []
  const seen = { gsm7: 0, ucs2: 0, graphemes: 0 }
  for (let count = 0; count < TEXTS; count++) {
    const text = randomText(random, SCRIPTS[SCRIPT_NAMES[count % SCRIPT_NAMES.length]!]!)
    const result = segmenter.segment(text)
    const note = (said: string) => wrong.push(`${JSON.stringify(text)}: ${result.coding} ${result.partCount}, ${said}`)
    if (joined(result) !== text) note('parts do not join to it')
    const theirs = splitSms.split(text, { summary: true })
    const isSame = (theirs.characterSet === 'GSM') === (result.coding === 0) && theirs.parts.length === result.partCount
    if (!isSame) note(`split-sms: ${theirs.characterSet} ${theirs.parts.length}`)
    seen[result.coding === 0 ? 'gsm7' : 'ucs2']++
    if (count % EVERY !== 0) continue
    const second = new SegmentedMessage(text)
    // It never cuts a grapheme, whatever it costs; we do where keeping it whole would cost a part.
    const fits =
      result.coding === 0 ? second.segmentsCount === result.partCount : second.segmentsCount >= result.partCount
    if ((second.encodingName === 'GSM-7') !== (result.coding === 0) || !fits) {
      note(`sms-segments-calculator: ${second.encodingName} ${second.segmentsCount}`)
    }
    seen.graphemes += second.segmentsCount - result.partCount
  }
  t.same(wrong.slice(0, 3), [])
  t.ok(seen.gsm7 > TEXTS / 20 && seen.ucs2 > TEXTS / 2, `${seen.gsm7} in GSM 7-bit, ${seen.ucs2} in UCS-2`)
  t.ok(seen.graphemes < TEXTS / EVERY / 10, `whole graphemes at any price cost ${seen.graphemes} parts more`)
})
