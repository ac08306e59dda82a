/**
 * `GET /v1/messages/:id/explain`: each code of WAIT_REASONS in a real situation, over HTTP on the real engine with simulated carriers:
 * one that answers, one that answers late, one that never answers, one that refuses for now, one that is slow by agreement, none at all.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../bench/processes.js'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { WAIT_REASONS, type WaitCode, type WaitView } from '../src/engine/contract/waits.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../src/smpp/simulator/smsc-options.js'
import { startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

t.setTimeout(580_000)

const HOUR = 3_600_000
const folder = mkdtempSync(join(tmpdir(), 'trunkline-explain-'))
const smscs: Smsc[] = []
async function carrier(id: string, options: Partial<SmscOptions>, more = ''): Promise<string> {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, ...options }, silentLog)
  smscs.push(smsc)
  const { port } = await smsc.listen()
  return `  - { id: ${id}, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: trunk${more} }`
}

const LATE = 600_000
const carriers = [
  await carrier('good', { receiptDelayMs: LATE }),
  await carrier('late', { latencyMs: LATE }, ', window: 1, responseTimeoutMs: 600000'),
  await carrier('mute', { faults: 'noresp=1' }, ', responseTimeoutMs: 300'),
  await carrier('busy', { faults: 'reject=1:0x08' }),
  await carrier('slow', {}, ', ratePerSecond: 1'),
  await carrier('held', { receiptDelayMs: LATE }),
  await carrier('each', { receiptDelayMs: LATE }, ', ratePerSecondPerSender: 1'),
  await carrier(
    'sick',
    { faults: 'reject=1:0x410' },
    ', outcomes: [{ status: 0x410, outcome: suspend, forSeconds: 900, reason: credit used up }]',
  ),
  `  - { id: down, protocol: smpp, host: 127.0.0.1, port: ${await freePort()}, systemId: trunk }`,
]
const route = (prefix: string, id: string): string => `  - { channel: sms, prefix: "${prefix}", carriers: [${id}] }`
const ROUTES = {
  44: 'good',
  33: 'late',
  49: 'mute',
  34: 'busy',
  39: 'slow',
  31: 'held',
  48: 'each',
  46: 'sick',
  41: 'down',
}
const yaml = (list: string[], routes: string[]): string =>
  [
    `dataDir: ${folder}`,
    'logLevel: error',
    'shutdownSeconds: 2',
    'http: { port: 0, adminKey: admin-key-of-this-test }',
    'carriers:',
    ...list,
    'routes:',
    ...routes,
    '',
  ].join('\n')
const routes = Object.entries(ROUTES).map(([prefix, id]) => route(prefix, id))
const read = (text: string) => parseConfig(text, { name: 'test', folder, env: {} })
const server = await startServer(read(yaml(carriers, routes)), {
  log: silentLog,
  exit: (code) => t.fail(`the engine stopped with ${code}`),
})
t.teardown(async () => {
  await server.stop()
  await Promise.all(smscs.map((smsc) => smsc.close()))
  rmSync(folder, { recursive: true })
})

const admin = 'admin-key-of-this-test'
let key = ''
const seen = new Set<WaitCode>()
function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  return send(server.url + path, method, { key, ...options })
}

t.before(async () => {
  key = await account('acme')
  for (;;) {
    const { items } = (await call('GET', '/v1/carriers', { key: admin })).json
    if (items.filter((one: { binds: { state: string }[] }) => one.binds[0]?.state === 'bound').length === 8) return
  }
})

async function account(id: string, settings: object = {}): Promise<string> {
  const made = await call('POST', '/v1/accounts', { key: admin, body: { id, defaultCountry: 'GB', ...settings } })
  if (made.status !== 201) throw new Error(made.text)
  return made.json.key
}

/** Valid mobile numbers by calling code. */
const NUMBERS: Record<string, (n: number) => string> = {
  good: (n) => `+447400123${String(n).padStart(3, '0')}`,
  late: (n) => `+3361234${String(n).padStart(4, '0')}`,
  mute: (n) => `+491512345${String(n).padStart(4, '0')}`,
  busy: (n) => `+3461234${String(n).padStart(4, '0')}`,
  slow: (n) => `+39312345${String(n).padStart(4, '0')}`,
  held: (n) => `+3161234${String(n).padStart(4, '0')}`,
  each: (n) => `+4851234${String(n).padStart(4, '0')}`,
  sick: (n) => `+4670123${String(n).padStart(4, '0')}`,
  down: (n) => `+4178123${String(n).padStart(4, '0')}`,
}

