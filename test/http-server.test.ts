/** The HTTP server on a real socket: keys, schemas, problems, limits, and the description of itself. */
import t from 'tap'
import {
  account,
  accountKey,
  adminKey,
  apiKey,
  carrier,
  explanation,
  job,
  message,
  preview,
  previewRow,
  startHttp,
} from './http-engine.js'

interface Operation {
  security?: unknown[]
  /** Which key it takes; where it is `any` an account sees its own, and the admin everything. */
  'x-auth'?: 'admin' | 'account' | 'any'
  tags?: string[]
  summary?: string
  responses: Record<string, { content?: Record<string, unknown> }>
}
type Paths = Record<string, Record<string, Operation>>

function operations(paths: Paths): { method: string; path: string; operation: Operation }[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}

t.test('every route documents its key, its answers and its problems, and refuses who has no key', async (t) => {
  const { call } = await startHttp(t)
  const { json } = await call('GET', '/openapi.json', { key: null })
  t.match(json.openapi, /^3\.1/)
  const all = operations(json.paths)
  t.ok(all.length >= 27, `${all.length} operations`)
  for (const { method, path, operation } of all) {
    const name = `${method} ${path}`
    t.ok(operation.summary && operation.tags?.length === 1, `${name} has a summary and a tag`)
    t.ok(
      Object.keys(operation.responses).some((status) => status.startsWith('2')),
      `${name} has an answer`,
    )
    t.ok(operation.responses['4XX']?.content?.['application/problem+json'], `${name} has problems`)
    const isOpen = operation.security?.length === 0
    const { status } = await call(method, path.replaceAll(/\{(\w+)\}/g, 'x'), { key: null })
    t.equal(status === 401, !isOpen, `${name} without a key: ${status}`)
  }
})

t.test(
  'an account key is refused on admin routes, the admin key on account routes unless it names the account',
  async (t) => {
    const { call, engine } = await startHttp(t)
    const { json } = await call('GET', '/openapi.json')
    for (const { method, path, operation } of operations(json.paths)) {
      if (operation.security?.length === 0) continue
      const place = path.replaceAll(/\{(\w+)\}/g, job.id)
      if (operation['x-auth'] === 'any') {
        for (const key of [accountKey, adminKey]) {
          t.notOk([401, 403].includes((await call(method, place, { key })).status), `${method} ${place}`)
        }
        continue
      }
      const isAdmin = operation['x-auth'] === 'admin'
      const answer = await call(method, path.replaceAll(/\{(\w+)\}/g, 'x'), { key: isAdmin ? accountKey : adminKey })
      t.match(answer, { status: 403, json: { code: 'FORBIDDEN' } }, `${method} ${path}`)
      if (!isAdmin) t.match(answer.json.detail, /key of the account/)
    }
    const asAcme = { key: adminKey, headers: { 'trunkline-account': 'acme' } }
    t.equal((await call('GET', '/v1/jobs', asAcme)).status, 200)
    t.match(engine.calls.at(-1)!.arguments[0], { kind: 'account', account: 'acme' })
    const asNobody = { key: adminKey, headers: { 'trunkline-account': 'nobody' } }
    t.match(await call('GET', '/v1/jobs', asNobody), { status: 404, json: { code: 'NOT_FOUND' } })
    const wrong = await call('GET', '/v1/jobs', { key: 'wrong' })
    t.match(wrong, { status: 401, json: { code: 'UNAUTHORIZED', status: 401 } })
    t.match(wrong.headers.get('www-authenticate'), /^Bearer/)
    t.equal(wrong.headers.get('content-type'), 'application/problem+json; charset=utf-8')
  },
)

