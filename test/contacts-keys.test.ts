/**
 * Contacts over the real engine, HTTP and a simulated carrier: by number, by address or either; companies; what was sent and
 * came back; consent by STOP; imports of addresses, with tags of their own, at a time.
 */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { Answer } from './http-engine.js'
import { seed } from './seed.js'
import { until as untilSo } from './until.js'
import { startWhole } from './whole-engine.js'

const { account, smsc } = await startWhole(t, {
  yaml: (at) => `
carriers:
  - { id: sim, ${at('trunk')}, window: 500 }
  - { id: relay, protocol: smtp, host: 127.0.0.1, port: 1, from: news@acme.example }
routes: [{ channel: sms, carriers: [sim] }, { channel: email, carriers: [relay] }]`,
})

let accounts = 0
/** Calls of an account of its own. */
async function stand() {
  const here = String(60_001 + accounts)
  const { call } = await account(`acme-${++accounts}`, { defaultCountry: 'GB', inbound: { numbers: [here] } })
  const file = (query: string, text: string) =>
    call('POST', `/v1/contacts/import?${query}`, { body: text, headers: { 'content-type': 'text/csv' } })
  return { here, call, file }
}

/** Asks until the answer fits; each question is a round trip. */
async function until(ask: () => Promise<Answer>, fits: (json: Answer['json']) => boolean): Promise<Answer['json']> {
  return (await untilSo(ask, ({ json }) => fits(json))).json
}

t.test('a contact is found by its number and by its address, in any case', async (t) => {
  const { call } = await stand()
  const made = await call('PUT', '/v1/contacts/Ann@Example.com', { body: { attributes: { name: 'Ann' } } })
  t.match(made, { status: 200, json: { number: null, email: 'ann@example.com', kind: 'person' } }, made.text)
  t.equal((await call('GET', '/v1/contacts/ANN@example.COM')).text, made.text)

  const number = '+447712345201'
  const both = await call('PATCH', '/v1/contacts/ann@example.com', { body: { number: '07712 345201' } })
  t.match(both, { status: 200, json: { number, email: 'ann@example.com', attributes: { name: 'Ann' } } }, both.text)
  t.equal((await call('GET', `/v1/contacts/${number}`)).text, both.text)
  t.equal((await call('GET', '/v1/contacts?limit=9')).json.items.length, 1, 'it is one contact')

  const moved = await call('PATCH', `/v1/contacts/${number}`, { body: { number: '07712345202' } })
  t.match(moved.json, { number: '+447712345202', createdAt: made.json.createdAt }, moved.text)
  t.equal((await call('GET', `/v1/contacts/${number}`)).status, 404, 'nobody has the old number')
  const alone = await call('PATCH', '/v1/contacts/07712345202', { body: { email: null } })
  t.match(alone.json, { number: '+447712345202', email: null }, alone.text)
  t.equal((await call('GET', '/v1/contacts/ann@example.com')).status, 404, 'nobody has the address')
  t.match(await call('PATCH', '/v1/contacts/07712345202', { body: { number: null } }), {
    status: 422,
    json: { code: 'VALIDATION' },
  })

  t.equal((await call('PUT', '/v1/contacts/07712345203', { body: { email: 'bob@example.com' } })).status, 200)
  const taken = await call('PATCH', '/v1/contacts/bob@example.com', { body: { number: '07712345202' } })
  t.match(taken, { status: 409, json: { code: 'NAME_TAKEN', errors: [{ pointer: '/number' }] } }, taken.text)
  for (const wrong of ['ann@', '@example.com', 'a b@example.com']) {
    t.equal((await call('PUT', `/v1/contacts/${encodeURIComponent(wrong)}`, { body: {} })).status, 422, wrong)
    t.equal((await call('GET', `/v1/contacts/${encodeURIComponent(wrong)}`)).status, 404, wrong)
  }
  t.equal((await call('DELETE', '/v1/contacts/BOB@example.com')).status, 204)
  t.equal((await call('GET', '/v1/contacts/07712345203')).status, 404)
})

