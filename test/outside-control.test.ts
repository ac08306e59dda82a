/**
 * The control plane as a stranger integrates it, with the OpenAPI document in hand: whatever a route answers has the shape
 * that the document promises, field by field, and a request that is sent again does nothing twice. The real engine over HTTP.
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const folder = mkdtempSync(join(tmpdir(), 'trunkline-outside-control-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const admin = 'admin-key-of-this-test'
const config = parseConfig(
  JSON.stringify({
    dataDir: folder,
    http: { port: 0, adminKey: admin },
    carriers: [{ id: 'sim', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'trunk', password: 'secret' }],
    webhooks: { allowPrivateAddresses: true },
  }),
  { name: 'test', folder, env: {} },
)
const server = await startServer(config, { log: silentLog, exit: (code) => t.fail(`stopped with ${code}`) })
const receiver = createServer((request, response) => request.resume().on('end', () => response.end()))
await once(receiver.listen(0, '127.0.0.1'), 'listening')
const hook = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
t.teardown(async () => {
  receiver.closeAllConnections()
  receiver.close()
  await server.stop()
  await smsc.close()
  rmSync(folder, { recursive: true })
})

interface Schema {
  $ref?: string
  type?: string | string[]
  enum?: unknown[]
  required?: string[]
  properties?: Record<string, Schema>
  additionalProperties?: boolean | Schema
  items?: Schema
  anyOf?: Schema[]
}
interface Described {
  $ref?: string
  content?: Record<string, { schema?: Schema }>
}
type Operations = Record<string, { responses: Record<string, Described> }>

const { json: document } = await send(`${server.url}/openapi.json`, 'GET', {})

function resolved<T extends { $ref?: string }>(node: T): T {
  if (node.$ref === undefined) return node
  return node.$ref
    .slice(2)
    .split('/')
    .reduce((place, key) => place[key], document)
}

/** What of `value` does not fit, with the place; as much of JSON Schema as answers use. */
function misfits(value: unknown, written: Schema, at: string): string[] {
  const schema = resolved(written)
  if (schema.anyOf?.every((one) => misfits(value, one, at).length > 0)) return [`${at}: none of anyOf`]
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at}: ${value} is none of ${schema.enum}`]
  const types = schema.type === undefined ? [] : [schema.type].flat()
  if (types.length > 0 && !types.some((type) => isOf(value, type))) return [`${at}: ${value} is no ${types}`]
  if (Array.isArray(value)) return value.flatMap((item, index) => misfits(item, schema.items ?? {}, `${at}/${index}`))
  return value !== null && typeof value === 'object' ? misfitsOfObject(value, schema, at) : []
}

function misfitsOfObject(value: object, { properties = {}, required = [], ...rest }: Schema, at: string): string[] {
  const missing = required.filter((key) => !(key in value)).map((key) => `${at}/${key}: is missing`)
  const others = rest.additionalProperties
  const wrong = Object.entries(value).flatMap(([key, member]) => {
    const schema = properties[key] ?? (typeof others === 'object' ? others : undefined)
    if (schema !== undefined) return misfits(member, schema, `${at}/${key}`)
    return others === false ? [`${at}/${key}: is not declared`] : []
  })
  return [...missing, ...wrong]
}

function isOf(value: unknown, type: string): boolean {
  if (value === null || type === 'null') return value === null && type === 'null'
  if (Array.isArray(value) || type === 'array') return Array.isArray(value) && type === 'array'
  return type === 'integer' ? Number.isInteger(value) : typeof value === type
}

/** What of an answer its route does not declare: status, type of content, or a field. */
function undeclared(method: string, path: string, answer: Answer): string[] {
  const at = `${method} ${path} ${answer.status}`
  const plain = path.split('?')[0]!.split('/')
  const fits = (pieces: string[]): boolean =>
    pieces.length === plain.length && pieces.every((piece, i) => piece.startsWith('{') || piece === plain[i])
  const found = Object.keys(document.paths).filter((one) => fits(one.split('/')))
  // A route without a parameter goes before one that has it there.
  const [nearest] = found.sort((a, b) => a.split('{').length - b.split('{').length)
  const { responses = {} } = (document.paths[nearest!] as Operations)[method.toLowerCase()] ?? {}
  const described = responses[answer.status] ?? responses[`${Math.floor(answer.status / 100)}XX`]
  if (described === undefined) return [`${at}: is not declared`]
  const type = answer.headers.get('content-type')?.split(';')[0]
  if (type === undefined) return []
  const content = resolved(described).content?.[type]
  if (content === undefined) return [`${at}: ${type} is not declared`]
  return /[/+]json$/.test(type) ? misfits(answer.json, content.schema ?? {}, at) : []
}

const wrong: string[] = []
async function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  const answer = await send(server.url + path, method, { key: acme, ...options })
  wrong.push(...undeclared(method, path, answer))
  return answer
}

let acme = ''
t.before(async () => {
  const body = { id: 'acme', defaultCountry: 'GB', inbound: { numbers: ['60099'] } }
  acme = (await call('POST', '/v1/accounts', { key: admin, body })).json.key
})

t.test('what the routes answer is what the OpenAPI document promises, also where nothing is there yet', async (t) => {
  const put = (path: string, body: unknown) => call('PUT', path, { body })
  const post = (path: string, body?: unknown, headers = {}) => call('POST', path, { body, headers })
  await put('/v1/webhooks/main', { url: hook })
  await put('/v1/webhooks/main', { url: hook, disabled: true })
  await put('/v1/templates/welcome', { text: 'Hi ~name|there~', keyword: '#001' })
  await put('/v1/profiles/october', { from: '60099', text: 'Hi' })
  await put('/v1/contacts/07712345671', { attributes: { age: 44 }, tags: ['vip'], optIn: { sms: { state: 'in' } } })
  await put('/v1/suppressions/07712345672', { note: 'by telephone' })
  const message = await post('/v1/messages', { to: '07712345673', from: '60099', text: 'Can you come?' })
  await post('/v1/messages', {
    messages: [
      { to: '07712345673', text: 'x' },
      { to: '12', text: 'x' },
    ],
  })
  await post('/v1/messages', { dryRun: true, to: '07712345673', text: 'x' })
  const later = { from: '60099', text: 'x', sendAt: '2099-01-01T00:00:00Z' }
  const job = await post('/v1/jobs', { ...later, recipients: ['07712345673', '07712345672', '12', '07712345673'] })
  await smsc.subscribers.send({ from: '447712345673', to: '60099', text: 'Yes, at five' })
  await smsc.subscribers.send({ from: '447712345674', to: '60099', text: 'STOP' })
  while ((await call('GET', '/v1/inbound')).json.items.length < 2);

  const { id } = message.json
  const made = `/v1/jobs/${job.json.id}`
  for (const path of ['webhooks', 'webhooks/main', 'templates', 'templates/welcome', 'profiles', 'profiles/october']) {
    await call('GET', `/v1/${path}`)
  }
  for (const path of [
    'contacts',
    'contacts/07712345671',
    'tags',
    'contacts/attributes',
    'imports',
    'balance',
    'audit',
  ]) {
    await call('GET', `/v1/${path}`)
  }
  for (const format of ['csv', 'ndjson']) await call('GET', `/v1/contacts/export?format=${format}`)
  for (const path of [
    'suppressions',
    'suppressions?format=csv',
    'suppressions/07712345672',
    'messages',
    'messages.csv',
  ]) {
    await call('GET', `/v1/${path}`)
  }
  for (const path of [
    `messages/${id}`,
    `messages/${id}/explain`,
    'messages.ndjson',
    'explain?text=x',
    'explain?to=12',
  ]) {
    await call('GET', `/v1/${path}`)
  }
  for (const by of ['day', 'country', 'channel', 'account', 'day,country,channel']) {
    await call('GET', `/v1/usage?by=${by}`)
    await call('GET', `/v1/usage?by=${by}`, { key: admin })
  }
  for (const path of ['', '/preview', '/messages', '/rejects.csv', '/report.csv', '/report.ndjson', '/summary']) {
    await call('GET', made + path)
  }
  for (const path of ['jobs', 'jobs?state=running', 'inbound', 'jobs/job_0000zzzz', 'messages?state=none']) {
    await call('GET', `/v1/${path}`)
  }
  for (const path of ['accounts', 'accounts/acme', 'carriers', 'audit/chain', 'webhooks', 'suppressions', 'jobs']) {
    await call('GET', `/v1/${path}`, { key: admin })
  }
  for (const what of ['pause', 'resume', 'cancel', 'retry']) await post(`${made}/${what}`)
  t.same(wrong, [])
})

t.test(
  'a file of suppressions that is sent again with its Idempotency-Key is answered again; another file is refused',
  async (t) => {
    const file = (body: string) => {
      const headers = { 'content-type': 'text/csv', 'idempotency-key': 'do-not-call' }
      return call('POST', '/v1/suppressions', { body, headers })
    }
    const first = await file('phone\n07712345681\n')
    t.match(first, { status: 200, json: { added: 1, known: 0 } })
    t.equal(first.headers.get('idempotent-replay'), null)
    const again = await file('phone\n07712345681\n')
    t.same(again.json, first.json)
    t.equal(again.headers.get('idempotent-replay'), 'true')
    t.match(await file('phone\n07712345682\n'), { status: 422, json: { code: 'IDEMPOTENCY_MISMATCH' } })
    t.match(await call('GET', '/v1/suppressions/07712345682'), { status: 404 })
  },
)

t.test('null takes the time of a job away, and it goes at once', async (t) => {
  const body = { from: '60099', text: 'x', sendAt: '2099-01-01T00:00:00Z', recipients: ['07712345691'] }
  const { json } = await call('POST', '/v1/jobs', { body })
  const job = `/v1/jobs/${json.id}`
  t.match(await call('GET', job), { json: { state: 'scheduled', counts: { scheduled: 1 } } })
  const changed = await call('PATCH', job, { body: { sendAt: null } })
  t.match(changed, { status: 200, json: { state: 'running', counts: { scheduled: 0 } } })
  t.notHas(changed.json.settings, { sendAt: '' })
  let ended = changed
  while (ended.json.state !== 'finished') ended = await call('GET', job)
  t.match(ended.json.counts, { accepted: 1, delivered: 1 })
})

t.test('the history of a message that no carrier refused says why we gave it up', async (t) => {
  const body = { from: '60099', text: 'x', sendAt: '2099-01-01T00:00:00Z', recipients: ['07712345692'] }
  const job = `/v1/jobs/${(await call('POST', '/v1/jobs', { body })).json.id}`
  await call('PUT', '/v1/suppressions/07712345692', { body: {} })
  let ended = await call('PATCH', job, { body: { sendAt: null } })
  while (ended.json.state !== 'finished') ended = await call('GET', job)
  const { json } = await call('GET', `${job}/messages`)
  t.match(json.items, [{ state: 'failed', reason: 'SUPPRESSED', history: [{ event: 'failed', reason: 'SUPPRESSED' }] }])
  t.same(wrong, [])
})
