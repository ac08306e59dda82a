/**
 * Landlines of a file become calls in the same job: what is stored of them, counted, priced, shown, filtered and sent again.
 * The whole engine over HTTP; the jobs wait for their time, so that nobody is called here.
 */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { JobView, MessageView } from '../src/engine/contract/api.js'
import { until } from './until.js'
import { type Customer, jobUntil, reached, startWhole } from './whole-engine.js'

const LATER = '2099-01-01T09:00:00Z'
const LANDLINE = '+442071838750'
const OTHER_LANDLINE = '+441314960123'
const MOBILE = '+447400123451'

const root = mkdtempSync(join(tmpdir(), 'trunkline-voice-drop-'))
const whole = await startWhole(t, {
  yaml: (at) => `
carriers:
  - { id: sim, ${at('trunk')} }
  - { id: pbx, protocol: sip, host: 127.0.7.1, port: 9, optionsSeconds: 0, callerId: "+442071830000", callerIds: ["+442071831111"] }
routes:
  - { channel: sms, carriers: [sim] }
  - { channel: voice, prefix: "44", carriers: [pbx] }
  - { channel: voice, prefix: "60", carriers: [pbx] }
dropFolder: { root: ${root}, settleMs: 200, scanMs: 1000 }
`,
})
t.teardown(() => rmSync(root, { recursive: true, force: true }))
const office = await whole.account('office', {
  defaultCountry: 'GB',
  prices: [
    { channel: 'sms', prefix: '44', price: 0.04 },
    { channel: 'voice', prefix: '44', price: 0.11 },
  ],
  currency: 'GBP',
})

async function upload({ call }: Customer, settings: object, csv: string): Promise<JobView> {
  const made = await call('POST', '/v1/jobs', { body: { sendAt: LATER, ...settings } })
  if (made.status !== 202) throw new Error(made.text)
  const put = await call('PUT', `/v1/jobs/${made.json.id}/recipients`, {
    body: csv,
    headers: { 'content-type': 'text/csv' },
  })
  if (put.status !== 202) throw new Error(put.text)
  return await jobUntil(call, made.json.id, ({ state }) => state !== 'receiving')
}

async function messages({ call }: Customer, job: JobView, query = ''): Promise<MessageView[]> {
  return (await call('GET', `/v1/jobs/${job.id}/messages?limit=100${query}`)).json.items
}

const CLOSING = 'To hear this message again, press 1. To get no more calls from us, press 9.'

t.test('one file: mobiles get SMS, landlines are called, each row is counted, priced and explained', async (t) => {
  const csv = [
    'name,phone',
    `Ann,${MOBILE}`,
    `Bo,${LANDLINE}`,
    'Cy,020 7183 8750',
    `Di,${OTHER_LANDLINE}`,
    'Ed,12',
    'Flo,+33140205050',
    'Gus,09012345678',
    'Hal,',
  ].join('\n')
  const settings = { text: 'Hi ~name~, see you tomorrow.', from: 'Clinic', columns: { to: 'phone' } }
  const job = await upload(office, settings, csv)
  t.match(job.counts, { rows: 8, accepted: 3, rejected: 4, duplicate: 1, scheduled: 3, parts: 3 })
  t.same(job.rejectedByReason, {
    DUPLICATE: 1,
    INVALID_NUMBER: 1,
    MISSING_NUMBER: 1,
    NO_ROUTE: 1,
    PREMIUM_NUMBER: 1,
  })
  t.match(job.estimate, {
    price: 0.26,
    byChannel: { sms: { rows: 1, parts: 1, price: 0.04 }, voice: { rows: 2, parts: 2, price: 0.22 } },
    byEncoding: { speech: { rows: 2 } },
  })
  const [call, ...rest] = await messages(office, job, `&to=${encodeURIComponent(LANDLINE)}`)
  t.same(rest, [])
  t.match(call, { to: LANDLINE, channel: 'voice', encoding: 'speech', parts: 1, price: 0.11, country: 'GB', line: 3 })
  t.equal(call!.from, '', 'a name is no caller id: the carrier has its own')
  t.equal(call!.text, `Hi Bo, see you tomorrow. ${CLOSING}`)
  t.same(call!.prompts, [{ text: 'Hi Bo, see you tomorrow.' }, { text: CLOSING }])
  t.equal(call!.language, '')
  t.same((await messages(office, job, '&channel=voice')).map(({ to }) => to).sort(), [OTHER_LANDLINE, LANDLINE])
  const [sms] = await messages(office, job, '&channel=sms')
  t.match(sms, { to: MOBILE, from: 'Clinic', text: 'Hi Ann, see you tomorrow.', prompts: null, language: null })
  const { rows } = (await office.call('GET', `/v1/jobs/${job.id}/preview`)).json
  t.match(rows[1], { to: LANDLINE, channel: 'voice', encoding: 'speech', parts: 1, carrier: 'pbx', price: 0.11 })
  t.same(rows[1].prompts, call!.prompts)
  const report = (await office.call('GET', `/v1/jobs/${job.id}/report.csv?channel=voice`)).text.trim().split('\r\n')
  t.equal(report.length, 3)
  t.match(report[1], `"${LANDLINE}"`)
  t.match(report[1], ',"voice","scheduled",')
  const all = (await office.call('GET', '/v1/messages?channel=voice&limit=50')).json.items
  t.same([...new Set(all.map(({ channel }: MessageView) => channel))], ['voice'])
  const log = (await office.call('GET', '/v1/messages.ndjson?channel=voice')).text.trim().split('\n')
  t.same([...new Set(log.map((line) => JSON.parse(line).channel))], ['voice'])
})

