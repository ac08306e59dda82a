/**
 * Every behaviour of carriers that is known has a fixture, a test and, where carriers differ, a key: lines 1 to 85 of the
 * design page, in fixtures/carriers-receipts.json (1 to 33) and fixtures/carriers-wire.json (34 to 85). A line without
 * an entry fails, and so does an entry that names what is not there.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { SmppCarrierSchema } from '../src/engine/config/smpp-carrier.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const RECEIPTS_LAST = 33
const LAST = 85

interface Entry {
  title: string
  /** A file under test/fixtures, with `#key` for a part of it; or a text that stands in the test itself. */
  fixture: string | string[]
  /** `test/file.test.ts › name of the test`. */
  test: string | string[]
  /** Keys of a carrier with dots, or always. */
  config: string | string[]
}
interface Shape {
  properties?: Record<string, Shape>
  items?: Shape
  anyOf?: Shape[]
}

function manifest(name: string): Record<string, Entry> {
  return JSON.parse(readFileSync(join(root, 'test/fixtures', name), 'utf8')) as Record<string, Entry>
}

function all(value: string | string[]): string[] {
  return Array.isArray(value) ? value : [value]
}

const sources = new Map<string, string | null>()
/** Text of a file of the project; null: there is none. */
function sourceOf(path: string): string | null {
  let text = sources.get(path)
  if (text === undefined) {
    const whole = join(root, path)
    text = existsSync(whole) ? readFileSync(whole, 'utf8') : null
    sources.set(path, text)
  }
  return text
}

/** Names of the tests of a file: literal ones as they are, those with parts filled in as patterns. */
function testNames(source: string): RegExp[] {
  const names = source.matchAll(/\bt\.test\(\s*(['"`])((?:\\.|(?!\1)[\s\S])*)\1/g)
  return [...names].map(([, quote, name]) => {
    const parts = quote === '`' ? name!.split(/\$\{[^}]*\}/) : [name!.replace(/\\(['"])/g, '$1')]
    return new RegExp(`^${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.+')}$`)
  })
}

/** null: the test is there. */
function missingTest(reference: string): string | null {
  const [file, name] = reference.split(' › ')
  if (file === undefined || name === undefined) return `"${reference}" is not \`file › name\``
  const source = sourceOf(file)
  if (source === null) return `${file} is not there`
  return testNames(source).some((known) => known.test(name)) ? null : `${file} has no test "${name}"`
}

/** null: the fixture is a file, a key of one, or stands in one of the tests. */
function missingFixture(fixture: string, tests: string[]): string | null {
  const [file, key] = fixture.split('#')
  const text = sourceOf(`test/fixtures/${file}`)
  if (text !== null) {
    const isThere = key === undefined || Object.keys(JSON.parse(text) as object).some((name) => name.startsWith(key))
    return isThere ? null : `${file} has no ${key}`
  }
  const inTests = tests.some((reference) => sourceOf(reference.split(' › ')[0]!)?.includes(fixture))
  return inTests ? null : `"${fixture}" is no file under test/fixtures, and in none of its tests`
}

function hasKey(schema: Shape, path: string[]): boolean {
  if (path.length === 0) return true
  const branches = [schema, ...(schema.anyOf ?? []), ...(schema.items === undefined ? [] : [schema.items])]
  const [first, ...rest] = path
  return branches.some((branch) => {
    const next = branch.properties?.[first!]
    return next !== undefined && hasKey(next, rest)
  })
}

/** Everything that is wrong with an entry. */
function problems(entry: Entry): string[] {
  const tests = all(entry.test)
  const found = [...tests.map(missingTest), ...all(entry.fixture).map((fixture) => missingFixture(fixture, tests))]
  for (const key of all(entry.config)) {
    const isThere = key === 'always' || hasKey(SmppCarrierSchema as unknown as Shape, key.split('.'))
    if (!isThere) found.push(`a carrier has no key ${key}`)
  }
  if (entry.title === '' || tests.length === 0) found.push('title or test is empty')
  return found.filter((problem) => problem !== null)
}

function check(file: string, first: number, last: number): void {
  t.test(`${file} has an entry for each line from ${first} to ${last}, and what it names is there`, async (t) => {
    const entries = manifest(file)
    const wanted = Array.from({ length: last - first + 1 }, (_, n) => String(first + n))
    t.strictSame(
      Object.keys(entries).sort((a, b) => Number(a) - Number(b)),
      wanted,
    )
    for (const [number, entry] of Object.entries(entries)) t.strictSame(problems(entry), [], `${number} ${entry.title}`)
  })
}

check('carriers-receipts.json', 1, RECEIPTS_LAST)
check('carriers-wire.json', RECEIPTS_LAST + 1, LAST)

t.test('an entry that names what is not there is found out', async (t) => {
  const sound = {
    title: 'this very file',
    fixture: 'carriers-wire.json#34',
    test: 'test/carriers-manifest.test.ts › an entry that names what is not there is found out',
    config: ['source.ton', 'tlvs.tag', 'tls.minVersion', 'always'],
  }
  t.strictSame(problems(sound), [])
  const wrong: Partial<Entry>[] = [
    { fixture: 'carriers-wire.json#no-such-key' },
    { fixture: ['no-such', 'file.json'].join('-') },
    { test: 'test/no-such-file.test.ts › name' },
    { test: 'test/carriers-manifest.test.ts › no such name' },
    { test: 'no name at all' },
    { config: 'source.tone' },
    { config: 'no.such.key' },
    { title: '' },
  ]
  for (const change of wrong) t.equal(problems({ ...sound, ...change }).length > 0, true, JSON.stringify(change))
})
