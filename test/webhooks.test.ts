/** Webhooks on the whole engine: real receivers, a simulated carrier, and the reference verifier of Standard Webhooks. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { type RunningServer, startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'
import { Receiver, status } from './webhook-receiver.js'

t.setTimeout(580_000)

const admin = 'admin-key-of-this-test'
const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`

interface Rig {
  smsc: Smsc
  server: RunningServer
  restart(): Promise<void>
}

/** As much of a tap test as is needed here. */
type Owner = Pick<Test, 'teardown' | 'fail'>

async function startRig(t: Owner, webhooks: object = { allowPrivateAddresses: true }): Promise<Rig> {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-webhooks-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  const carrier = { id: 'sim', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'trunk', password: 'secret' }
  const http = { port: 0, adminKey: admin }
  const text = JSON.stringify({ dataDir: folder, http, logLevel: 'silent', carriers: [carrier], webhooks })
  const config = parseConfig(text, { name: 'test', folder, env: {} })
  const start = () => startServer(config, { log: silentLog, exit: (code) => t.fail(`the engine stopped with ${code}`) })
  const rig: Rig = {
    smsc,
    server: await start(),
    async restart() {
      await rig.server.stop()
      rig.server = await start()
    },
  }
  t.teardown(async () => {
    await rig.server.stop()
    await smsc.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return rig
}

const shared = await startRig(t)

interface Customer {
  id: string
  call(method: string, path: string, options?: CallOptions): Promise<Answer>
}

let customers = 0

/** An account of its own, which is deleted with all its webhooks when the test is over. */
async function customer(t: Test, rig = shared): Promise<Customer> {
  const id = `customer${++customers}`
  const ask = (method: string, path: string, options: CallOptions) => send(rig.server.url + path, method, options)
  const { json } = await ask('POST', '/v1/accounts', { key: admin, body: { id, defaultCountry: 'GB' } })
  t.teardown(() => ask('DELETE', `/v1/accounts/${id}`, { key: admin }))
  return { id, call: (method, path, options = {}) => ask(method, path, { key: json.key, ...options }) }
}

function recipients(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `+4477123${String(45_000 + n).padStart(5, '0')}`)
}

const isFinal = ({ final }: { final: boolean }): boolean => final

t.test(
  'what becomes of messages, jobs and replies is delivered, signed, in order and only to its account',
  async (t) => {
    const { id, call } = await customer(t)
    const rival = await customer(t)
    const [receiver, foreign] = [await Receiver.start(t), await Receiver.start(t)]
    const put = await call('PUT', '/v1/webhooks/main', { body: { url: receiver.url, secret: SECRET } })
    t.match(put, { status: 200, json: { name: 'main', account: id, url: receiver.url, secret: SECRET } }, put.text)
    t.match(put.json, {
      state: 'active',
      backlog: 0,
      events: ['messages.updated', 'inbound.received', 'job.updated', 'drop.updated'],
    })
    await rival.call('PUT', '/v1/webhooks/main', { body: { url: foreign.url } })

    const body = { from: 'ACME', text: 'Hi', recipients: recipients(40), tags: ['october'], clientReference: 'batch-7' }
    const job = await call('POST', '/v1/jobs', { body })
    t.equal(job.status, 202, job.text)
    const one = { to: '+447712345678', from: 'ACME', text: 'Hello', clientReference: 'order-9' }
    const single = await call('POST', '/v1/messages', { body: one })
    await receiver.until(({ entries }) => entries.filter(isFinal).length === 41)
    await receiver.until(({ entries }) => entries.some(({ state }) => state === 'finished'))
    receiver.verify(SECRET)

    const messages = receiver.received
      .filter(({ body }) => body.type === 'messages.updated')
      .flatMap(({ body }) => body.data)
    const mine = messages.filter(({ id }) => id === single.json.id)
    t.match(mine, [
      {
        job: null,
        state: 'sent',
        reason: null,
        final: false,
        to: '+447712345678',
        from: 'ACME',
        parts: 1,
        carrier: 'sim',
      },
      { state: 'delivered', final: true, clientReference: 'order-9', tags: [], at: /^\d{4}-.*Z$/ },
    ])
    const ofJob = messages.filter(({ job }) => job !== null)
    t.equal(new Set(ofJob.map(({ id }) => id)).size, 40)
    t.match(ofJob[0], { job: job.json.id, tags: ['october'], clientReference: 'batch-7' })
    const jobs = receiver.received.filter(({ body }) => body.type === 'job.updated').flatMap(({ body }) => body.data)
    t.equal(jobs.at(-1)!.state, 'finished')
    t.match(jobs.at(-1), { id: job.json.id, counts: { rows: 40, accepted: 40, delivered: 40 }, tags: ['october'] })
    t.same(
      jobs.map(({ state }) => state),
      ['receiving', 'running', 'finished'],
    )
    for (const { body, headers } of receiver.received) {
      t.ok(body.data.length > 0 && body.data.length <= 100)
      t.match(headers, { 'content-type': 'application/json', 'webhook-id': /^whk_[0-9a-f]+$/ })
    }
    t.equal(foreign.received.length, 0, 'nothing of another account')

    await call('PATCH', `/v1/accounts/${id}`, { key: admin, body: { inbound: { numbers: ['60099'] } } })
    await shared.smsc.subscribers.send({ from: '+447712345678', to: '60099', text: 'Thank you' })
  },
)

t.test('a webhook shows how it stands, is listed, replaced and deleted, and is nobody else’s', async (t) => {
  const { call } = await customer(t)
  const rival = await customer(t)
  const receiver = await Receiver.start(t)
  const bodies = { url: receiver.url, events: ['job.updated'] }
  for (const name of ['b', 'a', 'c']) await call('PUT', `/v1/webhooks/${name}`, { body: bodies })
  const page = await call('GET', '/v1/webhooks?limit=2')
  t.match(page.json, { items: [{ name: 'a' }, { name: 'b' }], nextCursor: 'b' })
  t.match((await call('GET', '/v1/webhooks?cursor=b')).json, { items: [{ name: 'c' }], nextCursor: null })
  t.match((await call('GET', '/v1/webhooks/a')).json, { events: ['job.updated'], states: null, secret: /^whsec_/ })
  for (const [method, end] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/replay?since=2026-01-01T00:00:00Z'],
  ] as const) {
    const ask = (name: string) => rival.call(method, `/v1/webhooks/${name}${end}`)
    const foreign = await ask('a')
    t.equal(foreign.status, 404, `${method} ${end}`)
    t.equal((await ask('unknown')).text, foreign.text)
  }
  t.same((await rival.call('GET', '/v1/webhooks')).json.items, [])
  t.equal((await call('DELETE', '/v1/webhooks/a')).status, 204)
  t.equal((await call('GET', '/v1/webhooks/a')).status, 404)
  const wrong = [
    [{}, '/url'],
    [{ url: 'ftp://example.com/' }, '/url'],
    [{ url: receiver.url, events: [] }, '/events'],
    [{ url: receiver.url, states: ['queued'] }, '/states/0'],
    [{ url: receiver.url, secret: 'whsec_short' }, '/secret'],
    [{ url: receiver.url, secret: SECRET.slice(6) }, '/secret'],
    [{ url: receiver.url, previousSecret: 'x' }, '/previousSecret'],
    [{ url: receiver.url, other: 1 }, '/other'],
  ] as const
  for (const [body, pointer] of wrong) {
    const answer = await call('PUT', '/v1/webhooks/x', { body })
    t.match(answer, { status: 422, json: { errors: [{ pointer }] } }, answer.text)
  }
  t.equal((await call('PUT', '/v1/webhooks/callback-1', { body: bodies })).status, 422)
  t.equal((await call('PUT', '/v1/webhooks/a%20b', { body: bodies })).status, 422)
  t.equal((await call('POST', '/v1/webhooks/b/replay')).status, 422)
  t.equal((await call('POST', '/v1/webhooks/b/replay?since=yesterday')).status, 422)
})

