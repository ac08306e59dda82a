/** Over HTTP and the real engine: saved texts, saved settings, references, and what a list finds by them. */
import { gzipSync } from 'node:zlib'
import t from 'tap'
import type { JobView, MessageView } from '../src/engine/contract/api.js'
import { reached, startWhole } from './whole-engine.js'

const whole = await startWhole(t)
const { key: acme, call } = await whole.account('acme')
const { key: rival } = await whole.account('rival')

function csv(path: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Response> {
  const all = { authorization: `Bearer ${acme}`, 'content-type': 'text/csv', ...headers }
  return fetch(whole.url + path, { method: 'POST', headers: all, body: new Uint8Array(Buffer.from(body)) })
}

async function textsOf(id: string): Promise<string[]> {
  const { json } = await call('GET', `/v1/jobs/${id}/messages`)
  return json.items.map(({ text }: MessageView) => text).sort()
}

t.test(
  'a template is stored, listed, copied and deleted; what is wrong with it is said with its position',
  async (t) => {
    const name = encodeURIComponent('Grüße 🎉')
    const body = { text: 'Hi ~name|you~', keyword: '#001', description: 'first' }
    const put = await call('PUT', `/v1/templates/${name}`, { body })
    t.match(
      put,
      { status: 200, json: { ...body, name: 'Grüße 🎉', subject: null, html: null, prompts: null } },
      put.text,
    )
    const again = await call('PUT', `/v1/templates/${name}`, { body: { ...body, text: 'Hello ~name|you~' } })
    t.match(again, { status: 200, json: { text: 'Hello ~name|you~', createdAt: put.json.createdAt } }, again.text)
    t.same((await call('GET', `/v1/templates/${name}`)).json, again.json)

    const headers = { 'idempotency-key': 'copy-1' }
    const copied = await call('POST', `/v1/templates/${name}/copy`, { body: { name: 'second' }, headers })
    t.match(copied, { status: 201, json: { name: 'second', text: 'Hello ~name|you~', keyword: null } }, copied.text)
    const replay = await call('POST', `/v1/templates/${name}/copy`, { body: { name: 'second' }, headers })
    t.equal(replay.headers.get('idempotent-replay'), 'true')
    const taken = await call('POST', `/v1/templates/${name}/copy`, { body: { name: 'second' } })
    t.match(taken, { status: 409, json: { code: 'NAME_TAKEN' } }, taken.text)

    const first = await call('GET', '/v1/templates?limit=1')
    t.match(first.json, { items: [{ name: 'Grüße 🎉' }], nextCursor: 'Grüße 🎉' })
    const rest = await call('GET', `/v1/templates?limit=1&cursor=${encodeURIComponent(first.json.nextCursor)}`)
    t.match(rest.json, { items: [{ name: 'second' }], nextCursor: null })

    const wrong = async (settings: object, problem: object, at = 'third') => {
      const answer = await call('PUT', `/v1/templates/${at}`, { body: settings })
      t.match(answer, { status: 422, json: problem }, answer.text)
    }
    const unclosed = { code: 'TEMPLATE_INVALID', detail: /position 4/, errors: [{ pointer: '/text' }] }
    await wrong({ text: 'Hi ~name' }, unclosed)
    await wrong({ text: 'x', subject: 'a ~ b' }, { code: 'TEMPLATE_INVALID', errors: [{ pointer: '/subject' }] })
    await wrong({ text: 'x', keyword: '#001' }, { code: 'VALIDATION', errors: [{ pointer: '/keyword' }] })
    await wrong({ text: 'x', keyword: 'two words' }, { errors: [{ pointer: '/keyword' }] })
    await wrong({ text: ' ' }, { errors: [{ pointer: '/text' }] })
    await wrong({ text: 'x' }, { errors: [{ pointer: '/name' }] }, encodeURIComponent('a/b'))
    await wrong({ text: 'x' }, { errors: [{ pointer: '/name' }] }, 'x'.repeat(65))

    for (const key of [rival, acme]) {
      const unknown = await call('GET', `/v1/templates/${key === acme ? 'none' : 'second'}`, { key })
      t.match(unknown, { status: 404, json: { code: 'NOT_FOUND', detail: 'There is no such template.' } }, unknown.text)
    }
    t.equal((await call('DELETE', '/v1/templates/second')).status, 204)
    t.equal((await call('DELETE', '/v1/templates/second')).status, 404)
    t.equal((await call('DELETE', `/v1/templates/${name}`)).status, 204)
    const freed = await call('PUT', '/v1/templates/third', { body: { text: 'x', keyword: '#001' } })
    t.equal(freed.status, 200, 'its keyword is free again')
    await call('DELETE', '/v1/templates/third')
  },
)

t.test('a job takes the text of its template when it is made; a keyword picks a row’s text', async (t) => {
  await call('PUT', '/v1/templates/welcome', { body: { text: 'Welcome ~name~' } })
  await call('PUT', '/v1/templates/one', { body: { text: 'One ~name~', keyword: 'Erste' } })
  await call('PUT', '/v1/templates/two', { body: { text: 'Two ~absent~', keyword: '#2' } })
  const made = await call('POST', '/v1/jobs', {
    body: { from: 'ACME', template: 'welcome', columns: { to: 'mobile' } },
  })
  t.match(made, { status: 202, json: { settings: { template: 'welcome', text: 'Welcome ~name~' } } }, made.text)
  await call('PUT', '/v1/templates/welcome', { body: { text: 'Changed' } })
  const body = 'name,mobile\nAnn,+447712345101\n'
  await call('PUT', `/v1/jobs/${made.json.id}/recipients`, { body, headers: { 'content-type': 'text/csv' } })
  await reached(call, made.json.id, 'finished')
  t.same(await textsOf(made.json.id), ['Welcome Ann'])

  const settings = { from: 'ACME', text: 'Job ~name~', columns: { to: 'mobile', keyword: 'key' } }
  const picked = await call('POST', '/v1/jobs', { body: settings })
  await call('PUT', '/v1/templates/one', { body: { text: 'Later', keyword: 'Erste' } })
  const rows = [
    'name,mobile,key',
    'Ann,+447712345101,ERSTE ',
    'Bob,+447712345102,',
    'Cy,+447712345103,#2',
    'Di,+447712345104,#9',
  ]
  const headers = { 'content-type': 'text/csv' }
  await call('PUT', `/v1/jobs/${picked.json.id}/recipients`, { body: rows.join('\n'), headers })
  const { rejectedByReason } = await reached(call, picked.json.id, 'finished')
  t.same(await textsOf(picked.json.id), ['Job Bob', 'One Ann'])
  t.same(rejectedByReason, { MISSING_FIELD: 1, TEMPLATE_UNKNOWN: 1 })

  const unknown = await call('POST', '/v1/jobs', { body: { template: 'none' } })
  t.match(unknown, { status: 422, json: { errors: [{ pointer: '/template' }] } }, unknown.text)
  const both = await call('POST', '/v1/jobs', { body: { template: 'welcome', text: 'x' } })
  t.match(both, { status: 422, json: { errors: [{ pointer: '/template' }] } }, both.text)
  const later = await call('POST', '/v1/jobs', { body: { text: 'x', every: 'day' } })
  t.match(later, { status: 422, json: { errors: [{ pointer: '/every', message: /a step such as 15m/ }] } }, later.text)
})

t.test('a message names a template and its fields', async (t) => {
  await call('PUT', '/v1/templates/code', { body: { text: 'Code ~code~ for ~Name|you~' } })
  const message = { to: '+447712345678', from: 'ACME', template: 'code', fields: { code: 1234 } }
  const sent = await call('POST', '/v1/messages', { body: message })
  t.equal(sent.status, 202, sent.text)
  t.equal((await call('GET', `/v1/messages/${sent.json.id}`)).json.text, 'Code 1234 for you')
  const named = await call('POST', '/v1/messages', { body: { ...message, fields: { CODE: '~x~', name: 'Ann' } } })
  t.equal((await call('GET', `/v1/messages/${named.json.id}`)).json.text, 'Code ~x~ for Ann', 'a value is no template')
  const bare = await call('POST', '/v1/messages', { body: { ...message, fields: { code: null } } })
  t.match(bare, { status: 422, json: { code: 'MISSING_FIELD', detail: /code/, errors: [{ pointer: '/fields' }] } })
  const none = await call('POST', '/v1/messages', { body: { ...message, template: 'none' } })
  t.match(none, { status: 422, json: { code: 'TEMPLATE_UNKNOWN', errors: [{ pointer: '/template' }] } }, none.text)
  const dry = await call('POST', '/v1/messages', { body: { ...message, dryRun: true } })
  t.match(dry, { status: 200, json: { rows: [{ text: 'Code 1234 for you' }] } }, dry.text)
  const both = await call('POST', '/v1/messages', { body: { ...message, text: 'x' } })
  t.match(both, { status: 422, json: { errors: [{ pointer: '/template' }] } }, both.text)
  const lost = await call('POST', '/v1/messages', { body: { to: message.to, text: 'x', fields: {} } })
  t.match(lost, { status: 422, json: { errors: [{ pointer: '/fields' }] } }, lost.text)
  const batch = { messages: [message, { ...message, fields: {} }] }
  const { json } = await call('POST', '/v1/messages', { body: batch })
  t.match(json.items, [{ state: 'queued' }, { state: 'rejected', code: 'MISSING_FIELD' }])
})

t.test('a profile saves settings; a file alone makes a job with it, once per key and file', async (t) => {
  const saved = { from: 'ACME', text: 'Hi ~name~', columns: { to: 'mobile' }, tags: ['a'], priority: 'low' }
  const put = await call('PUT', '/v1/profiles/october', { body: saved })
  t.match(put, { status: 200, json: { name: 'october', settings: saved } }, put.text)
  t.same((await call('GET', '/v1/profiles/october')).json, put.json)
  t.match((await call('GET', '/v1/profiles')).json, { items: [{ name: 'october' }], nextCursor: null })
  t.equal((await call('GET', '/v1/profiles/october', { key: rival })).status, 404)
  const wrong = await call('PUT', '/v1/profiles/bad', { body: { text: '~', from: 'much too long a sender' } })
  t.equal(wrong.status, 422, wrong.text)
  t.equal((await call('PUT', '/v1/profiles/half', { body: { from: 'HALF' } })).status, 200, 'the text may come later')

  const file = 'name,mobile\nAnn,+447712345101\nBob,+447712345102\n'
  const made = await csv('/v1/jobs?profile=october', gzipSync(file), {
    'content-encoding': 'gzip',
    'idempotency-key': 'f1',
  })
  const job = (await made.json()) as JobView
  t.match([made.status, job.settings], [202, { ...saved, profile: 'october' }])
  t.same(await textsOf((await reached(call, job.id, 'finished')).id), ['Hi Ann', 'Hi Bob'])
  const replay = await csv('/v1/jobs?profile=october', file, { 'idempotency-key': 'f1' })
  t.match([replay.headers.get('idempotent-replay'), ((await replay.json()) as JobView).id], ['true', job.id])
  const other = await csv('/v1/jobs?profile=october', `${file}Cy,+447712345103\n`, { 'idempotency-key': 'f1' })
  t.match([other.status, ((await other.json()) as { code: string }).code], [422, 'IDEMPOTENCY_MISMATCH'])
  t.equal((await csv('/v1/jobs?profile=none', file)).status, 404)
  t.equal((await csv('/v1/jobs', file)).status, 400)

  const own = { profile: 'october', text: 'Own ~name~', columns: { to: 2 }, csv: { header: true } }
  const merged = await call('POST', '/v1/jobs', { body: own })
  t.match(merged.json.settings, { ...saved, ...own }, 'what the job says wins')
  const inline = { profile: 'october', text: 'Plain', recipients: ['+447712345105', { mobile: '+447712345106' }] }
  const rows = await call('POST', '/v1/jobs', { body: inline })
  t.match(
    (await reached(call, rows.json.id, 'finished')).counts,
    { rows: 2, accepted: 2 },
    'a bare number stands in the saved column',
  )
  const unknown = await call('POST', '/v1/jobs', { body: { profile: 'none', text: 'x' } })
  t.match(unknown, { status: 422, json: { errors: [{ pointer: '/profile' }] } }, unknown.text)
  const without = await call('POST', '/v1/jobs', { body: { profile: 'half' } })
  t.match(without, { status: 422, json: { errors: [{ pointer: '/text' }] } }, without.text)
  t.equal((await call('DELETE', '/v1/profiles/october')).status, 204)
  t.equal((await call('GET', '/v1/profiles/october')).status, 404)
})

t.test('a form has one job and one file', async (t) => {
  const file = new Blob(['mobile\n+447712345101\n'], { type: 'text/csv' })
  const form = new FormData()
  form.append('job', JSON.stringify({ from: 'ACME', text: 'Hi', name: 'two files' }))
  form.append('file', file, 'one.csv')
  form.append('file', file, 'two.csv')
  const headers = { authorization: `Bearer ${acme}` }
  const refused = await fetch(`${whole.url}/v1/jobs`, { method: 'POST', headers, body: form })
  const problem = (await refused.json()) as object
  t.match([refused.status, problem], [422, { code: 'VALIDATION', errors: [{ pointer: '/file', message: /too many/ }] }])
  t.match((await call('GET', '/v1/jobs?name=two+files')).json.items, [{ state: 'canceled' }], 'and nothing is sent')
})

t.test('jobs and messages are found by their references, tags, times and jobs', async (t) => {
  const since = new Date(0).toISOString()
  const recipients = [{ to: '+447712345201' }, { to: '+447712345202' }]
  const settings = { from: 'ACME', text: 'Hi', name: 'Named', tags: ['x', 'y'], clientReference: 'order 7/\u0001' }
  const { json: job } = await call('POST', '/v1/jobs', { body: { ...settings, recipients } })
  await reached(call, job.id, 'finished')
  const found = async (query: string) =>
    (await call('GET', `/v1/jobs?${query}`)).json.items.map(({ id }: JobView) => id) as string[]
  const reference = encodeURIComponent(settings.clientReference)
  t.same(await found(`clientReference=${reference}`), [job.id])
  t.same(await found(`clientReference=${reference}&tag=y&name=Named&state=finished&since=${since}`), [job.id])
  t.same(await found('clientReference=other'), [])
  t.same(await found('tag=z'), [])
  t.same(await found('since=2100-01-01T00:00:00Z'), [])
  const changed = await call('PATCH', `/v1/jobs/${job.id}`, { body: { name: 'Renamed', tags: ['z'] } })
  t.match(changed, { status: 200, json: { name: 'Renamed', settings: { tags: ['z'] } } }, changed.text)
  t.same(await found('tag=z&name=Renamed'), [job.id])
  t.equal((await call('PATCH', `/v1/jobs/${job.id}`, { body: { priority: 'low' } })).status, 409, 'it has ended')

  const message = { to: '+447712345210', from: 'ACME', text: 'Hi' }
  const ids: string[] = []
  for (let n = 0; n < 3; n++) {
    const body = {
      messages: [
        { ...message, clientReference: 'ref' },
        { ...message, clientReference: `ref ${n}` },
      ],
    }
    ids.unshift((await call('POST', '/v1/messages', { body })).json.items[0].id)
  }
  const messages = async (query: string) => (await call('GET', `/v1/messages?${query}`)).json
  const first = await messages('clientReference=ref&limit=2')
  t.same(
    first.items.map(({ id }: MessageView) => id),
    ids.slice(0, 2),
  )
  t.equal(first.items[0].clientReference, 'ref')
  await call('POST', '/v1/messages', { body: { ...message, clientReference: 'ref' } })
  const second = await messages(`clientReference=ref&limit=2&cursor=${first.nextCursor}`)
  t.same(
    [second.items.map(({ id }: MessageView) => id), second.nextCursor],
    [ids.slice(2), null],
    'new ones move nothing',
  )
  t.same((await call('GET', '/v1/messages?clientReference=ref', { key: rival })).json.items, [])
  t.equal((await messages('clientReference=ref+1')).items.length, 1)
  t.equal((await messages('clientReference=ref&to=07712345210&from=ACME')).items.length, 4)
  t.same((await messages('clientReference=ref&to=07712345211')).items, [])

  const ofJob = await messages(`job=${job.id}`)
  t.same(ofJob.items.map(({ to }: MessageView) => to).sort(), ['+447712345201', '+447712345202'])
  t.equal((await call('GET', '/v1/messages?job=job_0000zzzz')).status, 404)
  t.equal((await messages(`job=${job.id}&to=%2B447712345202`)).items.length, 1)
  t.equal((await call('GET', `/v1/jobs/${job.id}/messages?to=07712345201`)).json.items.length, 1)
  t.same((await messages(`until=${encodeURIComponent('2000-01-01T00:00:00+00:00')}`)).items, [])
  t.same((await messages('since=2100-01-01T00:00:00Z')).items, [])
  t.ok((await messages(`since=${since}&until=2100-01-01T00:00:00Z`)).items.length > 0)
  t.match(await call('GET', '/v1/messages?until=soon'), { status: 422, json: { errors: [{ pointer: '/until' }] } })
  t.match((await call('GET', '/v1/messages?until=soon')).json.title, /^The request/)
})