t.test('what a job says of landlines is done, and without a route there is no call', async (t) => {
  const csv = `to\n${LANDLINE}\n${MOBILE}\n`
  const asSms = await upload(office, { text: 'x', landlines: 'sms' }, csv)
  t.match(asSms.estimate, { byChannel: { sms: { rows: 2 } } })
  const refused = await upload(office, { text: 'x', landlines: 'reject' }, csv)
  t.match(refused.rejectedByReason, { LINE_TYPE_REFUSED: 1 })
  const called = await upload(office, { text: 'x', channel: 'sms', landlines: 'voice' }, csv)
  t.match(called.estimate, { byChannel: { sms: { rows: 1 }, voice: { rows: 1 } } })
  const onlyCalls = await upload(office, { text: 'x', channel: 'voice' }, csv)
  t.match(onlyCalls.estimate, { byChannel: { voice: { rows: 2 } } })
  const abroad = await upload(office, { text: 'x', channel: 'voice' }, 'to\n+33140205050\n')
  t.match(abroad.rejectedByReason, { NO_ROUTE: 1 })
})

t.test('a short code is never called, whatever is asked for', async (t) => {
  const short = await whole.account('short', { defaultCountry: 'GB', allowShortCodes: true })
  const job = await upload(short, { text: 'x', channel: 'voice' }, `to\n60777\n${LANDLINE}\n`)
  t.match(job.rejectedByReason, { NO_ROUTE: 1 })
  const one = await short.call('POST', '/v1/messages', { body: { to: '60777', text: 'x', channel: 'voice' } })
  t.match([one.status, one.json.code], [422, 'NO_ROUTE'])
  const explained = await short.call('GET', '/v1/explain?to=60777&text=x&channel=voice')
  t.match(explained.json.problems, [{ code: 'NO_ROUTE' }])
})

