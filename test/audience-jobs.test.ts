/** Jobs for an audience over the real engine, HTTP and a simulated carrier: counted, previewed, sent, gated by opt-in. */
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { admin, reached, startWhole } from './whole-engine.js'

const { account } = await startWhole(t, { yaml: (at) => `carriers: [{ id: sim, ${at('trunk')}, window: 500 }]` })
const { call } = await account('acme')

async function count(audience: object): Promise<{ total: number; sendable: number }> {
  const { status, json, text } = await call('POST', '/v1/audience/count', { body: audience })
  t.equal(status, 200, text)
  return json
}

const people = [
  { number: '07712345101', attributes: { name: 'Ann', city: 'Hull', age: 44 }, tags: ['vip', 'north'] },
  { number: '07712345102', attributes: { name: 'Bob', city: 'Leeds', age: '9' }, tags: ['north'] },
  { number: '07712345103', attributes: { Name: 'Cy', city: 'Bath', age: 30 }, tags: ['south'] },
  { number: '07712345104', attributes: { city: 'Bath', age: 30 }, tags: ['south'], company: 'Dee & Co' },
  { number: '07712345105', attributes: { name: 'Say "hi", ~you~\nEve', age: 70 }, tags: ['vip'] },
]

t.before(async () => {
  t.equal((await call('POST', '/v1/contacts', { body: people })).json.added, 5)
})

t.test('an audience is counted, and sent to: each contact that fits once', async (t) => {
  t.match(await count({ all: [] }), { total: 5, sendable: 5 })
  t.match(await count({ tags: ['vip', 'north'] }), { total: 3 }, 'who has both tags counts once')
  t.match(await count({ tag: 'north', all: [{ field: 'attributes.age', op: '>', value: 10 }] }), { total: 1 })
  t.match(await count({ not: { field: 'tags', value: 'VIP' } }), { total: 3 })

  const audience = { tags: ['vip', 'north'] }
  const body = { from: 'ACME', text: 'Hi ~NAME~ of ~city|nowhere~', audience }
  const made = await call('POST', '/v1/jobs', { body })
  t.match(made, { status: 202, json: { id: /^job_/, settings: { audience, text: body.text } } }, made.text)
  const done = await reached(call, made.json.id, 'finished', 'failed')
  t.match(done, { state: 'finished', counts: { rows: 3, accepted: 3, delivered: 3, records: 3 } }, made.text)
  const { json } = await call('GET', `/v1/jobs/${made.json.id}/messages`)
  const texts = json.items.map(({ to, text }: { to: string; text: string }) => `${to} ${text}`).sort()
  t.same(texts, [
    '+447712345101 Hi Ann of Hull',
    '+447712345102 Hi Bob of Leeds',
    '+447712345105 Hi Say "hi", ~you~\nEve of nowhere',
  ])
})

t.test('attributes are chosen for labels; a contact without one is a rejected row with the reason', async (t) => {
  const audience = { tag: 'south', fields: { who: 'name', place: 'city', firm: 'company' } }
  const body = { from: 'ACME', text: '~who~ ~place~ ~firm|-~ ~number~', audience, review: true }
  const made = await call('POST', '/v1/jobs', { body })
  t.equal(made.status, 202, made.text)
  const ready = await reached(call, made.json.id, 'ready')
  t.match(ready.counts, { rows: 2, accepted: 1, rejected: 1 })
  t.same(ready.rejectedByReason, { MISSING_FIELD: 1 })
  const preview = await call('GET', `/v1/jobs/${made.json.id}/preview`)
  t.match(preview.json.rows, [
    { to: '+447712345103', text: 'Cy Bath - +447712345103', reason: null },
    { to: '+447712345104', reason: 'MISSING_FIELD' },
  ])
  const rejects = await call('GET', `/v1/jobs/${made.json.id}/rejects.csv`)
  t.match(rejects.text, /MISSING_FIELD,.*447712345104/)
  // What changes after the audience was read does not change the job.
  await call('PATCH', '/v1/contacts/07712345103', { body: { attributes: { city: 'York' }, removeTags: ['south'] } })
  t.equal((await call('POST', `/v1/jobs/${made.json.id}/start`)).status, 200)
  await reached(call, made.json.id, 'finished')
  const { json } = await call('GET', `/v1/jobs/${made.json.id}/messages`)
  t.match(json.items, [{ text: 'Cy Bath - +447712345103', state: 'delivered' }])
  await call('PATCH', '/v1/contacts/07712345103', { body: { addTags: ['south'] } })

  const columns = { fields: { who: 'name' } }
  const mapped = await call('POST', '/v1/jobs', { body: { text: '~who|you~', audience: { tag: 'south' }, columns } })
  t.equal(mapped.status, 202, mapped.text)
  t.match((await reached(call, mapped.json.id, 'finished')).counts, { rows: 2, delivered: 2 })
})

