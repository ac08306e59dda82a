/** Validity, country and line type against libphonenumber-js with its full metadata: zero differences. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import t from 'tap'
import { planSource } from '../scripts/plan-source.js'
import { Random } from '../src/engine/base/random.js'
import { lineTypeName } from '../src/engine/phone/number.js'
import { NATIONAL_DIGITS_MAX, planOf } from '../src/engine/phone/plan.js'
import { PLAN_ROWS } from '../src/engine/phone/plan-data.generated.js'
import { difference, NumberCorpus, parserOf, patternsOf, Sampler } from './number-corpus.js'
import { seed } from './seed.js'

const require = createRequire(import.meta.url)
const mobileExamples: Record<string, string> = JSON.parse(
  readFileSync(require.resolve('libphonenumber-js/examples.mobile.json'), 'utf8'),
)
/** Made by Google's own library from the examples of its metadata 9.0.24: country, type, number. */
const allExamples = readFileSync(new URL('../../test/fixtures/phone-examples.csv', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split(',') as [country: string, type: string, number: string])
/** Where the newer metadata of libphonenumber-js has changed its mind since. */
const CHANGED_SINCE = new Set(['+22985751234', '+22981123456', '+26779101234', '+2908999', '+2631312345'])
t.comment(`seed ${seed}`)
// As in .taprc, also when run by itself on a busy machine.
t.setTimeout(580_000)

t.test('the generated plan is that of the installed library', async (t) => {
  const generated = new URL('../../src/engine/phone/plan-data.generated.ts', import.meta.url)
  t.equal(readFileSync(generated, 'utf8'), planSource(), 'else run: npm run numbers')
})

t.test('every example number of every region and type reads as the library reads it', async (t) => {
  const differences: string[] = []
  const regions = new Set(Object.keys(mobileExamples))
  for (const [country, national] of Object.entries(mobileExamples)) {
    const row = PLAN_ROWS.find((candidate) => candidate[0] === country)!
    const found = difference({ text: `+${row[1]}${national}`, country: null })
    if (found !== '') differences.push(found)
  }
  for (const [country, type, number] of allExamples) {
    regions.add(country)
    const found = difference({ text: number, country: null })
    if (found !== '') differences.push(found)
    const ours = parserOf(null).parse(number)
    const says = [ours.country, lineTypeName(ours.lineType)].join()
    if (says !== `${country},${type}` && !CHANGED_SINCE.has(number)) differences.push(`${number}: ${says}, ${type}`)
  }
  t.same(differences, [])
  t.equal(regions.size, new Set(PLAN_ROWS.map(([country]) => country)).size, 'every region has examples')
})

t.test('numbers of every pattern of every plan read as the library reads them', async (t) => {
  const sampler = new Sampler(new Random(seed))
  const differences: string[] = []
  let count = 0
  for (const row of PLAN_ROWS) {
    for (const pattern of patternsOf(row)) {
      for (let draw = 0; draw < 2; draw++) {
        const found = difference({ text: `+${row[1]}${sampler.draw(pattern)}`, country: null })
        if (found !== '') differences.push(found)
        count++
      }
    }
  }
  t.same(differences, [])
  t.ok(count > 2_000, `${count} numbers`)
})

t.test('one number for every state and length of every automaton reads as the library reads it', async (t) => {
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
        const found = difference({ text, country: null })
        if (found !== '') differences.push(found)
        count++
      }
    }
  }
  t.same(differences, [])
  t.ok(count > 10_000, `${count} numbers`)
})

// A million of them: node build/scripts/compare-numbers.js
t.test('20,000 generated numbers, however written: no difference in validity, digits, country or type', async (t) => {
  const corpus = new NumberCorpus(new Random(seed + 1))
  const differences: string[] = []
  let valid = 0
  for (let count = 0; count < 20_000; count++) {
    const written = corpus.next()
    const found = difference(written)
    if (found !== '') differences.push(found)
    if (parserOf(written.country).parse(written.text).reason === 0) valid++
  }
  t.same(differences.slice(0, 20), [])
  t.ok(valid > 8_000, `${valid} of them valid`)
})
