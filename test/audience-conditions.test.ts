/** Conditions of an audience: against a naive evaluator over random contacts, the rules of comparison, and what is refused. */
import t from 'tap'
import { checkAudience, predicateOf } from '../src/engine/audience/audience.js'
import type { Candidate } from '../src/engine/audience/candidate.js'
import { Random } from '../src/engine/base/random.js'
import type { ContactRecord } from '../src/engine/contacts/contact-record.js'
import type { Audience, Condition } from '../src/engine/contract/audience.js'
import { type AttributeValue, CONTACT_KINDS } from '../src/engine/contract/contacts.js'
import { EngineError } from '../src/engine/contract/errors.js'
import { messageRef } from '../src/engine/contract/message.js'
import { seed } from './seed.js'

const random = new Random(seed)
const CASES = 20_000

function pick<T>(items: readonly T[]): T {
  return items[Math.floor(random.next() * items.length)]!
}
function chance(share: number): boolean {
  return random.next() < share
}

const VALUES: AttributeValue[] = [
  ...[
    'Hull',
    'hull',
    'HULL',
    'Kingston upon Hull',
    'Z\u00fcrich',
    'Zu\u0308rich',
    '',
    '10',
    '9',
    '9.0',
    ' 9 ',
    '1e1',
    '-3',
  ],
  ...['2026-11-22', '2026-11-22T00:00:00Z', '2026-11-22T01:00:00+02:00', '2025-02-30', 'true', 'False', 'no'],
  ...[9, 10, -3, 0, 9.5],
  ...[true, false],
]
const WANTED = VALUES.filter((value) => value !== '' && value !== ' 9 ')
const TAGS = ['vip', 'VIP-gold', 'October', 'z\u00fcrich']
const FIELDS = [
  'attributes.a',
  'attributes.b',
  'attributes.toString',
  'tags',
  'optIn.sms',
  'email',
  'createdAt',
  'number',
  'kind',
  'company.attributes.a',
  'company.tags',
  'lastMessage.state',
  'lastMessage.at',
  'lastMessage.channel',
]
const OPS = ['=', '!=', '<', '<=', '>', '>=', 'contains', 'starts', 'in', 'exists', 'before', 'after', '≠', '≤', '≥']
const TIMES = ['2026-11-22', '2026-11-22T00:00:00Z', '2026-10-01T12:00:00+01:00']

/** A contact with what stands beside its record. */
function candidate(): Candidate {
  const state = pick(['sent', 'delivered', 'failed'] as const)
  const last = { ref: messageRef(1, 1), atMs: Date.parse(pick(TIMES)), state, channel: pick(['sms', 'email'] as const) }
  return { record: contact(), last: chance(0.6) ? last : null, parent: chance(0.5) ? contact() : null }
}

function contact(): ContactRecord {
  const attributes: Record<string, AttributeValue> = {}
  if (chance(0.8)) attributes.a = pick(VALUES)
  if (chance(0.5)) attributes.b = pick(VALUES)
  return {
    number: chance(0.8) ? 447712345101 : null,
    email: chance(0.5) ? 'Ann@Example.com' : null,
    kind: pick(CONTACT_KINDS),
    parent: null,
    company: null,
    attributes,
    tags: TAGS.filter(() => chance(0.3)),
    optIn: chance(0.5)
      ? { sms: { state: pick(['in', 'out', 'pending'] as const), source: null, text: null, atMs: 0, address: null } }
      : {},
    createdMs: Date.parse(pick(TIMES)),
    updatedMs: 0,
  }
}

function condition(depth: number): Condition {
  const kind = depth === 0 ? 3 : Math.floor(random.next() * 5)
  const inside = () => Array.from({ length: Math.floor(random.next() * 4) }, () => condition(depth - 1))
  if (kind === 0) return { all: inside() }
  if (kind === 1) return { any: inside() }
  if (kind === 2) return { not: condition(depth - 1) }
  const field = pick(FIELDS)
  const op = pick(OPS)
  const isTime = field === 'createdAt' || field === 'lastMessage.at' || op === 'before' || op === 'after'
  const one = () => (isTime ? pick(TIMES) : pick(WANTED))
  const value = op === 'exists' ? pick([true, false, undefined]) : op === 'in' ? [one(), one(), one()] : one()
  return value === undefined ? { field, op } : { field, op, value }
}

// The naive evaluator: no compiling, no shared code; every rule written out as the documentation says it.
type Field = AttributeValue | string[] | Date | undefined

