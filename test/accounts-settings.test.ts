/**
 * What an admin sets for an account holds on every way of sending: channels that are switched off, the list of senders, and
 * suspension, which stops what runs within a second. Over HTTP on the real engine with a simulated carrier.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { type RunningServer, startServer } from '../src/start.js'
import { csvOf } from './engine-harness.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const admin = 'admin-key-of-this-test'
const folder = mkdtempSync(join(tmpdir(), 'trunkline-settings-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0, countRepeats: true }, silentLog)
const { port } = await smsc.listen()
const carrier = `{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: a, password: b, ratePerSecond: 400 }`
const yaml = `
dataDir: ${folder}
http: { port: 0, adminKey: ${admin} }
carriers: [${carrier}]
routes: [{ carriers: [sim] }]
`
const config = parseConfig(yaml, { name: 'test', folder, env: {} })
const start = () => startServer(config, { log: silentLog, exit: (code) => t.fail(`the engine stopped with ${code}`) })
let server: RunningServer = await start()
t.teardown(async () => {
  await server.stop()
  await smsc.close()
  rmSync(folder, { recursive: true })
})

function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  return send(server.url + path, method, { key: admin, ...options })
}

async function account(id: string, settings: object): Promise<string> {
  const made = await call('POST', '/v1/accounts', { body: { id, defaultCountry: 'GB', ...settings } })
  if (made.status !== 201) throw new Error(made.text)
  return made.json.key
}

async function until<T>(look: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look()
    if (isDone(value)) return value
  }
}

const mobile = '+447712345678'
const landline = '+442079460000'

t.test('a call that needs a channel which is switched off is refused with FEATURE_OFF', async (t) => {
  const key = await account('channels', { features: { sms: false, voice: true, email: false } })
  const refused = { status: 403, json: { code: 'FEATURE_OFF' } }
  for (const body of [
    { to: mobile, text: 'x' },
    { to: mobile, text: 'x', channel: 'sms' },
    { to: mobile, text: 'x', dryRun: true },
    { messages: [{ to: mobile, text: 'x' }] },
  ]) {
    t.match(await call('POST', '/v1/messages', { key, body }), refused, JSON.stringify(body))
  }
  t.match(await call('POST', '/v1/jobs', { key, body: { text: 'x' } }), refused)
  t.match(await call('POST', '/v1/jobs', { key, body: { text: 'x', recipients: [mobile] } }), refused)
  t.match(await call('GET', `/v1/explain?to=${encodeURIComponent(mobile)}`, { key }), {
    json: { problems: [{ code: 'FEATURE_OFF' }] },
  })
  // One of the batch needs voice, which is on (and has no carrier here): each message gets its own answer.
  const messages = [mobile, landline].map((to) => ({ to, text: 'x' }))
  const batch = await call('POST', '/v1/messages', { key, body: { messages } })
  t.match(batch, { status: 202, json: { items: [{ code: 'FEATURE_OFF' }, { code: 'NO_ROUTE' }] } }, batch.text)
})

t.test('a row that needs a channel which is switched off is rejected, and the others go', async (t) => {
  const key = await account('rows', { features: { voice: false } })
  const recipients = [mobile, landline]
  const made = await call('POST', '/v1/jobs', { key, body: { text: 'Hello', from: 'ACME', recipients } })
  t.match(made, { status: 202, json: { rejectedByReason: { FEATURE_OFF: 1 } } }, made.text)
  t.match((await call('POST', '/v1/messages', { key, body: { to: landline, text: 'x' } })).json, {
    code: 'FEATURE_OFF',
  })
})

t.test('only senders on the list are sent as, and its first one where none is named', async (t) => {
  const key = await account('senders', { senders: ['ACME', '+447700900001'] })
  const message = async (from?: string) => {
    const answer = await call('POST', '/v1/messages', { key, body: { to: mobile, text: 'x', from } })
    if (answer.status !== 202) return answer.json
    return (await call('GET', `/v1/messages/${answer.json.id}`, { key })).json
  }
  t.match(await message(), { from: 'ACME' })
  t.match(await message('ACME'), { from: 'ACME' })
  t.match(await message('447700900001'), { from: '447700900001' }, 'with and without +')
  for (const from of ['acme', 'ACME2', '447700900002']) {
    t.match(await message(from), { status: 422, code: 'SENDER_NOT_ALLOWED', errors: [{ pointer: '/from' }] }, from)
  }
  t.match(await message('not a sender at all'), { code: 'INVALID_SENDER' })

  const job = await call('POST', '/v1/jobs', { key, body: { text: 'x', from: 'OTHER' } })
  t.match(job, { status: 422, json: { code: 'SENDER_NOT_ALLOWED', errors: [{ pointer: '/from' }] } }, job.text)
  t.match((await call('POST', '/v1/jobs', { key, body: { text: 'x' } })).json, { settings: { from: 'ACME' } })
  const batch = [
    { to: mobile, text: 'x', from: 'OTHER' },
    { to: mobile, text: 'x' },
  ]
  const answer = await call('POST', '/v1/messages', { key, body: { messages: batch } })
  t.match(answer.json.items, [{ id: null, code: 'SENDER_NOT_ALLOWED' }, { id: String }])

  const wrong = await call('PATCH', '/v1/accounts/senders', { body: { senders: ['ACME', 'far too long for one'] } })
  t.match(wrong, { status: 422, json: { errors: [{ pointer: '/senders/1' }] } }, wrong.text)
  await call('PATCH', '/v1/accounts/senders', { body: { senders: [] } })
  t.match(await message('OTHER'), { from: 'OTHER' }, 'an empty list allows every sender')
})

t.test('weight is from 1 to 1000, in the schema as in the engine', async (t) => {
  for (const [weight, status] of [
    [0.5, 422],
    [1, 200],
    [2.5, 200],
    [1000, 200],
    [1001, 422],
  ] as const) {
    t.equal((await call('PATCH', '/v1/accounts/senders', { body: { weight } })).status, status, String(weight))
  }
})

t.test('a suspended account sends nothing more within a second, over a restart, until that is lifted', async (t) => {
  const key = await account('killed', {})
  const rows = 2_000
  const { id } = (await call('POST', '/v1/jobs', { key, body: { text: 'Hi ~name~', from: 'ACME' } })).json
  await call('PUT', `/v1/jobs/${id}/recipients`, {
    key,
    body: csvOf(rows).toString(),
    headers: { 'content-type': 'text/csv' },
  })
  const counts = async () => (await call('GET', `/v1/jobs/${id}`, { key })).json.counts
  await until(counts, ({ delivered, sent }) => delivered + sent > 20)
  const suspended = await call('PATCH', '/v1/accounts/killed', { body: { suspended: true } })
  t.match(suspended, { status: 200, json: { suspended: true } }, suspended.text)
  // The dispatcher hears of things in order: once another account's message is through, the suspension holds.
  const other = await account('alive', {})
  const passes = async () => {
    const { id } = (await call('POST', '/v1/messages', { key: other, body: { to: mobile, text: 'x', from: 'A' } })).json
    await until(
      () => call('GET', `/v1/messages/${id}`, { key: other }),
      ({ json }) => json.state === 'delivered',
    )
  }
  await passes()
  await until(counts, ({ sending }) => sending === 0)
  let received = smsc.stats().submits
  await passes()
  t.equal(smsc.stats().submits, received + 1, 'nothing of the suspended account reaches the carrier')
  t.ok((await counts()).queued > 0, 'it was stopped in the middle')

  const refused = { status: 403, json: { code: 'ACCOUNT_SUSPENDED', detail: /suspended/ } }
  const body = { to: mobile, text: 'x' }
  t.match(await call('POST', '/v1/messages', { key, body }), refused)
  t.match(await call('POST', '/v1/messages', { headers: { 'trunkline-account': 'killed' }, body }), refused)
  t.match(await call('POST', '/v1/jobs', { key, body: { text: 'x' } }), refused)
  t.match(await call('POST', `/v1/jobs/${id}/resume`, { key }), refused)
  t.equal((await call('GET', `/v1/jobs/${id}`, { key })).status, 200, 'looking is allowed')

  await server.stop()
  server = await start()
  received = smsc.stats().submits
  await passes()
  t.equal(smsc.stats().submits, received + 1, 'nor after a restart')
  t.ok((await counts()).queued > 0)

  await call('PATCH', '/v1/accounts/killed', { body: { suspended: false } })
  const done = await until(counts, ({ delivered }) => delivered === rows)
  t.match(done, { accepted: rows, queued: 0, delivered: rows })
})

t.test('a deleted account has its jobs canceled and its keys dead', async (t) => {
  const key = await account('gone', {})
  const { id } = (await call('POST', '/v1/jobs', { key, body: { text: 'Hi', from: 'ACME' } })).json
  await call('PUT', `/v1/jobs/${id}/recipients`, {
    key,
    body: csvOf(2_000).toString(),
    headers: { 'content-type': 'text/csv' },
  })
  t.equal((await call('DELETE', '/v1/accounts/gone')).status, 204)
  t.equal((await call('GET', '/v1/jobs', { key })).status, 401)
  const job = await until(
    async () => (await call('GET', `/v1/jobs/${id}`)).json,
    ({ counts }) => counts.queued + counts.sending + counts.sent === 0,
  )
  t.match(job, { state: 'canceled' })
  t.ok(job.counts.canceled > 0)
  const again = await account('gone', {})
  t.equal(
    (await call('GET', `/v1/jobs/${id}`, { key: again })).status,
    404,
    'a new account of that name has none of it',
  )
  t.notMatch((await call('GET', '/v1/audit', { key: again })).text, id, 'nor of its records')
})