t.test('whatever is wrong is a problem with a stable code and points at the field', async (t) => {
  const { call } = await startHttp(t)
  const json = { 'content-type': 'application/json' }
  const many = Array.from({ length: 10_001 }, () => 'x')
  const cases: [string, string, object, object][] = [
    ['POST', '/v1/messages', { body: '{"to":', headers: json }, { status: 400, json: { code: 'BAD_REQUEST' } }],
    ['POST', '/v1/messages', { body: '{"__proto__":{}}', headers: json }, { status: 400 }],
    ['POST', '/v1/messages', { body: '', headers: json }, { status: 422, json: { code: 'VALIDATION' } }],
    ['POST', '/v1/messages', { body: 'a=b', headers: { 'content-type': 'text/html' } }, { status: 415 }],
    ['POST', '/v1/messages', { body: { to: 447700900123, text: 'x' } }, pointsAt('/to', 'must be string')],
    ['POST', '/v1/messages', { body: { to: '+447700900123' } }, pointsAt('/text', 'is required')],
    ['POST', '/v1/messages', { body: { to: '1', text: 'x', sendAt: 'soon' } }, pointsAt('/sendAt')],
    ['POST', '/v1/messages', { body: { messages: [] } }, pointsAt('/messages')],
    [
      'POST',
      '/v1/messages',
      { body: { messages: [{ to: '1', text: 'a' }, { to: '1' }] } },
      pointsAt('/messages/1/text'),
    ],
    ['POST', '/v1/jobs', { body: { text: 'x', columns: { to: true } } }, pointsAt('/columns/to', /string or integer/)],
    ['POST', '/v1/jobs', { body: { text: 'x', 'a/b': 1 } }, pointsAt('/a~1b')],
    ['POST', '/v1/jobs', { body: { template: 5 } }, pointsAt('/template')],
    ['POST', '/v1/jobs', { body: { text: 'x', channel: 'fax' } }, pointsAt('/channel', /one of auto, sms/)],
    ['POST', '/v1/jobs', { body: { text: 'x', columns: { keyword: 0 } } }, pointsAt('/columns/keyword')],
    ['POST', '/v1/jobs', { body: { text: 'x', review: 'true' } }, pointsAt('/review', 'must be boolean')],
    ['POST', '/v1/jobs', { body: { text: 'x', recipients: [{ to: { a: 1 } }] } }, pointsAt('/recipients/0')],
    ['POST', '/v1/jobs', { body: { text: 'x', recipients: many } }, pointsAt('/recipients')],
    ['POST', '/v1/jobs', {}, { status: 400, json: { code: 'BAD_REQUEST' } }],
    ['POST', '/v1/jobs', { body: '{"text":1}', headers: { 'content-type': 'Application/JSON' } }, pointsAt('/text')],
    ['POST', '/v1/jobs?profile=october', { body: 'a,b', headers: { 'content-type': 'text/csv' } }, { status: 404 }],
    ['POST', '/v1/jobs', { body: 'a,b', headers: { 'content-type': 'text/csv' } }, { status: 400 }],
    ['PUT', `/v1/jobs/${job.id}/recipients`, { body: {} }, { status: 415, json: { code: 'UNSUPPORTED_MEDIA' } }],
    ['PUT', '/v1/jobs/job_zz/recipients', { body: 'a,b' }, { status: 404, json: { code: 'NOT_FOUND' } }],
    ['PATCH', `/v1/jobs/${job.id}`, { body: {} }, { status: 422 }],
    ['GET', '/v1/jobs?limit=many', {}, pointsAt('/limit', 'must be integer')],
    ['GET', '/v1/jobs?limit=0', {}, pointsAt('/limit')],
    ['GET', '/v1/jobs?stat=running', {}, pointsAt('/stat')],
    ['GET', '/v1/jobs?state=gone', {}, pointsAt('/state')],
    ['GET', '/v1/jobs/..%2f', {}, { status: 404 }],
    ['GET', '/v1/jobs/%zz', {}, { status: 400 }],
    ['GET', `/v1/jobs/${'x'.repeat(500)}`, {}, { status: 404 }],
    ['GET', '/v1/jobs/job_00000002/report.csv', {}, { status: 404, json: { code: 'NOT_FOUND' } }],
    ['GET', '/nothing', {}, { status: 404, json: { code: 'NOT_FOUND' } }],
    ['GET', '/v1/jobs', { headers: { 'idempotency-key': '' } }, { status: 200 }],
    ['POST', '/v1/jobs', { body: { text: 'x' }, headers: { 'idempotency-key': 'a b' } }, { status: 400 }],
  ]
  for (const [method, path, options, expected] of cases) {
    const answer = await call(method, path, options)
    t.match(answer, expected, `${method} ${path} ${JSON.stringify(options).slice(0, 80)}: ${answer.text.slice(0, 200)}`)
    if (answer.status < 400) continue
    t.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
    t.match(answer.json, { type: /^urn:/, title: String, status: answer.status, code: String, detail: String })
  }
  const wrongMethod = await call('DELETE', '/v1/jobs')
  t.match(wrongMethod, { status: 405, json: { code: 'METHOD_NOT_ALLOWED' } })
  t.equal(wrongMethod.headers.get('allow'), 'GET, HEAD, POST')
})