function naiveField({ record, last, parent }: Candidate, field: string): Field {
  if (field.startsWith('company.')) {
    return parent === null ? undefined : naiveField({ record: parent, last: null, parent: null }, field.slice(8))
  }
  if (field === 'lastMessage.at') return last === null ? undefined : new Date(last.atMs)
  if (field === 'lastMessage.state') return last === null ? undefined : last.state
  if (field === 'lastMessage.channel') return last === null ? undefined : last.channel
  if (field === 'kind') return record.kind
  if (field === 'tags') return record.tags.length > 0 ? [...record.tags] : undefined
  if (field === 'optIn.sms') return record.optIn.sms?.state
  if (field === 'email') return record.email ?? undefined
  if (field === 'number') return record.number === null ? undefined : `+${record.number}`
  if (field === 'createdAt') return new Date(record.createdMs)
  const found = Object.entries(record.attributes).find(([name]) => name === field.slice('attributes.'.length))
  return found === undefined || found[1] === '' ? undefined : found[1]
}

const isIsoTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d))?$/
function naiveTime(value: unknown): number {
  if (value instanceof Date) return value.getTime()
  if (typeof value !== 'string' || !isIsoTime.test(value)) return Number.NaN
  const day = value.slice(0, 10)
  const ms = Date.parse(value.length === 10 ? `${value}T00:00:00Z` : value)
  if (value.length === 10 && !Number.isNaN(ms) && new Date(ms).toISOString().slice(0, 10) !== day) return Number.NaN
  return ms
}
function naiveText(value: unknown): string {
  return String(value).normalize('NFC').toLowerCase()
}
function naiveNumber(value: unknown): number {
  if (typeof value === 'number') return value
  return typeof value === 'string' && /^[+-]?\d+(\.\d+)?(e\d+)?$/.test(value.trim()) ? Number(value) : Number.NaN
}

/** Both sides in one form that can be compared; null: they cannot. */
function comparable(stored: unknown, wanted: unknown): [number | string, number | string] | null {
  const numbers = (a: number, b: number): [number, number] | null =>
    Number.isNaN(a) || Number.isNaN(b) ? null : [a, b]
  if (typeof wanted === 'number') return numbers(naiveNumber(stored), wanted)
  if (typeof wanted === 'boolean') {
    if (typeof stored !== 'boolean' && !/^(true|false)$/i.test(String(stored))) return null
    return naiveText(stored) === String(wanted) ? [0, 0] : null
  }
  if (!Number.isNaN(naiveTime(wanted))) return numbers(naiveTime(stored), naiveTime(wanted))
  return stored instanceof Date ? null : [naiveText(stored), naiveText(wanted)]
}

function naiveOne(stored: unknown, op: string, wanted: unknown): boolean {
  if (op === 'contains') return naiveText(stored).includes(naiveText(wanted))
  if (op === 'starts') return naiveText(stored).startsWith(naiveText(wanted))
  if (op === 'in') return (wanted as unknown[]).some((one) => naiveOne(stored, '=', one))
  const pair = comparable(stored, wanted)
  if (pair === null) return false
  const [a, b] = pair
  if (op === '=') return a === b
  if (op === '<' || op === 'before') return a < b
  if (op === '<=' || op === '≤') return a <= b
  if (op === '>' || op === 'after') return a > b
  return a >= b
}

function naive(record: Candidate, condition: Condition): boolean {
  if ('all' in condition) return condition.all.filter((inside) => !naive(record, inside)).length === 0
  if ('any' in condition) return condition.any.filter((inside) => naive(record, inside)).length > 0
  if ('not' in condition) return !naive(record, condition.not)
  const { field, op = '=', value } = condition
  const stored = naiveField(record, field)
  if (op === 'exists') return (stored !== undefined) === (value ?? true)
  if (op === '!=' || op === '≠') return !naive(record, { field, op: '=', value })
  if (stored === undefined) return false
  // Tags are words: a number or a time says nothing else of them.
  if (Array.isArray(stored)) {
    const words = Array.isArray(value) ? value : [value]
    const isExact = op === '=' || op === 'in'
    return stored.some((tag) =>
      words.some((word) => (isExact ? naiveText(tag) === naiveText(word) : naiveOne(tag, op, word))),
    )
  }
  return naiveOne(stored, op, value)
}

function refusal(audience: Audience): EngineError | null {
  try {
    checkAudience(audience, '/audience')
    return null
  } catch (error) {
    if (error instanceof EngineError) return error
    throw error
  }
}