t.test('without the setting, a receiver that is not public is refused when it is set', async (t) => {
  const { call } = await customer(t, await startRig(t, {}))
  const receiver = await Receiver.start(t)
  for (const url of [
    receiver.url,
    'https://127.0.0.1/',
    'https://[::1]/',
    'https://localhost/',
    'https://2130706433/',
    'http://example.com/',
  ]) {
    const put = await call('PUT', '/v1/webhooks/x', { body: { url } })
    t.match(put, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer: '/url' }] } }, put.text)
    const job = await call('POST', '/v1/jobs', { body: { text: 'Hi', callbackUrl: url } })
    t.match(job, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer: '/callbackUrl' }] } }, job.text)
  }
})

t.test(
  'while a secret is replaced both sign, and what was tampered with, forged or kept too long is told apart',
  async (t) => {
    const { call } = await customer(t)
    const receiver = await Receiver.start(t)
    const endpoint = { url: receiver.url, events: ['job.updated'] }
    const first = (await call('PUT', '/v1/webhooks/main', { body: endpoint })).json.secret
    t.equal((await call('PUT', '/v1/webhooks/main', { body: endpoint })).json.secret, first, 'a secret stays')
    const rotated = (await call('PUT', '/v1/webhooks/main', { body: { ...endpoint, rotateSecret: true } })).json
    t.not(rotated.secret, first)
    t.equal(rotated.previousSecret, first)
    await call('POST', '/v1/jobs', { body: { text: 'Hi' } })
    await receiver.until(({ received }) => received.length === 1)
    const [{ headers, text }] = receiver.received as [(typeof receiver.received)[0]]
    t.match(headers['webhook-signature'], /^v1,\S+ v1,\S+$/)
    receiver.verify(first)
    receiver.verify(rotated.secret)
    const webhook = new Webhook(first)
    t.throws(() => webhook.verify(text.replace('receiving', 'finished'), headers), 'another body')
    t.throws(() => webhook.verify(text, { ...headers, 'webhook-id': 'whk_other' }), 'another id')
    t.throws(() => webhook.verify(text, { ...headers, 'webhook-signature': 'v1,AAAA' }), 'a forged signature')
    t.throws(() => new Webhook(SECRET).verify(text, headers), 'a stranger’s secret')
    const old = String(Number(headers['webhook-timestamp']) - 600)
    t.throws(() => webhook.verify(text, { ...headers, 'webhook-timestamp': old }), 'an old time')

    const ended = (await call('PUT', '/v1/webhooks/main', { body: { ...endpoint, previousSecret: null } })).json
    t.match(ended, { secret: rotated.secret, previousSecret: null })
    await call('POST', '/v1/jobs', { body: { text: 'Hi' } })
    await receiver.until(({ received }) => received.length === 2)
    t.match(receiver.received[1]!.headers['webhook-signature'], /^v1,\S+$/)
    const given = (await call('PUT', '/v1/webhooks/main', { body: { ...endpoint, secret: SECRET } })).json
    t.match(given, { secret: SECRET, previousSecret: rotated.secret })
  },
)