function pointsAt(pointer: string, message: string | RegExp = /./): object {
  return { status: 422, json: { code: 'VALIDATION', errors: [{ pointer, message }] } }
}

t.test('a body over its limit is 413, and each route has its own', async (t) => {
  const { call } = await startHttp(t)
  const text = 'x'.repeat(1 << 20)
  const account = await call('POST', '/v1/accounts', { key: adminKey, body: { id: 'a', name: text } })
  t.match(account, { status: 413, json: { code: 'TOO_LARGE' } })
  t.equal((await call('POST', '/v1/messages', { body: { to: '1', text } })).status, 422, 'read and found too long')
})

t.test('the examples of the contract answer in exactly that shape', async (t) => {
  const { call, engine } = await startHttp(t)
  const features = { sms: true, voice: true, email: true, drop: true }
  const body = { id: 'acme', name: 'Acme', features, defaultCountry: 'GB' }
  const made = await call('POST', '/v1/accounts', { key: adminKey, body })
  t.match(made, { status: 201, json: { account, key: 'sk_shown_once' } })
  t.same(engine.calls.at(-1)!.arguments.slice(0, 2), ['acme', { name: 'Acme', features, defaultCountry: 'GB' }])

  const settings = { name: 'October', from: 'ACME', text: 'Hi ~name~', columns: { to: 'mobile' } }
  const created = await call('POST', '/v1/jobs', { body: settings })
  t.match(created, { status: 202, json: { id: job.id, state: 'receiving', settings } })
  t.same(engine.calls.at(-1)!.arguments.slice(1), [settings, null], 'no rows: an upload follows')
  t.equal(created.headers.get('location'), `/v1/jobs/${job.id}`)

  const single = await call('POST', '/v1/messages', { body: { to: '+447712345678', from: 'ACME', text: 'Hello' } })
  const accepted = { id: message.id, state: 'queued', channel: 'sms', encoding: 'gsm7', parts: 1 }
  t.same({ status: single.status, json: single.json }, { status: 202, json: { ...accepted, to: '+447712345678' } })

  const refused = await call('POST', '/v1/messages', { body: { to: '+4477000', text: 'Hello' } })
  t.match(refused, {
    status: 422,
    json: { code: 'INVALID_NUMBER', errors: [{ pointer: '/to', message: 'not a number' }] },
  })

  const messages = [
    { to: '+447712345678', text: 'a' },
    { to: '+4477000', text: 'b' },
  ]
  const batch = await call('POST', '/v1/messages', { body: { messages } })
  t.equal(batch.status, 202)
  t.match(batch.json.items, [
    accepted,
    { id: null, state: 'rejected', code: 'INVALID_NUMBER', message: 'not a number' },
  ])

  const dry = await call('POST', '/v1/messages', { body: { messages, dryRun: true } })
  const { file: _file, ...answer } = preview
  const rows = messages.map(({ to }, index) => ({ ...previewRow, row: index + 1, to }))
  t.same(dry, { ...dry, status: 200, json: { ...answer, rows } })
})

t.test('answers carry every field of what the engine returned: the schemas lose none', async (t) => {
  const { call } = await startHttp(t)
  const admin = { key: adminKey }
  t.same((await call('GET', `/v1/jobs/${job.id}`)).json, job)
  t.same((await call('GET', '/v1/jobs')).json, { items: [job], nextCursor: 'next' })
  t.same((await call('GET', `/v1/jobs/${job.id}/preview`)).json, preview)
  t.same((await call('GET', `/v1/messages/${message.id}`)).json, message)
  t.same((await call('GET', '/v1/explain?to=+447700900123&text=x')).json, explanation)
  t.same((await call('GET', `/v1/jobs/${job.id}/messages?state=sent&limit=2`)).json.items, [message])
  t.same((await call('GET', '/v1/accounts/acme', admin)).json, account)
  t.same((await call('GET', '/v1/carriers', admin)).json.items, [carrier])
  t.same((await call('PATCH', '/v1/carriers/acme', { ...admin, body: { paused: true } })).json, carrier)
  t.same((await call('POST', '/v1/accounts/acme/keys', admin)).json, { ...apiKey, id: 'k2', key: 'sk_shown_once' })
  t.equal((await call('DELETE', '/v1/accounts/acme/keys/k2', admin)).status, 204)
  t.equal((await call('DELETE', '/v1/accounts/acme', admin)).status, 204)
})