async function single(to: string, more: object = {}, as = key): Promise<string> {
  const made = await call('POST', '/v1/messages', { key: as, body: { to, from: 'ACME', text: 'Hello', ...more } })
  if (made.status !== 202) throw new Error(made.text)
  return made.json.id
}

/** A job of these numbers, once its file is read; the ids of its messages in order. */
async function job(to: string[], settings: object = {}, as = key): Promise<{ id: string; messages: string[] }> {
  const body = { from: 'ACME', text: 'Hello', recipients: to, ...settings }
  const made = await call('POST', '/v1/jobs', { key: as, body })
  if (made.status !== 202) throw new Error(made.text)
  const { id } = made.json
  for (;;) {
    const { items } = (await call('GET', `/v1/jobs/${id}/messages?limit=200`, { key: as })).json
    if (items.length === to.length) return { id, messages: items.map((item: { id: string }) => item.id) }
  }
}

/** Asks until the first wait has this code; other codes may come before it while the message is on its way. */
async function waits(id: string, code: WaitCode, as = key): Promise<WaitView & { all: WaitView[] }> {
  for (;;) {
    const answer = await call('GET', `/v1/messages/${id}/explain`, { key: as })
    if (answer.status !== 200) throw new Error(answer.text)
    const all: WaitView[] = answer.json.waits
    for (const wait of all) seen.add(wait.code)
    if (all[0]?.code === code) return { ...all[0], all }
    if (answer.json.isFinal) throw new Error(`${id} is ${answer.json.state}`)
  }
}

function codes({ all }: { all: WaitView[] }): WaitCode[] {
  return all.map(({ code }) => code)
}

t.test('what the message, its job and its account say of time', async (t) => {
  const sendAt = new Date(Math.ceil(Date.now() / 1000) * 1000 + HOUR).toISOString()
  const due = await waits(await single(NUMBERS.good!(1), { sendAt }), 'NOT_DUE')
  t.match(due, { until: sendAt, detail: WAIT_REASONS.NOT_DUE })
  const scheduled = await job([NUMBERS.good!(2)], { sendAt })
  t.equal((await waits(scheduled.messages[0]!, 'JOB_SCHEDULED')).until, sendAt)

  const draft = await job([NUMBERS.good!(3)], { review: true })
  t.same(codes(await waits(draft.messages[0]!, 'JOB_NOT_RELEASED')), ['JOB_NOT_RELEASED'])

  // Two days of the week that are neither yesterday, today nor tomorrow, wherever it is.
  const day = new Date().getUTCDay()
  const window = {
    days: [(day + 2) % 7 || 7, (day + 3) % 7 || 7],
    from: '09:00',
    to: '20:00',
    timeZone: 'Europe/London',
  }
  const gated = await job([NUMBERS.good!(4)], { window })
  const shut = await waits(gated.messages[0]!, 'SENDING_HOURS')
  t.match(shut, { zone: 'Europe/London', until: /T0[89]:00:00\.000Z$/ })
  const view = (await call('GET', `/v1/jobs/${gated.id}`)).json
  t.match(view, { state: 'scheduled', settings: { window }, counts: { scheduled: 1, queued: 0, accepted: 1 } })
  const message = await call('GET', `/v1/messages/${gated.messages[0]}/explain`)
  t.match(message.json, {
    ...{
      state: 'scheduled',
      job: gated.id,
      isFinal: false,
      to: NUMBERS.good!(4),
      text: 'Hello',
      encoding: 'gsm7',
      parts: 1,
    },
    ...{ carriers: ['good'], route: { prefix: '44' }, rates: { job: null, account: null } },
    sendingHours: { ...{ from: '09:00', to: '20:00', source: 'job', open: false }, changesAt: shut.until },
  })
  const listed = (await call('GET', '/v1/jobs?state=scheduled')).json.items.map((item: { id: string }) => item.id)
  t.ok(listed.includes(gated.id) && listed.includes(scheduled.id))
  const opened = await call('PATCH', `/v1/jobs/${gated.id}`, { body: { window: null } })
  t.match(opened, { status: 200, json: { state: 'running' } }, opened.text)
  await waits(gated.messages[0]!, 'AWAITING_RECEIPT')
  const wrong = await call('PATCH', `/v1/jobs/${draft.id}`, { body: { window: { from: '09:00', to: '09:00' } } })
  t.match(wrong, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer: '/window/to' }] } }, wrong.text)
})