t.test(`${CASES} random conditions select what a naive evaluator selects (seed ${seed})`, async (t) => {
  let evaluated = 0
  let selected = 0
  let refused = 0
  while (evaluated < CASES) {
    const audience: Audience = { all: [condition(3)] }
    if (refusal(audience) !== null) {
      refused++
      continue
    }
    const fits = predicateOf(audience)
    for (let index = 0; index < 4; index++) {
      const record = candidate()
      const expected = naive(record, audience.all![0]!)
      if (fits(record) !== expected) {
        t.fail(`expected ${expected}`, { record, audience: JSON.stringify(audience) })
        return
      }
      evaluated++
      if (expected) selected++
    }
  }
  t.ok(selected > CASES / 10 && selected < CASES * 0.9, `${selected} selected: both answers come up`)
  t.ok(refused < CASES, `${refused} refused`)
})

const annsRecord: ContactRecord = {
  number: 447712345101,
  email: 'ann@example.com',
  kind: 'person',
  parent: 7,
  company: 'Ann & Sons',
  attributes: { city: 'Hull', age: '44', joined: '2026-03-01', gold: 'TRUE', score: 7, empty: '' },
  tags: ['October', 'vip'],
  optIn: { sms: { state: 'in', source: null, text: null, atMs: 0, address: null } },
  createdMs: Date.parse('2026-11-20T12:00:00Z'),
  updatedMs: Date.parse('2026-11-21T12:00:00Z'),
}
const firm: ContactRecord = { ...annsRecord, kind: 'company', parent: null, attributes: { seats: 12 }, tags: [] }
const ann: Candidate = {
  record: annsRecord,
  last: { ref: messageRef(9, 3), atMs: Date.parse('2026-11-19T08:00:00Z'), state: 'undelivered', channel: 'sms' },
  parent: firm,
}

t.test('values compare as the documentation says', async (t) => {
  const cases: [Condition, boolean][] = [
    [{ field: 'attributes.city', value: 'HULL' }, true],
    [{ field: 'attributes.city', op: 'starts', value: 'hu' }, true],
    [{ field: 'attributes.age', op: '>', value: 9 }, true],
    [{ field: 'attributes.age', op: '>', value: '9' }, false],
    [{ field: 'attributes.age', op: '=', value: 44 }, true],
    [{ field: 'attributes.city', op: '>', value: 9 }, false],
    [{ field: 'attributes.city', op: '<=', value: 9 }, false],
    [{ field: 'attributes.joined', op: 'before', value: '2026-03-02' }, true],
    [{ field: 'attributes.joined', op: '>=', value: '2026-03-01T00:00:00Z' }, true],
    [{ field: 'attributes.joined', op: 'after', value: '2026-03-01' }, false],
    [{ field: 'attributes.gold', value: true }, true],
    [{ field: 'attributes.score', op: 'in', value: [1, 7] }, true],
    [{ field: 'attributes.none', op: '!=', value: 'x' }, true],
    [{ field: 'attributes.none', op: '<', value: 5 }, false],
    [{ field: 'attributes.empty', op: 'exists' }, false],
    [{ field: 'attributes.empty', op: 'exists', value: false }, true],
    [{ field: 'attributes.constructor', op: 'exists' }, false],
    [{ field: 'tags', value: 'VIP' }, true],
    [{ field: 'tags', op: '!=', value: 'vip' }, false],
    [{ field: 'tags', op: 'contains', value: 'cto' }, true],
    [{ field: 'optIn.sms', value: 'in' }, true],
    [{ field: 'optIn.email', op: 'exists' }, false],
    [{ field: 'createdAt', op: 'after', value: '2026-11-20' }, true],
    [{ field: 'updatedAt', op: '<', value: '2026-11-21' }, false],
    [{ field: 'number', op: 'starts', value: '+4477' }, true],
    [{ field: 'company', op: 'contains', value: '& sons' }, true],
    [{ field: 'kind', value: 'person' }, true],
    [{ field: 'company.attributes.seats', op: '>=', value: 12 }, true],
    [{ field: 'company.attributes.city', op: 'exists' }, false],
    [{ field: 'company.tags', op: 'exists' }, false],
    [{ field: 'lastMessage.state', op: 'in', value: ['failed', 'undelivered'] }, true],
    [{ field: 'lastMessage.at', op: 'before', value: '2026-11-20' }, true],
    [{ field: 'lastMessage.channel', op: '!=', value: 'sms' }, false],
    [{ all: [] }, true],
    [{ any: [] }, false],
    [
      {
        not: {
          any: [
            { field: 'tags', value: 'none' },
            { field: 'attributes.city', value: 'York' },
          ],
        },
      },
      true,
    ],
  ]
  for (const [condition, expected] of cases) {
    t.equal(refusal({ all: [condition] }), null, JSON.stringify(condition))
    t.equal(predicateOf({ all: [condition] })(ann), expected, JSON.stringify(condition))
  }
  t.equal(predicateOf({ tag: 'vip', tags: ['x', 'october'], any: [{ field: 'attributes.age', value: 44 }] })(ann), true)
  t.equal(predicateOf({ tag: 'vip', tags: ['x'] })(ann), false)
  const never = { ...ann, last: null }
  t.equal(predicateOf({ all: [{ field: 'lastMessage.state', op: 'exists', value: false }] })(never), true)
  t.equal(predicateOf({ all: [{ field: 'lastMessage.state', op: '!=', value: 'failed' }] })(never), true)
  t.equal(predicateOf({ tag: 'vip', not: { field: 'attributes.city', value: 'hull' } })(ann), false)
})

