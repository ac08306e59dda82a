/** Rules about numbers as an admin sets them and a customer meets them: over HTTP, down to what a foreign SMSC receives. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'
import { type NpmPdu, startPeer } from './peer-support.js'

const admin = 'admin-key-of-this-test'
const folder = mkdtempSync(join(tmpdir(), 'trunkline-numbers-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const received: NpmPdu[] = []
let awaited = { count: Number.POSITIVE_INFINITY, arrived: () => {} }
const port = await startPeer(t, (session) => {
  session.on('submit_sm', (pdu) => {
    received.push(pdu)
    session.send(pdu.response({ message_id: `m${received.length}` }))
    if (received.length >= awaited.count) awaited.arrived()
  })
})
function receivedAtLeast(count: number): Promise<void> {
  if (received.length >= count) return Promise.resolve()
  return new Promise((resolve) => {
    awaited = { count, arrived: resolve }
  })
}

const config = parseConfig(
  `
dataDir: ${folder}
http: { port: 0, adminKey: ${admin} }
carriers:
  - { id: peer, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: trunk, password: secret, destination: { ton: 1, npi: 1 } }
`,
  { name: 'test', folder, env: {} },
)
const server = await startServer(config, { log: silentLog, exit: (code) => t.fail(`the engine stopped with ${code}`) })
t.teardown(() => server.stop())

let key = ''
function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  return send(server.url + path, method, { key, ...options })
}
function patch(body: object): Promise<Answer> {
  return call('PATCH', '/v1/accounts/acme', { key: admin, body })
}
async function submit(to: string, more: object = {}): Promise<Answer> {
  return await call('POST', '/v1/messages', { body: { to, text: 'Hello', from: 'ACME', ...more } })
}

const DEFAULTS = {
  allowPremium: false,
  allowShortCodes: false,
  channelRules: {},
  allowPrefixes: [],
  denyPrefixes: [],
}

t.test('rules are given with an account, shown, changed one by one, and checked', async (t) => {
  const made = await call('POST', '/v1/accounts', { key: admin, body: { id: 'acme', defaultCountry: 'GB' } })
  key = made.json.key
  t.match(made, { status: 201, json: { account: DEFAULTS } }, made.text)
  const changed = await patch({ channelRules: { fixed: 'sms' }, denyPrefixes: ['+4474', '1'] })
  t.match(changed, { status: 200, json: { channelRules: { fixed: 'sms' }, denyPrefixes: ['4474', '1'] } }, changed.text)
  const also = await patch({ allowShortCodes: true })
  t.match(also.json, { allowShortCodes: true, denyPrefixes: ['4474', '1'] }, 'the others stay')
  const wrong: [object, string][] = [
    [{ allowPrefixes: ['4474'] }, '/denyPrefixes'],
    [{ allowPrefixes: ['0044'] }, '/allowPrefixes/0'],
    [{ channelRules: { fixed: 'email' } }, '/channelRules/fixed'],
    [{ channelRules: { landline: 'sms' } }, '/channelRules/landline'],
    [{ allowShortCodes: 'yes' }, '/allowShortCodes'],
  ]
  for (const [body, pointer] of wrong) {
    const answer = await patch(body)
    t.equal(answer.status, 422, answer.text)
    t.equal(answer.json.errors[0].pointer, pointer, JSON.stringify(body))
  }
  const seen = await call('GET', '/v1/accounts/acme', { key: admin })
  t.match(seen.json, {
    ...DEFAULTS,
    allowShortCodes: true,
    channelRules: { fixed: 'sms' },
    denyPrefixes: ['4474', '1'],
  })
  t.match(await patch(DEFAULTS), { status: 200, json: DEFAULTS })
})

t.test('a refused number is refused with its own code, for single messages and in files', async (t) => {
  const rules = { channelRules: { voip: 'reject' }, denyPrefixes: ['447400'], allowPrefixes: ['44'] }
  await patch(rules)
  const refused: [string, string][] = [
    ['07400123456', 'PREFIX_DENIED'],
    ['+33612345678', 'PREFIX_NOT_ALLOWED'],
    ['+445612345678', 'LINE_TYPE_REFUSED'],
    ['+449012345678', 'PREMIUM_NUMBER'],
    ['60777', 'INVALID_NUMBER'],
    ['020 7183 8750', 'NO_ROUTE'],
  ]
  for (const [to, code] of refused) {
    const answer = await submit(to)
    t.match(answer, { status: 422, json: { code } }, `${to}: ${answer.text}`)
  }
  const recipients = refused.map(([to]) => to)
  const job = await call('POST', '/v1/jobs', { body: { from: 'ACME', text: 'Hi', recipients } })
  t.match(job, { status: 202, json: { counts: { rows: 6, rejected: 6, accepted: 0 } } }, job.text)
  const { text } = await call('GET', `/v1/jobs/${job.json.id}/rejects.csv`)
  const codes = text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',')[2])
  t.same(
    codes,
    refused.map(([, code]) => code),
  )
  t.equal(received.length, 0)
  await patch(DEFAULTS)
})

t.test('a changed rule holds from the next message on', async (t) => {
  t.match(await submit('07500123456'), { status: 202, json: { to: '+447500123456', channel: 'sms' } })
  await patch({ denyPrefixes: ['4475'] })
  t.match(await submit('07500123456'), { status: 422, json: { code: 'PREFIX_DENIED' } })
  await patch({ denyPrefixes: [] })
  t.equal((await submit('07500123456')).status, 202)
  t.match(await submit('020 7183 8750', { channel: 'sms' }), { status: 202, json: { channel: 'sms' } })
  await receivedAtLeast(3)
})

t.test('a short code reaches the carrier as a number of its network, and reports show it as it is', async (t) => {
  await patch({ allowShortCodes: true })
  const before = received.length
  const answer = await submit('60 777')
  t.match(answer, { status: 202, json: { to: '60777', channel: 'sms' } }, answer.text)
  const job = await call('POST', '/v1/jobs', {
    body: { from: 'ACME', text: 'Hi', recipients: ['70888', '07500123457'] },
  })
  t.match(job, { status: 202, json: { counts: { accepted: 2 } } }, job.text)
  await receivedAtLeast(before + 3)
  const address = ({ destination_addr, dest_addr_ton, dest_addr_npi }: NpmPdu) =>
    `${dest_addr_ton}/${dest_addr_npi} ${destination_addr}`
  t.same(received.slice(before).map(address).sort(), ['1/1 447500123457', '3/0 60777', '3/0 70888'])
  t.match((await call('GET', `/v1/messages/${answer.json.id}`)).json, { to: '60777' })
  t.match((await call('GET', '/v1/messages?to=60777')).json.items, [{ id: answer.json.id }])
  const report = await call('GET', `/v1/jobs/${job.json.id}/report.csv`)
  t.match(report.text, /\b70888\b/)
  t.notMatch(report.text, '+70888')
})