t.test('an endpoint gets only the kinds and states that it asks for', async (t) => {
  const { call } = await customer(t)
  const [some, failed] = [await Receiver.start(t), await Receiver.start(t)]
  await call('PUT', '/v1/webhooks/some', {
    body: { url: some.url, events: ['messages.updated'], states: ['delivered'] },
  })
  await call('PUT', '/v1/webhooks/failed', {
    body: { url: failed.url, states: ['failed'], events: ['messages.updated'] },
  })
  await call('POST', '/v1/jobs', { body: { text: 'Hi', recipients: recipients(130) } })
  await some.until(({ entries }) => entries.length === 130)
  t.ok(some.entries.every(({ state }) => state === 'delivered'))
  t.equal(new Set(some.entries.map(({ id }) => id)).size, 130)
  t.equal(failed.received.length, 0)
})

t.test('a job’s callbackUrl gets what concerns this job, under a secret of its own', async (t) => {
  const { call } = await customer(t)
  const [callback, main] = [await Receiver.start(t), await Receiver.start(t)]
  const body = { text: 'Hi', recipients: recipients(5), callbackUrl: callback.url }
  const job = await call('POST', '/v1/jobs', { body })
  t.equal(job.status, 202, job.text)
  t.equal(job.json.settings.callbackUrl, callback.url)
  const { items } = (await call('GET', '/v1/webhooks')).json
  t.match(items, [{ name: /^callback-[0-9a-f]+$/, isCallback: true, url: callback.url, secret: /^whsec_/ }])
  await call('POST', '/v1/jobs', { body: { text: 'Hi', recipients: recipients(7) } })
  await callback.until(({ entries }) => entries.some(({ state }) => state === 'finished'))
  await callback.until(({ entries }) => entries.filter(isFinal).length === 5)
  callback.verify(items[0].secret)
  const jobs = new Set(callback.entries.map((entry) => (entry.counts === undefined ? entry.job : entry.id)))
  t.strictSame([...jobs], [job.json.id])
  t.equal(main.received.length, 0)
})