t.test('who is known by address alone gets the number that comes with it later', async (t) => {
  const { call, file } = await stand()
  await call('POST', '/v1/contacts', { body: [{ email: 'cy@example.com', tags: ['news'] }] })
  const list = [
    { number: '07712345211', email: 'CY@example.com', attributes: { name: 'Cy' } },
    { number: '07712345212', email: 'cy@example.com', attributes: { name: 'Di' } },
    { email: 'CY@EXAMPLE.com', attributes: { city: 'Hull' } },
  ]
  const answer = await call('POST', '/v1/contacts', { body: list })
  t.match(answer.json, { rows: 3, added: 1, changed: 2, rejected: 0 }, answer.text)
  const cy = (await call('GET', '/v1/contacts/cy@example.com')).json
  t.match(cy, { number: '+447712345211', tags: ['news'], attributes: { name: 'Cy', city: 'Hull' } }, 'the oldest')
  t.match((await call('GET', '/v1/contacts/07712345212')).json, { attributes: { name: 'Di' } }, 'shares the address')

  await call('DELETE', '/v1/contacts/cy@example.com')
  t.match((await call('GET', '/v1/contacts/cy@example.com')).json, { number: '+447712345212' }, 'then the other one')

  const done = await file('tag=mail', 'email,name\neve@example.com,Eve\nEVE@example.com,Eva\nnone,x\n,y\n')
  t.match(done.json, { state: 'finished', counts: { rows: 4, added: 1, changed: 1, rejected: 2 } }, done.text)
  t.match(done.json.columns, { to: null, email: 'email', attributes: ['name'] })
  t.match((await call('GET', '/v1/contacts/eve@example.com')).json, { number: null, attributes: { name: 'Eva' } })
})

t.test('the indices agree with a naive list after any changes in any batches', async (t) => {
  const { call } = await stand()
  const random = new Random(seed)
  const naive: { number: string | null; email: string | null }[] = []
  const numbers = Array.from({ length: 40 }, (_, index) => `+4477123453${String(index).padStart(2, '0')}`)
  const emails = Array.from({ length: 25 }, (_, index) => `p${index}@example.com`)
  const pick = (list: readonly string[]) => list[random.below(list.length)]!
  for (let round = 0; round < 25; round++) {
    const list = Array.from({ length: 1 + random.below(12) }, () => {
      const number = random.next() < 0.6 ? pick(numbers) : null
      const email = number === null || random.next() < 0.5 ? pick(emails) : null
      return { number, email }
    })
    for (const { number, email } of list) {
      const known =
        (number === null ? naive.find((one) => one.email === email) : naive.find((one) => one.number === number)) ??
        (email === null ? undefined : naive.find((one) => one.email === email && one.number === null))
      if (known === undefined) naive.push({ number, email })
      else Object.assign(known, { number: known.number ?? number, email: email ?? known.email })
    }
    const body = list.map(({ number, email }) => ({ ...(number && { number }), ...(email && { email }) }))
    t.match((await call('POST', '/v1/contacts', { body })).json, { rejected: 0 })
    if (random.next() < 0.4 && naive.length > 0) {
      const [gone] = naive.splice(random.below(naive.length), 1)
      // One without a number is the oldest that has its address, or found by nothing else.
      const key = gone!.number ?? gone!.email!
      const first = gone!.number === null ? naive.findIndex((one) => one.email === gone!.email) : -1
      if (first >= 0) naive.push(gone!)
      else t.equal((await call('DELETE', `/v1/contacts/${key}`)).status, 204, key)
    }
  }
  for (const number of numbers) {
    const { status, json } = await call('GET', `/v1/contacts/${number}`)
    const known = naive.find((one) => one.number === number)
    t.equal(status, known === undefined ? 404 : 200, number)
    if (known !== undefined) t.equal(json.email, known.email, number)
  }
  for (const email of emails) {
    const { status } = await call('GET', `/v1/contacts/${email}`)
    t.equal(status, naive.some((one) => one.email === email) ? 200 : 404, email)
  }
  const { items } = (await call('GET', '/v1/contacts?limit=200')).json
  const keys = (list: typeof naive) => list.map(({ number, email }) => `${number} ${email}`).sort()
  t.same(keys(items), keys(naive), 'and nothing else is there')
})