t.test('the account may have calls switched off, or no price, or an opt-in that is missing', async (t) => {
  const silent = await whole.account('silent', { defaultCountry: 'GB', features: { voice: false } })
  const csv = `to\n${LANDLINE}\n${MOBILE}\n`
  const job = await upload(silent, { text: 'x' }, csv)
  t.match(job.rejectedByReason, { FEATURE_OFF: 1 })
  const off = await silent.call('POST', '/v1/jobs', { body: { text: 'x', channel: 'voice' } })
  t.match([off.status, off.json.code], [403, 'FEATURE_OFF'])
  const prices = [{ channel: 'sms', prefix: '44', price: 0.04 }]
  const prepaid = await whole.account('prepaid', { defaultCountry: 'GB', prices, currency: 'GBP', balance: 5 })
  t.match((await upload(prepaid, { text: 'x' }, csv)).rejectedByReason, { NO_PRICE: 1 })
  const careful = await whole.account('careful', { defaultCountry: 'GB', requireOptIn: true })
  const contact = { optIn: { sms: { state: 'in' } } }
  for (const number of [LANDLINE, MOBILE]) {
    const put = await careful.call('PUT', `/v1/contacts/${encodeURIComponent(number)}`, { body: contact })
    t.ok(put.status < 300, put.text)
  }
  const asked = await upload(careful, { text: 'x' }, csv)
  t.match(asked.counts, { accepted: 1, rejected: 1 }, 'who agreed to SMS did not agree to calls')
  t.match(asked.rejectedByReason, { NOT_OPTED_IN: 1 })
})

t.test('the caller id is one that the carrier lets us show: of the job, else of the account', async (t) => {
  const csv = `to\n${LANDLINE}\n`
  const own = await upload(office, { text: 'x', from: '442071831111' }, csv)
  t.equal((await messages(office, own))[0]!.from, '+442071831111', 'as the carrier writes it')
  const foreign = await upload(office, { text: 'x', from: '+442079999999' }, csv)
  t.equal((await messages(office, foreign))[0]!.from, '', 'any other gives way to that of the carrier')
  const branch = await whole.account('branch', { defaultCountry: 'GB', senders: ['Clinic', '+442071831111'] })
  const mixed = await upload(branch, { text: 'x' }, `to\n${LANDLINE}\n${MOBILE}\n`)
  const found = await messages(branch, mixed)
  t.same(Object.fromEntries(found.map(({ channel, from }) => [channel, from])), {
    sms: 'Clinic',
    voice: '+442071831111',
  })
})

t.test('a suppressed landline is not called, and a job is taken up again with its calls as they were', async (t) => {
  await office.call('PUT', `/v1/suppressions/${encodeURIComponent(OTHER_LANDLINE)}`, { body: {} })
  const prompts = ['Hello ~name~.', { pauseMs: 500 }, 'This is about ~subject|your visit~.']
  const csv = `to,name\n${LANDLINE},Bo\n${OTHER_LANDLINE},Di\n${MOBILE},Ann\n`
  const job = await upload(office, { text: 'Hi ~name~', prompts, language: 'en-GB' }, csv)
  t.match(job.counts, { accepted: 2, suppressed: 1 })
  const [before] = await messages(office, job, '&channel=voice')
  const expected = [{ text: 'Hello Bo.' }, { pauseMs: 500 }, { text: 'This is about your visit.' }, { text: CLOSING }]
  t.same(before!.prompts, expected)
  t.equal(before!.language, 'en-GB')
  await office.call('POST', `/v1/jobs/${job.id}/cancel`)
  await reached(office.call, job.id, 'canceled')
  await whole.restart()
  // What the retry is to do waits for the morning of its account.
  await whole.call('PATCH', '/v1/accounts/office', { body: { sendingHours: closedNow() } })
  const retried = await office.call('POST', `/v1/jobs/${job.id}/retry`, { body: { states: ['canceled'] } })
  t.equal(retried.status, 202, retried.text)
  const again = await jobUntil(office.call, retried.json.id, ({ counts }) => counts.accepted === 2)
  const [after] = await messages(office, again, '&channel=voice')
  t.match(after, { to: LANDLINE, text: before!.text, language: 'en-GB' })
  t.same(after!.prompts, expected, 'greeting and closing are not said twice')
  await office.call('POST', `/v1/jobs/${again.id}/cancel`)
  await whole.call('PATCH', '/v1/accounts/office', { body: { sendingHours: null } })
  await office.call('DELETE', `/v1/suppressions/${encodeURIComponent(OTHER_LANDLINE)}`)
})