t.test(
  'the hours of an account hold for its single messages and for jobs that name none, and change live',
  async (t) => {
    const day = new Date().getUTCDay()
    const sendingHours = { days: [(day + 2) % 7 || 7], from: '09:00', to: '20:00' }
    const as = await account('hours', { sendingHours, timeZone: 'Asia/Tokyo' })
    const posted = await call('POST', '/v1/messages', {
      key: as,
      body: { to: NUMBERS.good!(10), from: 'A', text: 'Hi' },
    })
    t.match(posted.json, { state: 'scheduled' }, posted.text)
    t.equal((await waits(posted.json.id, 'SENDING_HOURS', as)).zone, 'Asia/Tokyo')
    t.equal((await call('GET', `/v1/messages/${posted.json.id}`, { key: as })).json.state, 'scheduled')
    const explained = (await call('GET', `/v1/explain?to=${encodeURIComponent(NUMBERS.good!(10))}`, { key: as })).json
    t.match(explained.sendingHours, { source: 'account', timeZone: 'Asia/Tokyo', open: false })
    const free = await job([NUMBERS.good!(11)], { window: { from: '00:00', to: '24:00' } }, as)
    await waits(free.messages[0]!, 'AWAITING_RECEIPT', as)
    await call('PATCH', '/v1/accounts/hours', { key: admin, body: { sendingHours: null } })
    await waits(posted.json.id, 'AWAITING_RECEIPT', as)
  },
)

t.test('pauses and suspensions', async (t) => {
  await call('PATCH', '/v1/carriers/held', { key: admin, body: { paused: true } })
  const { id, messages } = await job([NUMBERS.held!(1), NUMBERS.held!(2)])
  const paused = await waits(messages[1]!, 'CARRIER_PAUSED')
  t.match(paused, { carrier: 'held', since: /Z$/ })
  t.match(paused.all, [{}, { code: 'BEHIND_OTHERS', messages: 1 }])
  await call('POST', `/v1/jobs/${id}/pause`)
  t.same(codes(await waits(messages[0]!, 'JOB_PAUSED')), ['JOB_PAUSED', 'CARRIER_PAUSED'])
  await call('POST', `/v1/jobs/${id}/resume`)
  await waits(messages[0]!, 'CARRIER_PAUSED')

  const as = await account('bad')
  const stopped = await single(NUMBERS.held!(3), {}, as)
  await call('PATCH', '/v1/accounts/bad', { key: admin, body: { suspended: true } })
  t.same(codes(await waits(stopped, 'ACCOUNT_SUSPENDED', as)), ['ACCOUNT_SUSPENDED', 'CARRIER_PAUSED'])
  await call('PATCH', '/v1/accounts/bad', { key: admin, body: { suspended: false } })
  await waits(stopped, 'CARRIER_PAUSED', as)
  // The admin may ask of any message, another account of none.
  t.equal((await call('GET', `/v1/messages/${stopped}/explain`, { key: admin })).status, 200)
  t.equal((await call('GET', `/v1/messages/${stopped}/explain`)).status, 404)
  t.equal((await call('GET', '/v1/messages/msg_00000000000/explain')).status, 404)
  await call('PATCH', '/v1/carriers/held', { key: admin, body: { paused: false } })
  await waits(stopped, 'AWAITING_RECEIPT', as)
})

t.test('a carrier that is not there, and one that does not answer', async (t) => {
  const down = await waits(await single(NUMBERS.down!(1)), 'CARRIER_DOWN')
  t.match(down, { carrier: 'down', since: /Z$/, lastError: /ECONNREFUSED|refused/i })

  const first = await single(NUMBERS.late!(1))
  t.match(await waits(first, 'WITH_CARRIER'), { carrier: 'late', since: /Z$/ })
  t.match(await waits(await single(NUMBERS.late!(2)), 'WINDOW_FULL'), { carrier: 'late', inFlight: 1, window: 1 })
  const twice = await job([NUMBERS.late!(3), NUMBERS.late!(3)], { deduplicate: false })
  const behind = await waits(twice.messages[1]!, 'BEHIND_SAME_NUMBER')
  t.equal(behind.behind, twice.messages[0])

  const held = await job([NUMBERS.mute!(1)], { onUnanswered: 'hold' })
  t.match(await waits(held.messages[0]!, 'UNKNOWN_HELD'), { carrier: 'mute', since: /Z$/ })
  await single(NUMBERS.sick!(1))
  const sick = await waits(await single(NUMBERS.sick!(2)), 'CARRIER_SUSPENDED')
  t.match(sick, { carrier: 'sick', until: /Z$/, lastError: /credit used up/ })
  const again = await waits(await single(NUMBERS.busy!(1)), 'BACKOFF')
  t.match(again, { carrier: 'busy', attempt: Number, until: /Z$/, status: 8, statusName: 'ESME_RSYSERR' })
})