t.test('many new addresses go through the runs of the index and are found', async (t) => {
  const { call, file } = await stand()
  const rows = Array.from({ length: 3_000 }, (_, index) => `m${(index * 7919) % 3_000}@example.com,${index}`)
  const made = await file('tag=runs', `email,n\n${rows.join('\n')}\n`)
  const whole = await until(
    () => call('GET', `/v1/imports/${made.json.id}`),
    ({ state }) => state === 'finished',
  )
  t.match(whole.counts, { rows: 3_000, added: 3_000 })
  for (const index of [0, 1, 17, 1_499, 2_999]) {
    t.equal((await call('GET', `/v1/contacts/M${index}@example.com`)).status, 200, `m${index}`)
  }
  const again = await file('tag=runs', `email,n\n${rows.join('\n')}\n`)
  const same = await until(
    () => call('GET', `/v1/imports/${again.json.id}`),
    ({ state }) => state === 'finished',
  )
  t.match(same.counts, { rows: 3_000, unchanged: 3_000 })
  t.equal((await call('DELETE', '/v1/contacts/m17@example.com')).status, 204)
  t.equal((await call('GET', '/v1/contacts/m17@example.com')).status, 404)
})

t.test('people belong to a company, whose attributes stand in their messages and conditions', async (t) => {
  const { call, file } = await stand()
  const firm = { kind: 'company', attributes: { name: 'Dee & Co', desk: 'front desk' }, tags: ['partner'] }
  t.equal((await call('PUT', '/v1/contacts/office@dee.example', { body: firm })).status, 200)
  const body = { attributes: { name: 'Dan' }, memberOf: 'Office@Dee.example' }
  const dan = await call('PUT', '/v1/contacts/07712345221', { body })
  t.match(dan.json, { memberOf: 'office@dee.example' }, dan.text)
  const done = await file(
    'memberOf=firm&tagColumn=groups&kind=staff&tag=all',
    'mobile,firm,groups\n07712345222,office@dee.example,"north; VIP, new"\n07712345223,nobody@dee.example,\n',
  )
  t.match(done.json, { counts: { added: 1, rejected: 1 }, rejects: [{ line: 3, column: 2, code: 'CONTACT_UNKNOWN' }] })
  const staff = (await call('GET', '/v1/contacts/07712345222')).json
  t.match(staff, { kind: 'staff', tags: ['all', 'north', 'VIP', 'new'], memberOf: 'office@dee.example' })
  t.equal(
    (await call('PUT', '/v1/contacts/07712345224', { body: { memberOf: '07712345224' } })).status,
    422,
    'of itself',
  )

  const audience = { all: [{ field: 'company.attributes.name', op: 'starts', value: 'dee' }] }
  t.match((await call('POST', '/v1/audience/count', { body: audience })).json, { total: 2, sendable: 2 })
  const byTag = {
    all: [
      { field: 'company.tags', value: 'partner' },
      { field: 'kind', value: 'person' },
    ],
  }
  t.match((await call('POST', '/v1/audience/count', { body: byTag })).json, { total: 1 })
  const everybody = { all: [] }
  t.match((await call('POST', '/v1/audience/count', { body: everybody })).json, {
    total: 3,
    sendable: 2,
    unreachable: 1,
  })
  const mail = { all: [], channel: 'email' }
  t.match((await call('POST', '/v1/audience/count', { body: mail })).json, { total: 3, sendable: 1, unreachable: 2 })

  const draft = await call('POST', '/v1/jobs', {
    body: {
      text: 'Ask the ~company.desk~ of ~firm~, ~name|you~',
      review: true,
      audience: { ...audience, fields: { firm: 'company.name' } },
    },
  })
  const { json } = await call('GET', `/v1/jobs/${draft.json.id}/preview`)
  t.same(
    json.rows.map(({ text }: { text: string }) => text),
    ['Ask the front desk of Dee & Co, Dan', 'Ask the front desk of Dee & Co, you'],
    draft.text,
  )
  await call('DELETE', '/v1/contacts/office@dee.example')
  t.equal((await call('GET', '/v1/contacts/07712345221')).json.memberOf, null, 'the company is gone')
})

