/**
 * What an attacker tries from outside, on the real engine over HTTP: names that a runtime takes for its own, heads that are too
 * large, features that were switched off in between, spellings that look the same.
 */
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { type Log, silentLog } from '../src/engine/contract/log.js'
import { Documents } from '../src/engine/store/documents.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { type RunningServer, startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const admin = 'admin-key-of-this-test'
const folder = mkdtempSync(join(tmpdir(), 'trunkline-outside-security-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const carrier = `{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: a, password: b }`
const yaml = `{ dataDir: ${folder}, http: { port: 0, adminKey: ${admin} }, carriers: [${carrier}] }`
const config = parseConfig(yaml, { name: 'test', folder, env: {} })
const lines: string[] = []
const note = (fields: object, text: string) => lines.push(`${JSON.stringify(fields)} ${text}`)
const log: Log = { debug: note, info: note, warn: note, error: note }
const start = () => startServer(config, { log, exit: (code) => t.fail(`the engine stopped with ${code}`) })
let server: RunningServer = await start()
t.teardown(async () => {
  await server.stop()
  await smsc.close()
  rmSync(folder, { recursive: true })
})

const mobile = '+447712345678'

function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  return send(server.url + path, method, { key: admin, ...options })
}

async function account(id: string, settings: object = {}): Promise<string> {
  const made = await call('POST', '/v1/accounts', { body: { id, defaultCountry: 'GB', ...settings } })
  if (made.status !== 201) throw new Error(made.text)
  return made.json.key
}

const csv = { 'content-type': 'text/csv' }

t.test('a file whose header has the names of a runtime is read as any other, also after a restart', async (t) => {
  const key = await account('names')
  const text = '~__proto__~ ~constructor~ ~toString~'
  const { id } = (await call('POST', '/v1/jobs', { key, body: { text, review: true } })).json
  const file = `to,__proto__,constructor,toString\n${mobile},a,b,c\n`
  const uploaded = await call('PUT', `/v1/jobs/${id}/recipients`, { key, body: file, headers: csv })
  t.equal(uploaded.status, 202, uploaded.text)
  const before = await call('GET', `/v1/jobs/${id}`, { key })
  await server.stop()
  server = await start()
  const after = await call('GET', `/v1/jobs/${id}`, { key })
  t.equal(after.text, before.text)
  const preview = await call('GET', `/v1/jobs/${id}/preview`, { key })
  t.match(preview.json, { rows: [{ text: 'a b c', reason: null }] }, preview.text)
  t.equal((await call('GET', '/v1/jobs', { key })).json.items.length, 1)
})

t.test('settings in a form are refused a key __proto__, as those in JSON, and nothing of them stays', async (t) => {
  const key = await account('forms')
  const form = (job: string) =>
    `--B\r\nContent-Disposition: form-data; name="job"\r\n\r\n${job}\r\n--B\r\nContent-Disposition: form-data; ` +
    `name="file"; filename="a.csv"\r\n\r\nto\n${mobile}\r\n--B--\r\n`
  const headers = { 'content-type': 'multipart/form-data; boundary=B' }
  for (const fields of ['{"__proto__":"to"}', '{"\\u005f_proto__":"to"}']) {
    const body = form(`{"text":"x","columns":{"fields":${fields}}}`)
    t.match(await call('POST', '/v1/jobs', { key, body, headers }), { status: 400, json: { code: 'BAD_REQUEST' } })
  }
  t.same((await call('GET', '/v1/jobs', { key })).json.items, [])
  const fine = await call('POST', '/v1/jobs', { key, body: form('{"text":"x"}'), headers })
  t.equal(fine.status, 202, fine.text)
})

t.test('the store gives back what it was given, whatever the keys are called', async (t) => {
  const place = mkdtempSync(join(tmpdir(), 'trunkline-documents-'))
  const documents = new Documents(place)
  t.teardown(async () => {
    await documents.close()
    rmSync(place, { recursive: true })
  })
  const odd = JSON.parse(
    '{"__proto__":1,"constructor":{"prototype":{"__proto__":[{"__proto__":"__proto__"}]}},"a":"__proto__"}',
  )
  await documents.put('things', ['one'], { odd, octets: Buffer.from('__proto__') })
  const read = documents.get<{ odd: object; octets: Uint8Array }>('things', ['one'])!
  t.equal(JSON.stringify(read.odd), JSON.stringify(odd))
  t.equal(Buffer.from(read.octets).toString(), '__proto__')
  t.equal(Object.getPrototypeOf(read.odd), Object.prototype)
  t.equal(JSON.stringify(documents.list('things')[0]!.value), JSON.stringify(read))
})

t.test(
  'a feature that is switched off after a job was made stops its file, its start and its resumption',
  async (t) => {
    const key = await account('switched')
    const make = async (body: object) => (await call('POST', '/v1/jobs', { key, body: { text: 'x', ...body } })).json.id
    const empty = await make({})
    const draft = await make({ review: true, recipients: [mobile] })
    const waiting = await make({ sendAt: new Date(Date.now() + 3_600_000).toISOString(), recipients: [mobile] })
    t.equal((await call('POST', `/v1/jobs/${waiting}/pause`, { key })).status, 200)
    const steps: [string, string, CallOptions][] = [
      ['PUT', `/v1/jobs/${empty}/recipients`, { body: `to\n${mobile}\n`, headers: csv }],
      ['POST', `/v1/jobs/${draft}/start`, {}],
      ['POST', `/v1/jobs/${waiting}/resume`, {}],
    ]
    await call('PATCH', '/v1/accounts/switched', { body: { features: { sms: false } } })
    for (const [method, path, options] of steps) {
      const refused = await call(method, path, { key, ...options })
      t.match(refused, { status: 403, json: { code: 'FEATURE_OFF' } }, `${method} ${path} ${refused.text}`)
    }
    await call('PATCH', '/v1/accounts/switched', { body: { features: { sms: true } } })
    for (const [method, path, options] of steps) {
      const taken = await call(method, path, { key, ...options })
      t.ok(taken.status < 300, `${method} ${path} ${taken.text}`)
    }
  },
)

t.test('half a character is no name', async (t) => {
  const key = await account('halves')
  await call('PUT', '/v1/templates/one', { key, body: { text: 'x' } })
  const copied = await call('POST', '/v1/templates/one/copy', { key, body: '{"name":"\\ud800"}', headers: json })
  t.match(copied, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer: '/name' }] } })
})