t.test('what cannot be is refused before a job is made', async (t) => {
  const { length: before } = (await call('GET', '/v1/jobs?limit=200')).json.items
  const wrong: [object, number, object][] = [
    [{ text: 'Hi', audience: {} }, 422, { code: 'VALIDATION', errors: [{ pointer: '/audience' }] }],
    [{ text: 'Hi', audience: { all: [{ field: 'x' }] } }, 422, { errors: [{ pointer: '/audience/all/0/field' }] }],
    [
      { text: 'Hi', audience: { tag: 'vip' }, recipients: ['07712345101'] },
      422,
      { errors: [{ pointer: '/audience' }] },
    ],
    [{ text: 'Hi', audience: { tag: 'vip' }, columns: { to: 'x' } }, 422, { errors: [{ pointer: '/columns/to' }] }],
    [{ text: 'Hi', audience: { tag: 'vip' }, csv: { header: true } }, 422, { errors: [{ pointer: '/csv' }] }],
    [{ text: 'Hi ~shoe size~', audience: { tag: 'vip' } }, 422, { code: 'TEMPLATE_LABEL_UNKNOWN' }],
    [{ text: 'Hi ~param1~', audience: { tag: 'vip' } }, 422, { code: 'TEMPLATE_LABEL_UNKNOWN' }],
    [{ text: 'Hi', audience: { tag: 'vip', colour: 'x' } }, 422, { code: 'VALIDATION' }],
  ]
  for (const [body, status, json] of wrong) {
    const answer = await call('POST', '/v1/jobs', { body })
    t.match(answer, { status, json }, `${JSON.stringify(body)} ${answer.text}`)
  }
  t.equal((await call('GET', '/v1/jobs?limit=200')).json.items.length, before)
  t.match(await call('POST', '/v1/audience/count', { body: { all: [1] } }), {
    status: 422,
    json: { errors: [{ pointer: '/all/0' }] },
  })

  const empty = await call('POST', '/v1/jobs', { body: { text: 'Hi', audience: { tag: 'nobody' } } })
  t.match(empty, { status: 422, json: { code: 'AUDIENCE_EMPTY' } }, empty.text)
  t.match((await call('GET', '/v1/jobs?limit=1')).json.items, [{ state: 'failed', reason: 'AUDIENCE_EMPTY' }])
})

t.test('an Idempotency-Key makes the job of an audience once', async (t) => {
  const headers = { 'idempotency-key': 'audience-1' }
  const body = { text: 'Hi', audience: { tag: 'vip' } }
  const first = await call('POST', '/v1/jobs', { body, headers })
  const second = await call('POST', '/v1/jobs', { body, headers })
  t.equal(second.json.id, first.json.id, second.text)
  t.equal(second.headers.get('idempotent-replay'), 'true')
  await reached(call, first.json.id, 'finished')
})

t.test('an account that demands opt-in messages nobody else, by audience or by file', async (t) => {
  t.match(await call('PATCH', '/v1/accounts/acme', { key: admin, body: { requireOptIn: true } }), {
    status: 200,
    json: { requireOptIn: true },
  })
  const agreed = { optIn: { sms: { state: 'in', source: 'form' } } }
  for (const number of ['07712345101', '07712345102']) await call('PATCH', `/v1/contacts/${number}`, { body: agreed })
  await call('PATCH', '/v1/contacts/07712345103', { body: { optIn: { sms: { state: 'out' } } } })
  t.equal((await call('PUT', '/v1/suppressions/07712345102', { body: {} })).status, 200)
  t.same(await count({ all: [] }), { total: 5, sendable: 1, unreachable: 0, notOptedIn: 3, suppressed: 1 })
  t.match(await count({ all: [{ field: 'optIn.sms', op: 'exists' }] }), { total: 3, sendable: 1, notOptedIn: 1 })

  const made = await call('POST', '/v1/jobs', { body: { text: 'Sale', audience: { all: [] } } })
  const done = await reached(call, made.json.id, 'finished')
  t.match(done.counts, { rows: 5, accepted: 1, delivered: 1, rejected: 3, suppressed: 1 })
  t.same(done.rejectedByReason, { NOT_OPTED_IN: 3, SUPPRESSED: 1 })

  const recipients = ['07712345101', '07712345103', '07712345199']
  const inline = await call('POST', '/v1/jobs', { body: { text: 'Sale', recipients } })
  t.same((await reached(call, inline.json.id, 'finished')).rejectedByReason, { NOT_OPTED_IN: 2 })
  const single = await call('POST', '/v1/messages', { body: { to: '07712345199', text: 'Your code is 1' } })
  t.equal(single.status, 202, 'a single message is not marketing')
  await call('PATCH', '/v1/accounts/acme', { key: admin, body: { requireOptIn: false } })
})