t.test('the last message and the whole history of a contact, and conditions on them', async (t) => {
  const { call, here } = await stand()
  const [ann, bob] = ['+447712345231', '+447712345232']
  await call('POST', '/v1/contacts', { body: [ann, bob].map((number) => ({ number, tags: ['talk'] })) })
  const lastOf = (number: string) => call('GET', `/v1/contacts/${number}`)
  t.equal((await lastOf(ann)).json.lastMessage, null)

  for (const text of ['one', 'two', 'three']) {
    const { json } = await call('POST', '/v1/messages', { body: { to: ann, from: here, text } })
    await until(
      () => call('GET', `/v1/messages/${json.id}`),
      ({ state }) => state === 'delivered',
    )
  }
  await smsc.subscribers.send({ from: ann, to: here, text: 'thanks' })
  await until(
    () => call('GET', '/v1/inbound'),
    ({ items }) => items.length === 1,
  )
  const reached = { tag: 'talk', all: [{ field: 'lastMessage.state', value: 'delivered' }] }
  t.match((await call('POST', '/v1/audience/count', { body: reached })).json, { total: 1 }, 'asked at once')
  const never = { tag: 'talk', all: [{ field: 'lastMessage.state', op: 'exists', value: false }] }
  t.match((await call('POST', '/v1/audience/count', { body: never })).json, { total: 1 })
  const seen = await until(
    () => lastOf(ann),
    ({ lastMessage }) => lastMessage?.state === 'delivered',
  )
  t.match(seen.lastMessage, { channel: 'sms', id: /^msg_/, at: /^20/ })

  const path = `/v1/contacts/${ann}/messages`
  const whole = (await call('GET', `${path}?limit=50`)).json
  const told = ({ direction, message, inbound }: Answer['json']) => `${direction} ${(message ?? inbound).text}`
  t.same(whole.items.map(told), ['received thanks', 'sent three', 'sent two', 'sent one'])
  const paged: string[] = []
  for (let cursor = ''; ; ) {
    const { json } = await call('GET', `${path}?limit=1${cursor && `&cursor=${cursor}`}`)
    paged.push(...json.items.map(told))
    if (json.nextCursor === null) break
    cursor = json.nextCursor
  }
  t.same(paged, whole.items.map(told), 'page by page the same')
  t.same((await call('GET', `/v1/contacts/${bob}/messages`)).json, { items: [], nextCursor: null })
  t.equal((await call('GET', '/v1/contacts/07712345299/messages')).status, 404)
})

t.test('STOP and START are the opt-in of the contact, with what was said', async (t) => {
  const { call, here } = await stand()
  const ann = '+447712345241'
  const consent = { state: 'in', source: 'form', text: 'Yes' }
  await call('PUT', `/v1/contacts/${ann}`, { body: { optIn: { sms: consent, email: consent } } })
  await call('POST', '/v1/messages', { body: { to: ann, from: here, text: 'offer' } })
  await smsc.subscribers.send({ from: ann, to: here, text: 'Stop' })
  const look = () => call('GET', `/v1/contacts/${ann}`)
  const out = await until(look, ({ optIn }) => optIn.sms.state === 'out')
  t.match(out.optIn, { sms: { source: 'STOP', text: 'Stop', address: here }, email: { state: 'in', source: 'form' } })
  t.equal((await call('GET', `/v1/suppressions/${ann}`)).status, 200, 'and the number is suppressed')
  await smsc.subscribers.send({ from: ann, to: here, text: 'START' })
  t.match((await until(look, ({ optIn }) => optIn.sms.state === 'in')).optIn.sms, { source: 'START' })
  t.equal((await call('GET', '/v1/contacts?limit=9')).json.items.length, 1, 'nobody becomes a contact by it')
})

