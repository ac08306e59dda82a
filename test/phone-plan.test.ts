/** Validity, country and line type against libphonenumber-js with its full metadata: zero differences. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type CountryCode, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { LINE_TYPES, NumberParser, type ParsedNumber } from '../src/engine/phone/number.js'
import { NATIONAL_DIGITS_MAX, planOf } from '../src/engine/phone/plan.js'
import { PLAN_ROWS } from '../src/engine/phone/plan-data.generated.js'

const require = createRequire(import.meta.url)
const mobileExamples: Record<string, string> = JSON.parse(
  readFileSync(require.resolve('libphonenumber-js/examples.mobile.json'), 'utf8'),
)
const seed = Number(process.env.TEST_SEED ?? 20261122)
t.comment(`seed ${seed}`)

const THEIR_TYPES: Record<string, string | undefined> = {
  mobile: 'MOBILE',
  fixed: 'FIXED_LINE',
  fixedOrMobile: 'FIXED_LINE_OR_MOBILE',
  tollFree: 'TOLL_FREE',
  premium: 'PREMIUM_RATE',
  sharedCost: 'SHARED_COST',
  voip: 'VOIP',
  personal: 'PERSONAL_NUMBER',
  pager: 'PAGER',
  uan: 'UAN',
  voicemail: 'VOICEMAIL',
}

const MOBILE = LINE_TYPES.indexOf('mobile')

/** '' when both say the same, else what differs. */
function difference(text: string, ours: ParsedNumber, country?: CountryCode): string {
  const theirs = parsePhoneNumberFromString(text, country)
  const valid = theirs?.isValid() === true
  if (!valid || ours.reason !== 0) {
    // With a default country we read some writings more than they do; what they read, we must read alike.
    const same = country === undefined ? valid === (ours.reason === 0) : !valid
    return same ? '' : `${text} ${country ?? ''}: theirs ${valid}, ours reason ${ours.reason}`
  }
  const their = [theirs.number, theirs.country ?? '001', theirs.getType()].join()
  const our = [`+${ours.digits}`, ours.country, THEIR_TYPES[LINE_TYPES[ours.lineType]!]].join()
  // On purpose: at home a mobile that lost its plus rather than a landline whose area code begins like the calling code.
  const lostPlus = country !== undefined && text === ours.digits && ours.lineType === MOBILE
  return their === our || lostPlus ? '' : `${text} ${country ?? ''}: theirs ${their}, ours ${our}`
}

/** Draws strings that a digit pattern matches. */
class Sampler {
  readonly #random: Random
  #pattern = ''
  #at = 0

  constructor(random: Random) {
    this.#random = random
  }

  draw(pattern: string): string {
    this.#pattern = pattern.replaceAll('$', '')
    this.#at = 0
    return this.#choice()()
  }