t.test('of what a job prefers, ways that are left out are not used', async (t) => {
  const csv = `to,mail\n${LANDLINE},bo@example.com\n${MOBILE},ann@example.com\n`
  const settings = { text: 'x', subject: 'x', columns: { to: 'to', email: 'mail' } }
  const all = await upload(office, settings, csv)
  t.match(all.estimate, { byChannel: { sms: { rows: 1 }, voice: { rows: 1 } } })
  const without = await upload(office, { ...settings, prefer: ['sms', 'email'] }, csv)
  t.equal(without.estimate?.byChannel.voice, undefined)
  t.match(without.counts, { rows: 2, accepted: 1 }, 'there is no relay for the landline here')
})

t.test('a call is reserved and counted as any message is', async (t) => {
  const prices = [{ channel: 'voice', prefix: '44', price: 0.3 }]
  const settings = { defaultCountry: 'GB', prices, currency: 'GBP', balance: 1, quotas: { messagesPerDay: 3 } }
  const customer = await whole.account('prepaid-calls', settings)
  const send = () => customer.call('POST', '/v1/messages', { body: { to: LANDLINE, text: 'x', sendAt: LATER } })
  const first = await send()
  t.equal(first.status, 202, first.text)
  t.match((await customer.call('GET', '/v1/balance')).json, { balance: 0.7, reserved: 0.3 })
  for (const status of [202, 202, 429]) t.equal((await send()).status, status)
  await customer.call('POST', `/v1/messages/${first.json.id}/cancel`)
  await until(
    async () => (await customer.call('GET', '/v1/balance')).json,
    ({ reserved }) => reserved === 0.6,
  )
})

t.test('a dropped file calls its landlines as its profile says, and a sample says so before', async (t) => {
  const dropper = await whole.account('dropper', { defaultCountry: 'GB', sendingHours: closedNow() })
  const csv = `mobile,name\n${LANDLINE},Bo\n${MOBILE},Ann\n`
  const saved = { text: 'SMS ~name~', prompts: ['Call ~name~'], landlines: 'voice', columns: { to: 'mobile' } }
  const put = await dropper.call('PUT', '/v1/profiles/default', { body: saved })
  t.ok(put.status < 300, put.text)
  const headers = { 'content-type': 'text/csv' }
  const sample = await dropper.call('POST', '/v1/profiles/default/sample', { body: csv, headers })
  t.equal(sample.status, 200, sample.text)
  t.match(sample.json.rows, [
    { channel: 'voice', prompts: [{ text: 'Call Bo' }, { text: CLOSING }] },
    { channel: 'sms', text: 'SMS Ann' },
  ])
  const part = join(whole.folder, 'being-written')
  writeFileSync(part, csv)
  const folder = join(root, 'dropper')
  await until(
    async () => existsSync(folder),
    (isThere) => isThere,
  )
  renameSync(part, join(folder, 'patients.csv'))
  const drops = async (): Promise<{ job: string | null; landlines: number }[]> =>
    (await dropper.call('GET', '/v1/drops')).json.items
  const [drop] = await until(drops, ([item]) => item?.job != null && item.landlines === 1)
  const { items } = (await dropper.call('GET', `/v1/jobs/${drop!.job}/messages`)).json
  t.match(items.map(({ channel }: MessageView) => channel).sort(), ['sms', 'voice'])
  await dropper.call('POST', `/v1/jobs/${drop!.job}/cancel`)
  const archived = await until(
    async () => (await dropper.call('GET', '/v1/archive?state=canceled')).json.items as MessageView[],
    (found) => found.length === 2,
  )
  t.match(
    archived.find(({ channel }) => channel === 'voice'),
    { to: LANDLINE, text: `Call Bo ${CLOSING}` },
  )
  const again = await dropper.call('POST', '/v1/archive/retry', { body: { states: ['canceled'] } })
  t.equal(again.status, 202, again.text)
  const job = await jobUntil(dropper.call, again.json.items[0].id, ({ counts }) => counts.accepted === 2)
  t.match(await messages(dropper, job, '&channel=voice'), [
    { to: LANDLINE, prompts: [{ text: 'Call Bo' }, { text: CLOSING }] },
  ])
})

/** Half an hour that is half a day away. */
function closedNow(): object {
  const hour = (new Date().getUTCHours() + 12) % 24
  const name = String(hour).padStart(2, '0')
  return { from: `${name}:00`, to: `${name}:30`, timeZone: 'UTC' }
}