t.test('an import waits for its time, and can be canceled until then', async (t) => {
  const { call, file } = await stand()
  const soon = new Date(Date.now() + 1_500).toISOString()
  const text = 'mobile,Town,age\n07712345251,Hull,4\n'
  const waits = await file(`fields=city:Town&at=${encodeURIComponent(soon)}`, text)
  t.match(waits.json, { state: 'scheduled', scheduledAt: soon, counts: { rows: 0 } }, waits.text)
  const never = await file(`at=${encodeURIComponent('2099-01-01T00:00:00+01:00')}`, text.replace('251', '252'))
  t.match(never.json, { state: 'scheduled', scheduledAt: '2098-12-31T23:00:00.000Z' }, never.text)
  const canceled = await call('POST', `/v1/imports/${never.json.id}/cancel`)
  t.match(canceled, { status: 200, json: { state: 'canceled' } }, canceled.text)
  t.equal((await call('POST', `/v1/imports/${never.json.id}/cancel`)).status, 409)
  const done = await until(
    () => call('GET', `/v1/imports/${waits.json.id}`),
    ({ state }) => state === 'finished',
  )
  t.ok(done.finishedAt >= soon, 'not before its time')
  t.match((await call('GET', '/v1/contacts/07712345251')).json.attributes, { city: 'Hull' })
  t.same(Object.keys((await call('GET', '/v1/contacts/07712345251')).json.attributes), ['city'], 'only what was named')
  t.equal((await call('GET', '/v1/contacts/07712345252')).status, 404)
  t.equal((await file('at=tomorrow', text)).status, 422)
  t.equal((await file('fields=city', text)).status, 422)
})

t.test('an audience of emails goes to addresses, but not to those that want none', async (t) => {
  const { call } = await stand()
  const people = [
    { email: 'ida@example.com', attributes: { name: 'Ida' } },
    { number: '07712345261', email: 'jo@example.com', attributes: { name: 'Jo' } },
    { number: '07712345262', attributes: { name: 'Kim' } },
  ]
  await call('POST', '/v1/contacts', { body: people.map((one) => ({ ...one, tags: ['mail'] })) })
  t.equal((await call('PUT', '/v1/suppressions/jo@example.com', { body: {} })).status, 200)
  const count = await call('POST', '/v1/audience/count', { body: { tag: 'mail', channel: 'email' } })
  t.match(count.json, { total: 3, sendable: 1, unreachable: 1, suppressed: 1 }, count.text)
  const body = { channel: 'email', subject: 'For ~name~', text: 'Hi ~name~', audience: { tag: 'mail' }, review: true }
  const { json } = await call('POST', '/v1/jobs', { body })
  t.match(json, { state: 'ready', counts: { rows: 3, accepted: 1, suppressed: 1, rejected: 1 } }, JSON.stringify(json))
  const { rows } = (await call('GET', `/v1/jobs/${json.id}/preview`)).json
  t.match(
    rows[0],
    { to: 'ida@example.com', channel: 'email', subject: 'For Ida', text: 'Hi Ida' },
    JSON.stringify(rows),
  )
  const either = await call('POST', '/v1/jobs', { body: { ...body, channel: 'auto' } })
  t.match(either.json.estimate.byChannel, { sms: { rows: 2 }, email: { rows: 1 } }, 'who has no number gets an email')
  const wrong = await call('POST', '/v1/jobs', { body: { ...body, subject: '~surname~' } })
  t.match(wrong, { status: 422, json: { code: 'TEMPLATE_LABEL_UNKNOWN' } }, wrong.text)
})