t.test('inline recipients may be numbers or objects, and a job is steered by its verbs', async (t) => {
  const { call, engine } = await startHttp(t)
  const recipients = ['+447700900123', { mobile: '+447700900124', name: null, age: 3 }]
  await call('POST', '/v1/jobs', { body: { text: 'x', columns: { to: 'mobile' }, recipients } })
  t.same(engine.calls.at(-1)!.arguments[2], recipients, 'the engine makes rows of them')
  const json = { 'content-type': 'application/json' }
  for (const verb of ['start', 'pause', 'resume', 'cancel']) {
    t.equal((await call('POST', `/v1/jobs/${job.id}/${verb}`, { body: '', headers: json })).status, 200)
    t.equal(engine.calls.at(-1)!.verb, `${verb}Job`)
  }
  await call('PATCH', `/v1/jobs/${job.id}`, { body: { ratePerSecond: null, priority: 'low' } })
  t.same(engine.calls.at(-1)!.arguments[2], { ratePerSecond: null, priority: 'low' })
})

t.test('a plus sign in a query means a plus sign, and no log line holds a whole number or a text', async (t) => {
  const { call, engine, log } = await startHttp(t)
  await call('GET', '/v1/messages?to=+447700900123&since=2026-11-22T09:00:00%2B00:00')
  const query = { limit: 50, to: '+447700900123', since: '2026-11-22T09:00:00+00:00' }
  t.same(engine.calls.at(-1)!.arguments[1], query)
  await call('GET', '/v1/contacts/+447700900123')
  await call('POST', '/v1/messages', { body: { to: '+447700900123', text: 'planted text' } })
  await call('GET', '/v1/explain?to=07700%20900%20123&from=%EF%BC%90%EF%BC%97%EF%BC%97%EF%BC%90%EF%BC%90900123')
  t.equal(log.lines.length, 4)
  t.notMatch(log.lines.join('\n'), /7700 ?900 ?123|０７７００900123|planted|account-key/)
  t.match(log.lines[0], /"route":"\/v1\/messages".*"status":200.*"account":"acme"/)
})

t.test('one key over its limit waits as long as Retry-After says, and no other key with it', async (t) => {
  let nowMs = 0
  const clock = { now: () => 0, monotonic: () => nowMs }
  const { call } = await startHttp(t, { clock, requestsPerSecond: 3 })
  const statuses = []
  for (let request = 0; request < 4; request++) statuses.push((await call('GET', '/v1/jobs')).status)
  t.same(statuses, [200, 200, 200, 429])
  const limited = await call('GET', '/v1/jobs')
  t.match(limited.json, { code: 'RATE_LIMITED' })
  t.equal(limited.headers.get('retry-after'), '1')
  t.equal((await call('GET', '/v1/jobs', { key: `${accountKey}-2` })).status, 200)
  t.equal((await call('GET', '/healthz', { key: null })).status, 200)
  nowMs = 1000
  t.equal((await call('GET', '/v1/jobs')).status, 200)
})

t.test('wrong keys from one address are slowed down, and good ones from there are not', async (t) => {
  const clock = { now: () => 0, monotonic: () => 0 }
  const { call } = await startHttp(t, { clock })
  for (let guess = 0; guess < 50; guess++) await call('GET', '/v1/jobs', { key: `guess-${guess}` })
  t.match(await call('GET', '/v1/jobs', { key: 'guess' }), { status: 429, json: { code: 'RATE_LIMITED' } })
  t.equal((await call('GET', '/v1/jobs')).status, 200)
  t.equal((await call('GET', '/v1/jobs', { key: null })).status, 401, 'no key is no guess')
})

