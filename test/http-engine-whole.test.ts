/** HTTP over the real engine, store, threads and a simulated carrier: what a customer sees from upload to report. */
import t from 'tap'
import type { JobView } from '../src/engine/contract/api.js'
import type { Answer, CallOptions } from './http-engine.js'
import { admin, reached, startWhole } from './whole-engine.js'

const whole = await startWhole(t)
const { key: acme, call } = await whole.account('acme')
const { key: rival } = await whole.account('rival')

const csv = [
  'name,mobile',
  'Ann,+447712345101',
  'Bob,+447712345102',
  '"Twice, Bob",+447712345102',
  'Nobody,12',
  'Zoë,+447712345103',
].join('\r\n')

t.test('a file uploaded by PUT is sent, received and accounted for', async (t) => {
  const body = { name: 'October', from: 'ACME', text: 'Hi ~name~', columns: { to: 'mobile' } }
  const made = await call('POST', '/v1/jobs', { body })
  t.match(made, { status: 202, json: { id: /^job_/, state: 'receiving', settings: body } }, made.text)
  const { id } = made.json
  const uploaded = await call('PUT', `/v1/jobs/${id}/recipients`, {
    body: csv,
    headers: { 'content-type': 'text/csv' },
  })
  t.match(uploaded, { status: 202, json: { id, counts: Object } }, uploaded.text)
  const { counts } = await reached(call, id, 'finished')
  t.match(counts, { rows: 5, accepted: 3, rejected: 1, duplicate: 1, delivered: 3, records: 5 })
  const metrics = await call('GET', '/metrics')
  for (const result of ['accepted', 'rejected', 'suppressed', 'duplicate'] as const) {
    t.match(metrics.text, `trunkline_rows_total{result="${result}"} ${counts[result]}\n`, 'a row counts once')
  }

  const preview = await call('GET', `/v1/jobs/${id}/preview`)
  t.match(preview.json.rows[0], {
    row: 1,
    to: '+447712345101',
    text: 'Hi Ann',
    encoding: 'gsm7',
    parts: 1,
    carrier: 'sim',
  })
  const rejects = await call('GET', `/v1/jobs/${id}/rejects.csv`)
  t.match(rejects.text, /^line,column,code,reason,record\r?\n[\s\S]*INVALID_NUMBER/)
  const report = await call('GET', `/v1/jobs/${id}/report.csv`)
  t.equal(report.text.match(/delivered/g)?.length, 3, report.text)
  const messages = await call('GET', `/v1/jobs/${id}/messages?state=delivered`)
  t.match(messages.json.items, [{ job: id, state: 'delivered' }, {}, {}], messages.text)
  const one = await call('GET', `/v1/messages/${messages.json.items[0].id}`)
  t.match(one.json, { text: 'Hi Ann', history: [{ event: String }] }, one.text)
})

t.test('a form, inline rows and single messages take the same road', async (t) => {
  const form = new FormData()
  form.append('job', JSON.stringify({ from: 'ACME', text: 'Hi ~name~' }))
  form.append('file', new Blob([csv], { type: 'text/csv' }), 'rows.csv')
  const headers = { authorization: `Bearer ${acme}` }
  const uploaded = await fetch(`${whole.url}/v1/jobs`, { method: 'POST', headers, body: form })
  t.equal(uploaded.status, 202)
  const { id } = (await uploaded.json()) as JobView
  t.match((await reached(call, id, 'finished')).counts, { rows: 5, delivered: 3 })

  const recipients = ['+447712345104', { to: '+447712345105', name: 'Eve' }]
  const inline = await call('POST', '/v1/jobs', { body: { from: 'ACME', text: 'Hi ~name|you~', recipients } })
  t.equal(inline.status, 202, inline.text)
  t.match((await reached(call, inline.json.id, 'finished')).counts, { rows: 2, delivered: 2 })

  const single = await call('POST', '/v1/messages', { body: { to: '+447712345678', from: 'ACME', text: 'Hello' } })
  t.match(single, { status: 202, json: { id: /^msg_/, state: 'queued', channel: 'sms', encoding: 'gsm7', parts: 1 } })
  let view = (await call('GET', `/v1/messages/${single.json.id}`)).json
  const seen = new Set<string>()
  while (view.state !== 'delivered') {
    seen.add(view.state)
    view = (await call('GET', `/v1/messages/${single.json.id}`)).json
    if (seen.size > 4) break
  }
  t.equal(view.to, '+447712345678')
  const found = await call('GET', '/v1/messages?to=+447712345678')
  t.match(found.json.items, [{ id: single.json.id }], found.text)
  const refused = await call('POST', '/v1/messages', { body: { to: '12', text: 'Hello' } })
  t.match(refused, { status: 422, json: { code: 'INVALID_NUMBER', errors: [{ pointer: '/to' }] } }, refused.text)
})