const json = { 'content-type': 'application/json' }

t.test('an opt-out from one sender holds for every spelling that a phone shows alike', async (t) => {
  const key = await account('spellings', { optOut: { scope: 'sender' } })
  const path = `/v1/suppressions/${encodeURIComponent(mobile)}`
  t.equal((await call('PUT', path, { key, body: { sender: 'ACME' } })).status, 200)
  for (const from of ['ACME', 'acme', ' ACME', 'ACME ', '  Acme  ']) {
    const answer = await call('POST', '/v1/messages', { key, body: { to: mobile, from, text: 'x' } })
    t.match(answer.json, { code: 'SUPPRESSED' }, JSON.stringify(from))
  }
  const other = await call('POST', '/v1/messages', { key, body: { to: mobile, from: 'ACME2', text: 'x' } })
  t.equal(other.status, 202, other.text)
})

t.test('answers are kept by nobody on the way and taken for nothing else', async (t) => {
  const key = await account('headers')
  for (const [path, who] of [
    ['/v1/jobs', key],
    ['/v1/jobs', 'none'],
    ['/v1/jobs/job_0', key],
    ['/nothing', key],
  ] as const) {
    const { headers } = await call('GET', path, { key: who })
    t.equal(headers.get('cache-control'), 'no-store', path)
    t.equal(headers.get('x-content-type-options'), 'nosniff', path)
  }
  t.equal((await call('GET', '/healthz', { key: null })).headers.get('x-content-type-options'), 'nosniff')
})

t.test('the page of the documentation works by plain HTTP and asks nobody else', async (t) => {
  const { headers } = await call('GET', '/docs', { key: null })
  const policy = headers.get('content-security-policy')!
  t.notMatch(policy, /upgrade-insecure-requests|https:|swagger\.io/)
  t.match(policy, /script-src 'self';/)
})

t.test('a head that is too large is told so', async (t) => {
  const { hostname, port } = new URL(server.url)
  const answer = await new Promise<string>((resolve, reject) => {
    let text = ''
    const socket = connect(Number(port), hostname)
    socket.on('data', (octets) => (text += octets)).on('error', reject)
    socket.on('close', () => resolve(text))
    socket.write(`GET /healthz HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(70_000)}`)
  })
  t.match(answer, /^HTTP\/1\.1 431 .*"status":431,"code":"BAD_REQUEST"/s)
})

t.test('secrets of the data directory are their owner’s alone, also when a copy was not', async (t) => {
  const secret = join(folder, 'secret.key')
  chmodSync(secret, 0o644)
  await server.stop()
  server = await start()
  t.equal(statSync(secret).mode & 0o777, 0o600)
  t.match(lines.join('\n'), /secret\.key.*others could read this secret/)
})

t.test('the log has no number and no key, in whatever place of a query they stand', async (t) => {
  const key = await account('logged')
  const number = '447712399887'
  for (const query of [
    `${number}=1`,
    key,
    `cursor=${key}`,
    `prefix=${number}`,
    `since=${number}`,
    `key=${key}`,
    `a%2B${number}`,
  ]) {
    await call('GET', `/v1/jobs?${query}`, { key })
    await call('GET', `/nothing?${query}`, { key })
  }
  const written = lines.join('\n')
  t.match(written, /"cursor"/)
  for (const planted of [number, '7712399887', key, key.slice(22)]) t.notOk(written.includes(planted), planted)
})
