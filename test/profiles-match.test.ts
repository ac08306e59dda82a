/** Which profile serves a dropped file: patterns of names, the more telling one first. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { bestMatch, patternErrors, patternsOf } from '../src/engine/profiles/file-pattern.js'
import { seed } from './seed.js'

const served = (patterns: Record<string, string | string[]>) =>
  Object.entries(patterns).map(([name, pattern]) => ({ name, patterns: patternsOf(pattern) }))

t.test('a pattern fits whole names, in any case and composition, packed or not', async (t) => {
  const fits = (pattern: string, file: string) => bestMatch(served({ it: pattern }), file) === 'it'
  t.ok(fits('clinic-*.csv', 'clinic-2026-11.csv'))
  t.ok(fits('Clinic-*.CSV', 'CLINIC-.csv'))
  t.ok(fits('clinic-*.csv', 'clinic-1.csv.gz'))
  t.ok(fits('Köln*.csv', 'Ko\u0308ln-1.csv'), 'as a Mac writes it')
  t.ok(fits('day?.csv', 'day1.csv'))
  t.ok(fits('*', 'anything at all'))
  t.ok(fits('a[1].csv', 'a[1].csv'), 'brackets are characters')
  t.notOk(fits('clinic-*.csv', 'my-clinic-1.csv'))
  t.notOk(fits('day?.csv', 'day10.csv'))
  t.notOk(fits('a.csv', 'abcsv'), 'a dot is a dot')
})

t.test('the pattern that says most about a name wins, ties go by the name of the profile', async (t) => {
  const all = served({ rest: '*.csv', clinic: 'clinic-*.csv', day: 'clinic-2026-??-??.csv', b: 'x*', a: 'x*' })
  t.equal(bestMatch(all, 'other.csv'), 'rest')
  t.equal(bestMatch(all, 'clinic-new.csv'), 'clinic')
  t.equal(bestMatch(all, 'clinic-2026-11-22.csv'), 'day')
  t.equal(bestMatch(all, 'x1'), 'a')
  t.equal(bestMatch(all, 'x1.csv'), 'rest', 'four characters say more than one')
  t.equal(bestMatch(all, 'nothing.txt'), null)
  t.equal(bestMatch(served({ many: ['a*.csv', 'b*.csv'] }), 'b7.csv'), 'many')
})

t.test('matching agrees with regular expressions for any pattern and name', async (t) => {
  const random = new Random(seed)
  const pick = (letters: string, most: number) =>
    Array.from({ length: random.below(most) }, () => letters[random.below(letters.length)]).join('')
  let fitting = 0
  for (let round = 0; round < 20_000; round++) {
    const pattern = pick('ab*?.', 8)
    const name = pick('ab.', 8)
    const source = pattern.replaceAll('.', '\\.').replaceAll('?', '.').replaceAll('*', '.*')
    const expected = new RegExp(`^${source}$`).test(name)
    if (expected) fitting++
    if ((bestMatch(served({ it: pattern }), name) === 'it') !== expected) t.fail(`${pattern} against ${name}`)
  }
  t.ok(fitting > 500)
})

t.test('a pattern of many stars takes no time that somebody would notice', async (t) => {
  t.equal(bestMatch(served({ it: `${'*a'.repeat(120)}b` }), 'a'.repeat(250)), null)
})

t.test('what is no name of a file is refused with its place', async (t) => {
  t.same([...patternErrors('clinic-*.csv')], [])
  t.same(
    [...patternErrors('a/b')].map(({ pointer }) => pointer),
    ['/filePattern'],
  )
  t.same(
    [...patternErrors(['ok', '', 'a\u0000'])].map(({ pointer }) => pointer),
    ['/filePattern/1', '/filePattern/2'],
  )
})