t.test('messages of a canceled job are told of, one by one, also those that nobody had begun', async (t) => {
  const { call } = await customer(t)
  const receiver = await Receiver.start(t)
  await call('PUT', '/v1/webhooks/main', { body: { url: receiver.url, events: ['messages.updated'] } })
  await call('PATCH', '/v1/carriers/sim', { key: admin, body: { paused: true } })
  const numbers = [...recipients(700), ...recipients(3)]
  const job = await call('POST', '/v1/jobs', { body: { text: 'Hi', recipients: numbers } })
  t.equal(job.status, 202, job.text)
  await call('POST', `/v1/jobs/${job.json.id}/cancel`)
  await receiver.until(({ entries }) => entries.length >= 700)
  await call('PATCH', '/v1/carriers/sim', { key: admin, body: { paused: false } })
  t.equal(new Set(receiver.entries.map(({ id }) => id)).size, 700)
  t.ok(receiver.entries.every(({ state, reason }) => state === 'canceled' && reason === 'CANCELED_BY_CUSTOMER'))
  t.equal(receiver.entries.length, 700, 'duplicates are no messages')
})

t.test('410 disables, and a PUT enables again; what happened meanwhile comes', async (t) => {
  const { call } = await customer(t)
  const receiver = await Receiver.start(t)
  receiver.answer = status(410)
  const endpoint = { url: receiver.url, events: ['job.updated'] }
  await call('PUT', '/v1/webhooks/main', { body: endpoint })
  await call('POST', '/v1/jobs', { body: { name: 'first', text: 'Hi' } })
  await receiver.until(({ received }) => received.length === 1)
  let view = (await call('GET', '/v1/webhooks/main')).json
  while (view.state !== 'disabled') view = (await call('GET', '/v1/webhooks/main')).json
  t.match(view, { disabledReason: 'GONE', backlog: 1, nextAttemptAt: null, lastError: { reason: 'answered 410' } })
  await call('POST', '/v1/jobs', { body: { name: 'second', text: 'Hi' } })
  t.equal((await call('POST', '/v1/webhooks/main/replay?since=2026-01-01T00:00:00Z')).status, 409)
  t.equal(receiver.received.length, 1)
  receiver.answer = status(200)
  t.match((await call('PUT', '/v1/webhooks/main', { body: endpoint })).json, { state: 'active' })
  await receiver.until(({ received }) => received.slice(1).flatMap(({ body }) => body.data).length === 2)
  t.same(
    receiver.received
      .slice(1)
      .flatMap(({ body }) => body.data)
      .map(({ name }) => name),
    ['first', 'second'],
  )
})

t.test('a receiver that takes everything and never answers holds up nobody', async (t) => {
  const { call } = await customer(t, await startRig(t, { allowPrivateAddresses: true, deliveries: 4 }))
  const [live, ...dead] = [
    await Receiver.start(t),
    await Receiver.start(t),
    await Receiver.start(t),
    await Receiver.start(t),
  ]
  for (const [n, receiver] of dead.entries()) {
    receiver.answer = () => {}
    await call('PUT', `/v1/webhooks/a${n}`, { body: { url: receiver.url } })
  }
  await call('PUT', '/v1/webhooks/z', { body: { url: live!.url } })
  await call('POST', '/v1/jobs', { body: { text: 'Hi', recipients: recipients(500) } })
  await live!.until(({ entries }) => entries.filter(isFinal).length === 500)
  for (const receiver of dead) {
    t.ok(receiver.received.length <= 1, 'a silent receiver has one request open')
  }
  t.match((await call('GET', '/v1/webhooks/z')).json, { state: 'active' })
  t.equal((await call('DELETE', '/v1/webhooks/a0')).status, 204, 'nor can a silent one not be deleted')
})

