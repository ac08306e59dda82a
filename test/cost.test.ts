/** What it will cost, over HTTP: price lists, explain, the dry run of messages, and a draft that is looked at before it is sent. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { Answer } from './http-engine.js'
import { seed } from './seed.js'
import { admin, reached, startWhole } from './whole-engine.js'

const whole = await startWhole(t, {
  simulator: { countRepeats: true },
  // A login of its own for each: the SMSC sends receipts on any bind of a login.
  yaml: (at) => `
carriers:
  - { id: acme, ${at('acme')}, window: 30, binds: 2, ratePerSecond: 500 }
  - { id: backup, ${at('backup')} }
  - { id: ankara, ${at('ankara')}, nationalLanguages: [turkish] }
routes:
  - { prefix: "44", carriers: [acme, backup] }
  - { prefix: "447712", account: rival, carriers: [backup] }
  - { prefix: "90", carriers: [ankara] }`,
})
const { server, smsc } = whole
const prices = [
  { channel: 'sms', prefix: '44', price: 0.035 },
  { channel: 'sms', prefix: '447712', price: 0.04 },
  { channel: 'sms', prefix: '90', price: 0.1 },
]
const { call, key: acme } = await whole.account('acme', { defaultCountry: 'GB', prices, currency: 'GBP' })
const { key: rival } = await whole.account('rival')

function explain(question: Record<string, string>, key = acme): Promise<Answer> {
  return call('GET', `/v1/explain?${new URLSearchParams(question)}`, { key })
}

t.before(async () => {
  while (!(await call('GET', '/v1/carriers', { key: admin })).json.items.every(isUp));
})

function isUp({ binds }: { binds: { state: string }[] }): boolean {
  return binds.every(({ state }) => state === 'bound')
}

t.test('a price list is exact, replaced whole, and refused with a pointer', async (t) => {
  const patch = (body: object) => call('PATCH', '/v1/accounts/rival', { key: admin, body })
  const written = [{ prefix: '+44', price: '0.000001' }, { price: 0.3 }, { channel: 'voice', prefix: '1', price: 12 }]
  t.match(await patch({ prices: written, currency: 'EUR' }), {
    status: 200,
    json: {
      currency: 'EUR',
      prices: [
        { channel: 'sms', prefix: '44', price: 0.000001 },
        { channel: 'sms', prefix: '', price: 0.3 },
        { channel: 'voice', prefix: '1', price: 12 },
      ],
    },
  })
  const refused: [object, string][] = [
    [{ prices: [{ price: 0.1 }, { price: -1 }] }, '/prices/1/price'],
    [{ prices: [{ price: '0.0000001' }] }, '/prices/0/price'],
    [{ prices: [{ price: 1e-7 }] }, '/prices/0/price'],
    [{ prices: [{ price: 'cheap' }] }, '/prices/0/price'],
    [{ prices: [{ price: 1, prefix: '0044' }] }, '/prices/0/prefix'],
    [{ prices: [{ price: 1 }, { price: 2, channel: 'sms' }] }, '/prices/1'],
    [{ prices: [{ price: 1, channel: 'fax' }] }, '/prices/0/channel'],
    [{ prices: [{ prefix: '44' }] }, '/prices/0/price'],
    [{ currency: 'euro' }, '/currency'],
  ]
  for (const [body, pointer] of refused) {
    const answer = await patch(body)
    t.match(answer, { status: 422, json: { code: 'VALIDATION' } }, pointer)
    t.ok(
      answer.json.errors.some((error: { pointer: string }) => error.pointer.startsWith(pointer)),
      answer.text,
    )
  }
  t.equal(
    (await call('GET', '/v1/accounts/rival', { key: admin })).json.prices.length,
    3,
    'what is refused changes nothing',
  )
  t.same((await patch({ prices: [], currency: null })).json.prices, [])
  const many = Array.from({ length: 10_000 }, (_, index) => ({ prefix: String(10_000 + index), price: 0.01 }))
  t.equal((await patch({ prices: many })).json.prices.length, 10_000)
  t.equal((await patch({ prices: [...many, { price: 1 }] })).status, 422)
  t.equal((await patch({ prices: [] })).status, 200)
  t.equal((await call('PATCH', '/v1/accounts/acme', { body: { prices: [] } })).status, 403, 'an admin sets prices')
})

t.test('explain says of a number and a text what they come to', async (t) => {
  const text = `It’s your turn, ${'please come on time. '.repeat(3)}`
  const answer = await explain({ to: '07712 345678', from: 'ACME', text })
  t.equal(answer.status, 200, answer.text)
  t.match(answer.json, {
    to: '+447712345678',
    valid: true,
    country: 'GB',
    lineType: 'mobile',
    refused: null,
    suppressed: false,
    from: 'ACME',
    channel: 'sms',
    encoding: 'ucs2',
    units: text.length,
    unitsPerPart: 67,
    parts: 2,
    nationalTables: null,
    offending: [{ char: '’', position: 2 }],
    offendingTotal: 1,
    offendingCost: { parts: 1, price: 0.04 },
    transliteration: { text: text.replace('’', "'"), parts: 1, partsSaved: 1, price: 0.04 },
    text,
    route: { channel: 'sms', prefix: '44', account: null, carriers: ['acme', 'backup'] },
    carriers: ['acme', 'backup'],
    limits: [
      { carrier: 'acme', up: true, paused: false, ratePerSecond: 500, window: 60, inFlight: 0 },
      { carrier: 'backup', up: true, ratePerSecond: null },
    ],
    sendingHours: null,
    currency: 'GBP',
    partPrice: 0.04,
    price: 0.08,
    problems: [],
  })
  t.equal(answer.json.texts.join(''), text)
  const principal = { kind: 'account' as const, account: 'acme', key: 'k' }
  t.same(
    answer.json,
    await server.engine.explain(principal, { to: '07712 345678', from: 'ACME', text }),
    'no field is lost',
  )

  const turkish = await explain({ to: '+905301234567', text: 'ş'.repeat(80) })
  t.match(turkish.json, { encoding: 'gsm7', parts: 1, nationalTables: { locking: 'turkish' }, carriers: ['ankara'] })
  const emoji = await explain({ text: `😀a${'’'.repeat(3)}` })
  const positions = [0, 3, 4, 5]
  t.same(
    emoji.json.offending,
    positions.map((position) => ({ char: position === 0 ? '😀' : '’', position })),
  )
})

t.test('explain answers 200 for any number, and says what is refused and why', async (t) => {
  const denied = { denyPrefixes: ['447401'] }
  await call('PATCH', '/v1/accounts/acme', { key: admin, body: denied })
  const asked: [Record<string, string>, object][] = [
    [{ to: '0906 123 4567' }, { valid: true, lineType: 'premium', refused: { code: 'PREMIUM_NUMBER' } }],
    [{ to: '+447401900123' }, { valid: true, refused: { code: 'PREFIX_DENIED' } }],
    [{ to: '12' }, { valid: false, to: '12', refused: { code: 'INVALID_NUMBER' }, channel: null }],
    [{ to: '4.47E+11' }, { valid: false, refused: { code: 'PHONE_SCIENTIFIC' } }],
    [{ to: '+4420 7946 0000' }, { valid: true, refused: null, channel: 'voice', problems: [{ code: 'NO_ROUTE' }] }],
    [
      { to: '+33612345678' },
      { country: 'FR', carriers: [], route: null, limits: [], problems: [{ code: 'NO_ROUTE' }] },
    ],
    [
      { to: '+447400123456', text: 'x'.repeat(2_000) },
      { parts: 14, problems: [{ code: 'TOO_LONG' }], texts: [] },
    ],
    [
      { to: '+447400123456', text: 'x'.repeat(2_000), maxParts: '20' },
      { parts: 14, price: 0.49, problems: [] },
    ],
    [
      { to: '+447400123456', text: ' ' },
      { problems: [{ code: 'EMPTY_TEXT' }], price: null },
    ],
    [
      { to: '+447400123456', text: 'a\u0007' },
      { problems: [{ code: 'BODY_INVALID' }], offendingCost: { parts: 0 } },
    ],
    [{ to: '+447400123456', from: 'much too long a name' }, { problems: [{ code: 'INVALID_SENDER' }] }],
    [
      { to: '0612345678', defaultCountry: 'FR' },
      { to: '+33612345678', country: 'FR' },
    ],
    [{ to: '+447400123456' }, { encoding: null, parts: null, price: null, partPrice: 0.035, offending: [] }],
    [
      { text: '[x]', to: '', from: '' },
      { to: null, valid: null, encoding: 'gsm7', units: 5, parts: 1, carriers: [] },
    ],
    [
      { text: 'it’s', transliterate: 'true' },
      { encoding: 'gsm7', text: "it's", transliteration: null, offending: [] },
    ],
  ]
  for (const [question, expected] of asked) {
    const answer = await explain(question)
    t.match(answer, { status: 200, json: expected }, JSON.stringify(question).slice(0, 80))
  }
  await call('PATCH', '/v1/accounts/acme', { key: admin, body: { denyPrefixes: [] } })
  const nothing = await explain({ to: '' })
  t.match(nothing, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer: '/to' }] } })
  t.match(await explain({ text: 'x', defaultCountry: 'ZZ' }), {
    status: 422,
    json: { errors: [{ pointer: '/defaultCountry' }] },
  })
  t.equal((await explain({ text: 'x', nonsense: '1' })).status, 422)
})

t.test('explain goes by the account of the key, or by that which the admin names', async (t) => {
  const to = '07712345678'
  t.match((await explain({ to, text: 'x' }, rival)).json, {
    carriers: ['backup'],
    route: { account: 'rival' },
    price: null,
  })
  t.match(
    (await explain({ to, text: 'x' }, admin)).json,
    { valid: false, refused: { code: 'INVALID_NUMBER' } },
    'no default country',
  )
  t.match((await explain({ to, text: 'x', account: 'acme' }, admin)).json, { valid: true, price: 0.04 })
  t.equal((await explain({ to, account: 'nobody' }, admin)).status, 404)
  t.equal((await explain({ to, account: 'rival' })).status, 404, 'another account is as unknown as none')
  t.equal((await explain({ to, account: 'acme' })).status, 200)
})

t.test("explain goes by a job's settings and list where it is named", async (t) => {
  const body = {
    text: 'It’s ~~ time',
    from: 'ACME',
    transliterate: true,
    suppressed: ['07400 123456'],
    defaultCountry: 'GB',
  }
  const { json: job } = await call('POST', '/v1/jobs', { body })
  const answer = await explain({ job: job.id, to: '+447400123456' })
  t.match(
    answer.json,
    { suppressed: true, from: 'ACME', text: "It's ~ time", problems: [{ code: 'SUPPRESSED' }] },
    answer.text,
  )
  t.match((await explain({ job: job.id, to: '+447400123457' })).json, { suppressed: false, problems: [] })
  t.match((await explain({ job: job.id, to: '+447400123456' }, admin)).json, { suppressed: true, partPrice: 0.035 })
  t.equal((await explain({ job: job.id, to: '+447400123456' }, rival)).status, 404)
})

t.test('a dry run of messages has their prices, and is refused for what explain says', async (t) => {
  const messages: Record<string, string>[] = [
    { to: '07712345678', text: 'Hello' },
    { to: '+447400123456', text: '😀'.repeat(50), from: 'ACME' },
    { to: '+905301234567', text: 'Merhaba' },
    { to: '+33612345678', text: 'x' },
    { to: '12', text: 'x' },
    { to: '09061234567', text: 'x' },
    { to: '+447400123456', text: 'x', from: 'much too long a name' },
    { to: '+447400123456', text: '' },
  ]
  const before = smsc.stats().submits
  const { status, json } = await call('POST', '/v1/messages', { body: { messages, dryRun: true } })
  t.equal(status, 200)
  t.match(json.counts, { records: 8, rows: 8, accepted: 3, rejected: 5, queued: 3, parts: 4 })
  t.same(
    json.rows.map(({ price }: { price: number }) => price),
    [0.04, 0.07, 0.1, null, null, null, null, null],
  )
  t.same(json.rejectedByReason, { EMPTY_TEXT: 1, INVALID_NUMBER: 1, INVALID_SENDER: 1, NO_ROUTE: 1, PREMIUM_NUMBER: 1 })
  t.same(json.estimate, {
    currency: 'GBP',
    price: 0.21,
    partsWithoutPrice: 0,
    byCountry: { GB: { rows: 2, parts: 3, price: 0.11 }, TR: { rows: 1, parts: 1, price: 0.1 } },
    byChannel: { sms: { rows: 3, parts: 4, price: 0.21 } },
    byEncoding: { gsm7: { rows: 2, parts: 2, price: 0.14 }, ucs2: { rows: 1, parts: 2, price: 0.07 } },
  })
  for (const [index, row] of json.rows.entries()) {
    const { json: why } = await explain({ ...messages[index]!, text: messages[index]!.text! || ' ' })
    t.same([row.reason, row.price], [why.problems[0]?.code ?? null, row.reason === null ? why.price : null], row.to)
    t.equal(row.detail === null, row.reason === null)
  }
  t.equal(smsc.stats().submits, before, 'nothing was sent')
})

t.test(`explain and the dry run agree on 500 messages of all kinds, seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)]!
  const pieces = ['Hello ', 'Zoë', '€[x]', '’', '😀', 'ş', 'Привет ', '\n', 'a\u0007', '\ud800', ' ', 'x'.repeat(150)]
  const numbers = [
    '07712345678',
    '+447400123456',
    '+905301234567',
    '+33612345678',
    '020 7946 0000',
    '0906 123 4567',
    '12',
  ]
  const principal = { kind: 'account' as const, account: 'acme', key: 'k' }
  const { engine } = server
  for (let index = 0; index < 500; index++) {
    const text = Array.from({ length: random.below(12) }, () => pick(pieces)).join('')
    const options = { transliterate: random.below(2) === 0, maxParts: 1 + random.below(12) }
    const message = {
      to: pick(numbers),
      text,
      from: pick(['ACME', '+447700900123', 'much too long a name']),
      ...options,
    }
    const explained = await engine.explain(principal, message)
    const [row] = engine.previewMessages(principal, [message]).rows
    const [first] = explained.problems
    const said = JSON.stringify(message)
    t.equal(first?.code ?? null, row!.reason, said)
    if (row!.reason !== null) continue
    const { to, encoding, parts, price, carriers } = explained
    t.same(
      [to, encoding, parts, price, carriers[0]],
      [row!.to, row!.encoding, row!.parts, row!.price, row!.carrier],
      said,
    )
  }
})

t.test('of a draft everything is known before it is started, and it comes to that', async (t) => {
  const rows = [
    'Mobil;Name',
    '07712345101;Ann',
    '07400123102;Zoë Œ',
    '07712 345101;again',
    '0774;short',
    '07400123103;Bo',
  ]
  for (let row = 0; row < 30; row++) rows.push(`074001240${10 + row};Name ${row}`)
  const body = { name: 'Draft', text: 'Hi ~Name~', review: true, suppressed: ['07400123103'] }
  const { json: made } = await call('POST', '/v1/jobs', { body })
  t.match(made, { estimate: null, rejectedByReason: {} }, 'nothing is read yet')
  const before = smsc.stats().submits
  const headers = { 'content-type': 'text/csv' }
  await call('PUT', `/v1/jobs/${made.id}/recipients`, { body: rows.join('\n'), headers })
  await reached(call, made.id, 'ready')
  const { json } = await call('GET', `/v1/jobs/${made.id}/preview`)
  t.equal(json.rows.length, 12)
  t.match(json.rows.slice(0, 5), [
    {
      row: 1,
      line: 2,
      to: '+447712345101',
      text: 'Hi Ann',
      encoding: 'gsm7',
      parts: 1,
      price: 0.04,
      carrier: 'acme',
      reason: null,
    },
    { row: 2, text: 'Hi Zoë Œ', encoding: 'ucs2', price: 0.035 },
    { row: 3, reason: 'DUPLICATE', price: null },
    { row: 4, reason: 'INVALID_NUMBER', price: null, detail: String },
    { row: 5, reason: 'SUPPRESSED', price: null },
  ])
  t.match(json.counts, { rows: 35, accepted: 32, rejected: 1, suppressed: 1, duplicate: 1, queued: 32, parts: 32 })
  t.same(json.rejectedByReason, { DUPLICATE: 1, INVALID_NUMBER: 1, SUPPRESSED: 1 })
  const share = { rows: 32, parts: 32, price: 1.125 }
  t.match(json.estimate, { currency: 'GBP', price: 1.125, byCountry: { GB: share }, byChannel: { sms: share } })
  t.match(json.file, {
    dialect: { encoding: 'utf8', delimiter: ';', header: true, guessed: ['delimiter', 'header'] },
    columns: { labels: ['Mobil', 'Name'], phones: [1], guessed: ['to'], fields: { Name: 2 } },
    warnings: Array,
  })
  const view = (await call('GET', `/v1/jobs/${made.id}`)).json
  t.same([view.rejectedByReason, view.estimate, view.counts], [json.rejectedByReason, json.estimate, json.counts])
  t.equal(smsc.stats().submits, before, 'nothing was sent')
  await call('PATCH', '/v1/accounts/acme', { key: admin, body: { prices: [{ price: 9 }] } })
  t.equal((await call('POST', `/v1/jobs/${made.id}/start`)).status, 200)
  const done = await reached(call, made.id, 'finished')
  t.equal(smsc.stats().submits - before, json.estimate.byChannel.sms.parts)
  t.match(done.counts, { delivered: 32, partsSent: 32 })
  t.same(done.estimate, json.estimate, 'a later price list changes nothing of what was said')
  await call('PATCH', '/v1/accounts/acme', { key: admin, body: { prices } })
})