t.test('an address is limited as well, an IPv6 one with its whole /64, as a trusted proxy names it', async (t) => {
  const clock = { now: () => 0, monotonic: () => 0 }
  const { call } = await startHttp(t, {
    clock,
    requestsPerSecond: 1,
    yaml: 'http: { port: 0, trustedProxies: [loopback] }',
  })
  const from = async (ip: string) =>
    (await call('GET', '/openapi.json', { key: null, headers: { 'x-forwarded-for': ip } })).status
  const statuses = []
  for (let host = 1; host <= 5; host++) statuses.push(await from(`2001:db8:0:1::${host}`))
  t.same(statuses, [200, 200, 200, 200, 429])
  t.same([await from('2001:db8:0:2::1'), await from('192.0.2.1')], [200, 200])
})

t.test('without a trusted proxy nobody can say that it is somebody else', async (t) => {
  const clock = { now: () => 0, monotonic: () => 0 }
  const { call } = await startHttp(t, { clock, requestsPerSecond: 1 })
  const from = async (ip: string) =>
    (await call('GET', '/openapi.json', { key: null, headers: { 'x-forwarded-for': ip } })).status
  const statuses = []
  for (let host = 1; host <= 5; host++) statuses.push(await from(`192.0.2.${host}`))
  t.same(statuses, [200, 200, 200, 200, 429])
})

t.test('the same Idempotency-Key replays the answer, and another body under it is refused', async (t) => {
  const { call, engine } = await startHttp(t)
  const headers = { 'idempotency-key': 'order-1' }
  const body = { to: '+447712345678', text: 'Hello' }
  const first = await call('POST', '/v1/messages', { body, headers })
  const second = await call('POST', '/v1/messages', { body, headers })
  t.equal(first.headers.get('idempotent-replay'), null)
  t.equal(second.headers.get('idempotent-replay'), 'true')
  t.same(second.json, first.json)
  t.equal(engine.calls.filter(({ verb }) => verb === 'submit').length, 1)
  const other = await call('POST', '/v1/messages', { body: { ...body, text: 'Bye' }, headers })
  t.match(other, { status: 422, json: { code: 'IDEMPOTENCY_MISMATCH' } })
})

t.test('an error of ours says only where to look in the log', async (t) => {
  const { call, engine, log } = await startHttp(t)
  engine.readiness = () => {
    throw new Error('secret detail')
  }
  const { status, json } = await call('GET', '/readyz')
  t.match({ status, json }, { status: 500, json: { code: 'INTERNAL', requestId: /^req_/ } })
  t.notMatch(JSON.stringify(json), /secret/)
  t.ok(log.lines.some((line) => line.includes(json.requestId) && line.includes('request failed')))
})

t.test('health, readiness and metrics need no key, and not ready is 503', async (t) => {
  const { call, engine } = await startHttp(t)
  t.match(await call('GET', '/healthz', { key: null }), { status: 200, json: { status: 'ok' } })
  t.match(await call('GET', '/metrics', { key: null }), { status: 200, text: /trunkline_rows_total/ })
  t.match(await call('GET', '/readyz', { key: null }), { status: 200, json: { ready: true } })
  engine.ready = false
  t.match(await call('GET', '/readyz', { key: null }), { status: 503, json: { ready: false, checks: [{ ok: false }] } })
})

t.test('metrics move to a listener of their own where the configuration says so', async (t) => {
  const { call, server } = await startHttp(t, { yaml: 'http: { port: 0, metrics: { port: 0 } }' })
  t.equal((await call('GET', '/metrics')).status, 404)
  const metrics = await fetch(`${server.metricsUrl}/metrics`)
  t.match(await metrics.text(), /trunkline_rows_total/)
  t.equal((await fetch(`${server.metricsUrl}/v1/jobs`)).status, 404)
})

t.test('the documentation page loads nothing from elsewhere', async (t) => {
  const { call } = await startHttp(t)
  const page = await call('GET', '/docs/', { key: null })
  t.equal(page.status, 200)
  const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url!)
  t.ok(loaded.length > 3)
  for (const url of loaded) {
    const { pathname } = new URL(url, 'http://here/docs/')
    t.equal(new URL(url, 'http://here/docs/').host, 'here', url)
    t.equal((await call('GET', pathname, { key: null })).status, 200, pathname)
  }
})