t.test('a replay brings back what happened since, in order, and the metric counts what waits', async (t) => {
  const { call } = await customer(t)
  const receiver = await Receiver.start(t)
  await call('PUT', '/v1/webhooks/main', { body: { url: receiver.url } })
  await call('POST', '/v1/jobs', { body: { text: 'Hi', recipients: recipients(230) } })
  const isAllThere = ({ entries }: Receiver) =>
    entries.filter(isFinal).length === 230 && entries.some(({ state }) => state === 'finished')
  await receiver.until(isAllThere)
  for (;;) if ((await call('GET', '/v1/webhooks/main')).json.backlog === 0) break
  t.match((await call('GET', '/metrics')).text, /^trunkline_webhook_backlog 0$/m)
  const before = receiver.entries
  receiver.received.length = 0
  receiver.answer = status(500)
  const replayed = await call('POST', '/v1/webhooks/main/replay?since=2020-01-01T00:00:00Z')
  t.match(replayed, { status: 202, json: { replayed: before.length, backlog: before.length } }, replayed.text)
  await receiver.until(({ received }) => received.length > 0)
  t.match((await call('GET', '/metrics')).text, new RegExp(`^trunkline_webhook_backlog ${before.length}$`, 'm'))
  receiver.answer = status(200)
  receiver.received.length = 0
  await call('POST', '/v1/webhooks/main/replay?since=2020-01-01T00:00:00Z')
  await receiver.until(isAllThere)
  const byId = (entries: typeof before) =>
    new Map(entries.map(({ id }) => [id, entries.filter((e) => e.id === id).map(({ state }) => state)]))
  t.strictSame(byId(receiver.entries), byId(before))
  t.match((await call('POST', '/v1/webhooks/main/replay?since=2100-01-01T00:00:00Z')).json, { replayed: 0 })
})

t.test('a restart goes on where it stopped: nothing is lost, and retries wait on', async (t) => {
  const { call } = await customer(t)
  const receiver = await Receiver.start(t)
  receiver.answer = status(503, { 'retry-after': '3600' })
  const endpoint = { url: receiver.url, events: ['messages.updated'] }
  await call('PUT', '/v1/webhooks/main', { body: endpoint })
  await call('POST', '/v1/jobs', { body: { text: 'Hi', recipients: recipients(150) } })
  await receiver.until(({ received }) => received.length === 1)
  for (;;) if ((await call('GET', '/v1/webhooks/main')).json.state === 'retrying') break
  const before = (await call('GET', '/v1/webhooks/main')).json
  t.match(before, { failures: 1, lastError: { reason: 'answered 503' } })
  t.ok(Date.parse(before.nextAttemptAt) - Date.parse(before.lastError.at) >= 3_600_000, 'as long as it asks')
  for (;;) if ((await call('GET', '/v1/webhooks/main')).json.backlog === 300) break
  await shared.restart()
  t.match((await call('GET', '/v1/webhooks/main')).json, {
    state: 'retrying',
    nextAttemptAt: before.nextAttemptAt,
    backlog: 300,
  })
  t.equal(receiver.received.length, 1)
  receiver.answer = status(200)
  await call('PUT', '/v1/webhooks/main', { body: endpoint })
  await receiver.until(({ received }) => received.slice(1).flatMap(({ body }) => body.data).length === 300)
  t.equal(receiver.received[1]!.id, receiver.received[0]!.id, 'the same batch has the same id')
  t.same(receiver.received[1]!.body.data, receiver.received[0]!.body.data)
  receiver.verify(before.secret)
})