t.test('nothing of one account can be seen or touched with the key of another', async (t) => {
  const { json: mine } = await call('POST', '/v1/jobs', { body: { from: 'ACME', text: 'Hi' } })
  const { json: sent } = await call('POST', '/v1/messages', { body: { to: '+447712345678', from: 'ACME', text: 'Hi' } })
  const routes = [
    ...['', '/preview', '/rejects.csv', '/rejects.csv?raw=true', '/report.csv', '/messages'].map((end) => ['GET', end]),
    ...['start', 'pause', 'resume', 'cancel'].map((verb) => ['POST', `/${verb}`]),
    ['PATCH', ''],
    ['PUT', '/recipients'],
  ] as [string, string][]
  for (const [method, end] of routes) {
    const body = method === 'PATCH' ? { priority: 'low' } : method === 'PUT' ? 'to\n1\n' : undefined
    const ask = (id: string) => call(method, `/v1/jobs/${id}${end}`, { key: rival, body })
    const foreign = await ask(mine.id)
    t.equal(foreign.status, 404, `${method} ${end} ${foreign.text}`)
    for (const id of ['job_0000zzzz', 'job_', 'x', '..%2fx']) {
      const unknown = await ask(id)
      const same = (answer: Answer) => answer.text.replaceAll(mine.id, 'ID').replaceAll(decodeURIComponent(id), 'ID')
      t.equal(same(unknown), same(foreign), `${method} ${end} ${id}`)
    }
  }
  t.equal((await call('GET', `/v1/messages/${sent.id}`, { key: rival })).status, 404)
  t.same((await call('GET', '/v1/messages', { key: rival })).json.items, [])
  t.same((await call('GET', '/v1/jobs', { key: rival })).json.items, [])
  t.equal((await call('GET', `/v1/jobs/${mine.id}`)).json.state, 'receiving')
})

t.test('an Idempotency-Key makes one job, one account and one message', async (t) => {
  const twice = async (path: string, options: CallOptions) => {
    const headers = { 'idempotency-key': `key-${path}` }
    const first = await call('POST', path, { ...options, headers })
    const second = await call('POST', path, { ...options, headers })
    t.same(second.json, first.json, path)
    t.equal(second.status, first.status)
    t.equal(second.headers.get('idempotent-replay'), 'true', path)
    const changed = { ...(options.body as object), priority: 'low', name: 'Other' }
    const other = await call('POST', path, {
      ...options,
      headers,
      body: path.includes('mess') ? { to: '1', text: 'x' } : changed,
    })
    t.match(other, { status: 422 }, other.text)
  }
  await twice('/v1/jobs', { body: { from: 'ACME', text: 'Hi' } })
  await twice('/v1/messages', { body: { to: '+447712345678', from: 'ACME', text: 'Once' } })
  await twice('/v1/accounts', { key: admin, body: { id: 'third' } })
})

t.test('a feature that is off, a dead key and a paused carrier act at once', async (t) => {
  const made = await call('POST', '/v1/accounts', { key: admin, body: { id: 'fourth' } })
  const { key } = made.json
  await call('PATCH', '/v1/accounts/fourth', { key: admin, body: { features: { sms: false } } })
  const message = { to: '+447712345678', text: 'Hi' }
  t.match(await call('POST', '/v1/jobs', { key, body: { text: 'Hi' } }), { status: 403, json: { code: 'FEATURE_OFF' } })
  t.match(await call('POST', '/v1/messages', { key, body: message }), { status: 403, json: { code: 'FEATURE_OFF' } })
  await call('DELETE', `/v1/accounts/fourth/keys/${made.json.account.keys[0].id}`, { key: admin })
  t.equal((await call('GET', '/v1/jobs', { key })).status, 401)
  const paused = await call('PATCH', '/v1/carriers/sim', { key: admin, body: { paused: true } })
  t.match(
    paused,
    { status: 200, json: { id: 'sim', paused: true, binds: [{ index: 0, state: 'bound' }] } },
    paused.text,
  )
  await call('PATCH', '/v1/carriers/sim', { key: admin, body: { paused: false } })
  t.equal((await call('PATCH', '/v1/carriers/none', { key: admin, body: { paused: true } })).status, 404)
})

t.test('metrics are named as in the contract and carry no number', async (t) => {
  const { text } = await call('GET', '/metrics')
  t.match(text, /^trunkline_parts_submitted_total\{.*carrier="sim".*\} [1-9]/m)
  t.notMatch(text, /77123451|7712345678/)
  t.match(await call('GET', '/readyz'), { status: 200, json: { ready: true } })
})