  #choice(): () => string {
    const options = [this.#sequence()]
    while (this.#pattern[this.#at] === '|') {
      this.#at++
      options.push(this.#sequence())
    }
    return () => options[this.#random.below(options.length)]!()
  }

  #sequence(): () => string {
    const items: (() => string)[] = []
    while (this.#at < this.#pattern.length && !'|)'.includes(this.#pattern[this.#at]!)) {
      items.push(this.#repeated(this.#atom()))
    }
    return () => items.map((item) => item()).join('')
  }

  #atom(): () => string {
    const char = this.#pattern[this.#at++]!
    if (char === '(') {
      if (this.#pattern[this.#at] === '?') this.#at += 2
      const inner = this.#choice()
      this.#at++
      return inner
    }
    let among = char
    if (char === '\\') {
      this.#at++
      among = '0123456789'
    } else if (char === '[') {
      const close = this.#pattern.indexOf(']', this.#at)
      const ranges = this.#pattern.slice(this.#at, close)
      among = [...'0123456789'].filter((digit) => new RegExp(`[${ranges}]`).test(digit)).join('')
      this.#at = close + 1
    }
    return () => among[this.#random.below(among.length)]!
  }

  #repeated(item: () => string): () => string {
    const quantifier = /^(?:\?|\{(\d+)(?:,(\d+))?\})/.exec(this.#pattern.slice(this.#at))
    if (quantifier === null) return item
    this.#at += quantifier[0].length
    const min = Number(quantifier[1] ?? 0)
    const max = Number(quantifier[2] ?? quantifier[1] ?? 1)
    return () => Array.from({ length: min + this.#random.below(max - min + 1) }, item).join('')
  }
}

function patternsOf(row: (typeof PLAN_ROWS)[number]): string[] {
  const types = row[4] === 0 ? [] : row[4].map((entry) => (entry === 0 ? '' : entry[0])).filter((text) => text !== '')
  return [row[2], ...types]
}

t.test('every example number of every region and type reads as the library reads it', async (t) => {
  const random = new Random(seed)
  const sampler = new Sampler(random)
  const parser = new NumberParser(null)
  const differences: string[] = []
  let count = 0
  for (const [country, national] of Object.entries(mobileExamples)) {
    const row = PLAN_ROWS.find((candidate) => candidate[0] === country)!
    const text = `+${row[1]}${national}`
    const found = difference(text, parser.parse(text))
    if (found !== '') differences.push(found)
    count++
  }
  for (const row of PLAN_ROWS) {
    for (const pattern of patternsOf(row)) {
      for (let draw = 0; draw < 5; draw++) {
        const text = `+${row[1]}${sampler.draw(pattern)}`
        const found = difference(text, parser.parse(text))
        if (found !== '') differences.push(found)
        count++
      }
    }
  }
  t.same(differences, [])
  t.ok(count > 5_000, `${count} numbers`)
})

t.test('one number for every state and length of every automaton reads as the library reads it', async (t) => {
  const parser = new NumberParser(null)
  const differences: string[] = []
  let count = 0
  for (let code = 1; code < 1000; code++) {
    const plan = planOf(code)
    if (plan === null) continue
    let level = new Map<number, string>([[1, '']])
    for (let length = 1; length <= NATIONAL_DIGITS_MAX; length++) {
      const longer = new Map<number, string>()
      for (const digits of level.values()) {
        for (let digit = 0; digit < 10; digit++) {
          const state = plan.run(`${digits}${digit}`, 0)
          if (state !== 0 && !longer.has(state)) longer.set(state, `${digits}${digit}`)
        }
      }
      level = longer
      for (const digits of level.values()) {
        const text = `+${code}${digits}`
        const found = difference(text, parser.parse(text))
        if (found !== '') differences.push(found)
        count++
      }
    }
  }
  t.same(differences, [])
  t.ok(count > 10_000, `${count} numbers`)
})

/** Random digits behind a real calling code, or a number of a real range as it is, changed, or with a prefix. */
function generate(random: Random, sampler: Sampler): string {
  const row = PLAN_ROWS[random.below(PLAN_ROWS.length)]!
  const kind = random.below(4)
  if (kind === 0) return row[1] + Array.from({ length: 2 + random.below(13) }, () => random.below(10)).join('')
  const patterns = patternsOf(row)
  const digits = sampler.draw(patterns[random.below(patterns.length)]!)
  if (kind === 1) return row[1] + digits
  if (kind === 2) {
    const at = random.below(digits.length)
    return row[1] + digits.slice(0, at) + random.below(10) + digits.slice(at + random.below(3))
  }
  const prefix = row[5] === 0 || random.below(2) === 0 ? String(random.below(10)) : sampler.draw(row[5])
  return row[1] + prefix + digits
}

t.test('200,000 generated numbers: no difference in validity, country, type or digits', async (t) => {
  const random = new Random(seed + 1)
  const sampler = new Sampler(random)
  const parser = new NumberParser(null)
  const differences: string[] = []
  let valid = 0
  for (let count = 0; count < 200_000; count++) {
    const text = `+${generate(random, sampler)}`
    const ours = parser.parse(text)
    if (ours.reason === 0) valid++
    const found = difference(text, ours)
    if (found !== '') differences.push(found)
  }
  t.same(differences.slice(0, 20), [])
  t.ok(valid > 50_000, `${valid} of them valid`)
})

t.test(
  '40,000 numbers as written at home: what the library accepts with a default country, we read alike',
  async (t) => {
    const random = new Random(seed + 2)
    const sampler = new Sampler(random)
    const rows = PLAN_ROWS.filter((row) => row[0] !== '001')
    const parsers = rows.map((row) => new NumberParser(row[0]))
    const differences: string[] = []
    for (let count = 0; count < 40_000; count++) {
      const place = random.below(rows.length)
      const row = rows[place]!
      const patterns = patternsOf(row)
      let text = sampler.draw(patterns[random.below(patterns.length)]!)
      const kind = random.below(4)
      if (kind === 1 && row[5] !== 0) text = sampler.draw(row[5]) + text
      if (kind === 2) text = row[1] + text
      if (kind === 3 && row[8] !== 0) text = sampler.draw(row[8]) + generate(random, sampler)
      const found = difference(text, parsers[place]!.parse(text), row[0] as CountryCode)
      if (found !== '') differences.push(found)
    }
    t.same(differences.slice(0, 20), [])
  },
)