t.test('rates of carrier, job and account, and how many go before', async (t) => {
  const slow = await job(Array.from({ length: 120 }, (_, n) => NUMBERS.slow!(n)))
  const last = await waits(slow.messages[119]!, 'CARRIER_RATE')
  t.match(last, { carrier: 'slow', ratePerSecond: 1 })
  const others = last.all.find(({ code }) => code === 'BEHIND_OTHERS')!
  t.ok(others.messages! > 15 && others.messages! < 120, `${others.messages} before it`)
  t.ok(Date.parse(others.until!) > Date.now() + 10_000, 'and about when')

  const sender = await job(Array.from({ length: 30 }, (_, n) => NUMBERS.each!(n)))
  t.match(await waits(sender.messages[29]!, 'SENDER_RATE'), { carrier: 'each' })
  const paced = await job(
    Array.from({ length: 30 }, (_, n) => NUMBERS.good!(100 + n)),
    { ratePerSecond: 1 },
  )
  t.match(await waits(paced.messages[29]!, 'JOB_RATE'), { ratePerSecond: 1, until: /Z$/ })
  const as = await account('paced', { ratePerSecond: 1 })
  const whole = await job(
    Array.from({ length: 30 }, (_, n) => NUMBERS.good!(200 + n)),
    {},
    as,
  )
  t.match(await waits(whole.messages[29]!, 'ACCOUNT_RATE', as), { ratePerSecond: 1 })
  const explained = (await call('GET', `/v1/explain?to=${encodeURIComponent(NUMBERS.good!(1))}`, { key: as })).json
  t.match(explained, { rates: { job: null, account: 1 }, limits: [{ carrier: 'good', window: Number }] })
  // A rate that is changed holds within a second: at 1 a second the rest would take half a minute.
  await call('PATCH', '/v1/accounts/paced', { key: admin, body: { ratePerSecond: null } })
  await waits(whole.messages[29]!, 'AWAITING_RECEIPT', as)
})

t.test('a message whose route and carrier were taken out of the configuration', async (t) => {
  const id = await single(NUMBERS.down!(9))
  await waits(id, 'CARRIER_DOWN')
  const without = (line: string): boolean => !/\bdown\b/.test(line)
  await server.reload(read(yaml(carriers.filter(without), routes.filter(without))))
  await waits(id, 'NO_CARRIER_LEFT')
  await server.reload(read(yaml(carriers.filter(without), [...routes.filter(without), route('41', 'good')])))
  t.equal((await waits(id, 'AWAITING_RECEIPT')).carrier, 'good')
})

t.test('a recipient who has opted out since', async (t) => {
  const sendAt = new Date(Date.now() + HOUR).toISOString()
  const id = await single(NUMBERS.good!(30), { sendAt })
  await waits(id, 'NOT_DUE')
  const put = await call('PUT', `/v1/suppressions/${encodeURIComponent(NUMBERS.good!(30))}`, { body: {} })
  t.equal(put.status, 200, put.text)
  t.same(codes(await waits(id, 'SUPPRESSED')), ['SUPPRESSED', 'NOT_DUE'])
})

t.test('a message that is final waits for nothing', async (t) => {
  const { messages } = await job([NUMBERS.down!(20)], { sendAt: new Date(Date.now() + HOUR).toISOString() })
  const { json } = await call('GET', `/v1/messages/${messages[0]}`)
  await call('POST', `/v1/jobs/${json.job}/cancel`)
  for (;;) {
    const explained = (await call('GET', `/v1/messages/${messages[0]}/explain`)).json
    if (explained.state !== 'canceled') continue
    t.match(explained, { isFinal: true, waits: [], reason: 'CANCELED_BY_CUSTOMER' })
    break
  }
  // Nothing waits in it long enough to be asked about.
  seen.add('IN_WORK')
  // Of calls: voice-retries.test.ts.
  seen.add('CALLED_AGAIN')
  t.same([...seen].sort(), Object.keys(WAIT_REASONS).sort(), 'every code was seen')
})
