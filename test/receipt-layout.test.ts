/** Receipts that are laid out alike are read by comparison: whatever came before, the fields are those of reading word by word. */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { ReceiptLayout } from '../src/smpp/receipt-layout.js'
import { newTextFields, scanText } from '../src/smpp/receipt-text.js'
import { seed } from './seed.js'

const CASES = 50_000
const folder = new URL('../../test/fixtures/receipts/', import.meta.url)
const texts = readdirSync(folder)
  .flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')).receipts as { text: string }[])
  .map(({ text }) => text)
const USUAL =
  'id:0a1b2c3d sub:001 dlvrd:001 submit date:2611221200 done date:2611221201 stat:DELIVRD err:000 text:Hello id:9'
const SPACED =
  'id: 0a1b2c3d sub: 001 dlvrd: 001 submit date: 2611221200 done date: 2611221201 stat: DELIVRD err: 00000 text: Hello'
/** What decides how a text is read: gaps, colons, names, and letters of values. */
const OCTETS = [...' ,;|\t:=', ...'0aZ_', '\u0000', '\u00e9']

const WORDS = ['text:', 'stat:', 'id:', 'err:', 'sub:', 'done date:', 'id: ', 'err: ', 'stat: ']

/** Something near a text that went before: most octets as they were. */
function varied(text: string, random: Random): string {
  let octets = [...text]
  for (let changes = random.below(4); changes > 0 && octets.length > 0; changes--) {
    const at = placeIn(octets, random)
    const octet = OCTETS[random.below(OCTETS.length)]!
    const how = random.below(7)
    if (how === 0) octets.splice(at, 1)
    else if (how === 1) octets.splice(at, 0, octet)
    else if (how === 2) octets = octets.slice(0, at)
    else if (how === 6) overwrite(octets, at, WORDS[random.below(WORDS.length)]!)
    else octets[at] = how === 3 ? octet : String(random.below(10))
  }
  return octets.join('')
}

/** Anywhere, or where a value begins. */
function placeIn(octets: string[], random: Random): number {
  const starts = octets.flatMap((octet, at) => (octet !== ' ' && /[: ]/.test(octets[at - 1] ?? '') ? [at] : []))
  if (starts.length > 0 && random.below(2) === 0) return starts[random.below(starts.length)]!
  return random.below(octets.length)
}

function overwrite(octets: string[], at: number, word: string): void {
  octets.splice(at, word.length, ...word)
}

t.test('whatever it read before, a layout reads what reading word by word gives', async (t) => {
  t.ok(texts.length > 30, `${texts.length} receipts of fixtures`)
  const random = new Random(seed)
  const layout = new ReceiptLayout()
  const [byLayout, byWord] = [newTextFields(), newTextFields()]
  const bytes = Buffer.alloc(2_048)
  let wrong = 0
  let base = USUAL
  for (let n = 0; n < CASES; n++) {
    if (random.below(50) === 0) base = [USUAL, SPACED, texts[random.below(texts.length)]!][random.below(3)]!
    const start = random.below(40)
    const text = varied(base, random)
    const end = start + bytes.latin1Write(text, start)
    layout.scan(bytes, start, end, byLayout)
    scanText(bytes, start, end, byWord)
    for (const fields of [byLayout, byWord]) {
      for (const place of [fields.id, fields.stat, fields.err, fields.done]) if (place.length === 0) place.start = 0
    }
    if (JSON.stringify(byLayout) !== JSON.stringify(byWord) && ++wrong <= 5)
      t.same(byLayout, byWord, `seed ${seed}: ${JSON.stringify(text)}`)
  }
  t.equal(wrong, 0, `of ${CASES} texts`)
})