t.test('what is wrong with an audience is named by its pointer', async (t) => {
  const deep = (levels: number): Condition => (levels === 0 ? { all: [] } : { not: deep(levels - 1) })
  const wrong: [object, string][] = [
    [{}, '/audience'],
    [{ fields: { name: 'x' } }, '/audience'],
    [{ tag: '' }, '/audience/tag'],
    [{ tags: [] }, '/audience/tags'],
    [{ tags: 'vip' }, '/audience/tags'],
    [{ colour: 1, all: [] }, '/audience/colour'],
    [{ all: {} }, '/audience/all'],
    [{ all: [7] }, '/audience/all/0'],
    [{ all: [{}] }, '/audience/all/0/field'],
    [{ any: [{ field: 'colour', value: 1 }] }, '/audience/any/0/field'],
    [{ any: [{ field: 'lastMessage.text', value: 1 }] }, '/audience/any/0/field'],
    [{ any: [{ field: 'lastMessage.at', value: 'sent' }] }, '/audience/any/0/value'],
    [{ any: [{ field: 'optIn.fax', value: 'in' }] }, '/audience/any/0/field'],
    [{ any: [{ field: 'attributes.', value: 1 }] }, '/audience/any/0/field'],
    [{ any: [{ field: '__proto__', value: 1 }] }, '/audience/any/0/field'],
    [{ not: { field: 'tags', op: 'like', value: 'x' } }, '/audience/not/op'],
    [{ not: { field: 'tags', op: '<', value: 'x' } }, '/audience/not/op'],
    [{ not: { field: 'createdAt', op: 'contains', value: 'x' } }, '/audience/not/op'],
    [{ all: [{ field: 'createdAt', op: '<', value: 'soon' }] }, '/audience/all/0/value'],
    [{ all: [{ field: 'attributes.a', op: 'before', value: 3 }] }, '/audience/all/0/value'],
    [{ all: [{ field: 'attributes.a', op: 'in', value: 'x' }] }, '/audience/all/0/value'],
    [{ all: [{ field: 'attributes.a', op: 'in', value: ['x', null] }] }, '/audience/all/0/value/1'],
    [{ all: [{ field: 'attributes.a', op: 'exists', value: 'yes' }] }, '/audience/all/0/value'],
    [{ all: [{ field: 'attributes.a' }] }, '/audience/all/0/value'],
    [{ all: [{ field: 'attributes.a', value: null }] }, '/audience/all/0/value'],
    [{ all: [{ field: 'attributes.a', value: 1, colour: 2 }] }, '/audience/all/0/colour'],
    [{ all: [{ not: { all: [] }, field: 'tags' }] }, '/audience/all/0'],
    [{ not: deep(20) }, `/audience/not${'/not'.repeat(9)}`],
    [{ all: Array.from({ length: 500 }, () => ({ field: 'tags', value: 'x' })) }, '/audience/all'],
    [
      {
        all: [
          { any: Array.from({ length: 150 }, () => ({ all: [] })) },
          { any: Array.from({ length: 150 }, () => ({ all: [] })) },
        ],
      },
      '/audience/all/1/any/48',
    ],
  ]
  for (const [audience, pointer] of wrong) {
    const error = refusal(audience as Audience)
    t.equal(error?.code, 'VALIDATION', JSON.stringify(audience).slice(0, 100))
    t.equal(error?.fields[0]?.pointer, pointer, `${error?.message}`)
  }
})