t.test('columns of a job are kept with the contacts of its rows', async (t) => {
  const body = { text: 'Hi ~first~', columns: { saveToContact: { first: 'first', shoe: 3, email: 'mail' } } }
  const made = await call('POST', '/v1/jobs', { body })
  t.equal(made.status, 202, made.text)
  const lines = [
    'mobile,first,shoe size,mail,secret',
    '07712345101,Anna,38,anna@example.com,x',
    '07712345198,Zoe,40,,y',
    '12,,,,z',
  ]
  const headers = { 'content-type': 'text/csv' }
  const uploaded = await call('PUT', `/v1/jobs/${made.json.id}/recipients`, { body: `${lines.join('\n')}\n`, headers })
  t.equal(uploaded.status, 202, uploaded.text)
  t.match((await reached(call, made.json.id, 'finished')).counts, { rows: 3, accepted: 2 })
  for (;;) {
    const [{ state, job, counts }] = (await call('GET', '/v1/imports?limit=1')).json.items
    t.equal(job, made.json.id)
    if (state === 'finished') {
      t.match(counts, { rows: 3, added: 1, changed: 1, rejected: 1 })
      break
    }
    await pause(20)
  }
  const { json: anna } = await call('GET', '/v1/contacts/07712345101')
  t.match(anna, { email: 'anna@example.com', attributes: { first: 'Anna', shoe: '38', name: 'Ann' } })
  t.notOk('secret' in anna.attributes, 'only what was named is kept')
  t.match((await call('GET', '/v1/contacts/07712345198')).json, {
    email: null,
    attributes: { first: 'Zoe', shoe: '40' },
  })
  const wrong = await call('POST', '/v1/jobs', { body: { text: 'Hi', columns: { saveToContact: { '': 1 } } } })
  t.match(wrong, { status: 422, json: { errors: [{ pointer: '/columns/saveToContact' }] } }, wrong.text)
  t.equal((await call('DELETE', '/v1/contacts/07712345198')).status, 204)
})

t.test(
  'a large audience is answered at once and streams in the background, each contact once while they change',
  async (t) => {
    const rows = Array.from({ length: 22_000 }, (_, row) => `+4477${String(20_000_000 + row)},Name ${row},${row % 10}`)
    const imported = await call('POST', '/v1/contacts/import?tag=big', {
      body: `mobile,name,digit\n${rows.join('\n')}\n`,
      headers: { 'content-type': 'text/csv' },
    })
    t.equal(imported.status, 202, imported.text)
    for (;;) {
      const { json } = await call('GET', `/v1/imports/${imported.json.id}`)
      if (json.state === 'finished') {
        t.match(json.counts, { rows: 22_000, added: 22_000 })
        break
      }
      await pause(20)
    }
    t.match(await count({ tag: 'big', all: [{ field: 'attributes.digit', op: '<', value: 5 }] }), { total: 11_000 })
    const audience = { tags: ['big', 'vip'] }
    const job = call('POST', '/v1/jobs', { body: { text: 'Hi ~name|you~', audience, review: true } })
    // Contacts change, go and come while the audience is walked.
    const changes = Array.from({ length: 200 }, (_, row) => ({
      number: `+4477${20_000_000 + row}`,
      tags: ['vip', 'moved'],
    }))
    await call('POST', '/v1/contacts', { body: changes })
    const made = await job
    t.equal(made.status, 202, made.text)
    const ready = await reached(call, made.json.id, 'ready', 'failed')
    t.match(ready, { state: 'ready', counts: { rows: 22_002, accepted: 22_002, duplicate: 0 } }, `${ready.detail}`)
    t.equal((await call('POST', `/v1/jobs/${made.json.id}/cancel`)).status, 200)
  },
)
