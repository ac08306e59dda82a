/**
 * One job of mobiles, landlines and wrong numbers, by HTTP to the whole engine, and telephones that are not ours at its other
 * end: baresip hears the very sound that was uploaded, in either law, through kamailio, and over TLS.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import t, { type Test } from 'tap'
import type { MessageView } from '../src/engine/contract/api.js'
import { Gateway } from '../src/sip/simulator/gateway.js'
import type { CallEntry } from '../src/sip/simulator/gateway-ledger.js'
import type { GatewayOptions } from '../src/sip/simulator/gateway-options.js'
import { type Baresip, startBaresip } from './baresip.js'
import { callsIn } from './gateway-calls.js'
import { startKamailio } from './kamailio.js'
import { authority, certificate, privateKey } from './peer-certificates.js'
import { seed } from './seed.js'
import { until } from './until.js'
import { glidingTones, likeness, readWav, wavBytes } from './voice-sound.js'
import { speakerIn } from './voice-stand.js'
import { type Customer, reached, startWhole, type Whole } from './whole-engine.js'

t.setTimeout(580_000)

const CLIP_SECONDS = 2
const clip = glidingTones(CLIP_SECONDS, seed)
const folder = mkdtempSync(join(tmpdir(), 'trunkline-voice-end-'))
t.teardown(() => rmSync(folder, { recursive: true }))

let ledgers = 0

async function startGateway(
  t: Test,
  options: Partial<GatewayOptions>,
): Promise<{ gateway: Gateway; port: number; ledger(): CallEntry[] }> {
  const ledgerPath = join(folder, `ledger-${ledgers++}`)
  const gateway = new Gateway({
    host: '127.0.8.140',
    port: 0,
    transport: 'udp',
    ringMs: 50,
    seed,
    ledgerPath,
    ...options,
  })
  const port = await gateway.listen()
  t.teardown(() => gateway.close())
  return { gateway, port, ledger: () => callsIn(ledgerPath) }
}

/** An engine with these carriers, and an account that has the clip as recording `clip`; what is spoken beside it is a tone. */
async function start(t: Test, carriers: string[], routes: string[]): Promise<{ whole: Whole; customer: Customer }> {
  const yaml = (at: (login: string) => string): string => `
logLevel: silent
carriers:
  - { id: sim, ${at('trunk')} }
${carriers.map((keys) => `  - { protocol: sip, callerId: "+442079460999", tailMs: 0, playDelayMs: 100, attempts: 1, ${keys} }`).join('\n')}
routes:
  - { channel: sms, carriers: [sim] }
${routes.map((keys) => `  - { channel: voice, ${keys} }`).join('\n')}
${speakerIn(folder)}
`
  const whole = await startWhole(t, { yaml })
  const customer = await whole.account('clinic', { defaultCountry: 'GB', voice: { closing: [] } })
  const { status, text } = await customer.call('PUT', '/v1/recordings/clip', {
    body: wavBytes(clip),
    headers: { 'content-type': 'audio/wav' },
  })
  if (status >= 300) throw new Error(text)
  return { whole, customer }
}

async function callAndWait({ call }: Customer, to: string): Promise<MessageView> {
  const { json, text } = await call('POST', '/v1/messages', {
    body: { to, text: 'Hello', prompts: [{ recording: 'clip' }] },
  })
  if (json.id === undefined) throw new Error(text)
  return await until(
    async () => (await call('GET', `/v1/messages/${json.id}`)).json as MessageView,
    ({ state }) => !['queued', 'scheduled', 'sending', 'sent'].includes(state),
  )
}

/** Once its call is over the file is whole. */
async function heardClip(t: Test, phone: Baresip): Promise<void> {
  await phone.event('CALL_CLOSED')
  const [file] = phone.heard()
  const heard = await until(
    async () => readWav(file!),
    ({ length }) => length >= clip.length,
  )
  const { correlation, level } = likeness(clip, heard)
  t.ok(correlation >= 0.999, `correlation ${correlation}`)
  t.ok(level > 0.98 && level < 1.02, `level ${level}`)
}

t.test('a job of mobiles, landlines and wrong numbers: each end counts what the report names', async (t) => {
  const endings = '0002=busy,0003=invalid,0004=hangup,0005=press9,0006=press1,0007=press2'
  const { gateway, port, ledger } = await startGateway(t, { endings, hangUpMs: 600, digitAfterMs: 700 })
  const phones = {
    pcma: await startBaresip(t, { address: '127.0.8.141', user: '+441614960000', codecs: 'pcma' }),
    pcmu: await startBaresip(t, { address: '127.0.8.142', user: '+441314960000', codecs: 'pcmu' }),
  }
  const { whole, customer } = await start(
    t,
    [
      `id: gateway, host: 127.0.8.140, port: ${port}, expectedDigits: "2"`,
      ...Object.entries(phones).map(([id, phone]) => `id: ${id}, host: ${phone.address}, port: ${phone.port}`),
    ],
    ['carriers: [gateway]', 'prefix: "44161", carriers: [pcma]', 'prefix: "44131", carriers: [pcmu]'],
  )
  const landlines = Array.from({ length: 8 }, (_, n) => `+4420794600${String(n).padStart(2, '0')}`)
  const numbers = ['+447400123450', '+447400123451', ...landlines, '+441614960000', '+441314960000', '12', '+44712']
  const made = await customer.call('POST', '/v1/jobs', {
    body: { text: 'Hello ~name~', prompts: [{ recording: 'clip' }], columns: { to: 'phone' } },
  })
  const csv = `name,phone\n${numbers.map((number, n) => `Name ${n},${number}`).join('\n')}\n`
  await customer.call('PUT', `/v1/jobs/${made.json.id}/recipients`, {
    body: csv,
    headers: { 'content-type': 'text/csv' },
  })
  const job = await reached(customer.call, made.json.id, 'finished')
  t.match(job.counts, { rows: 14, accepted: 12, rejected: 2, delivered: 8, undelivered: 3, failed: 1, parts: 12 })

  const report = await customer.call('GET', `/v1/jobs/${job.id}/report.csv`)
  const rows = parse(report.text, { columns: true }) as { to: string; state: string; reason: string; channel: string }[]
  const said = Object.fromEntries(
    rows.map(({ to, state, reason, channel }) => [to, `${channel} ${state} ${reason}`.trimEnd()]),
  )
  const heard = 'voice delivered'
  t.strictSame(said, {
    '+447400123450': 'sms delivered',
    '+447400123451': 'sms delivered',
    '+442079460000': heard,
    '+442079460001': heard,
    '+442079460002': 'voice undelivered BUSY',
    '+442079460003': 'voice failed INVALID_NUMBER',
    '+442079460004': 'voice undelivered PARTLY_HEARD',
    '+442079460005': 'voice undelivered PARTLY_HEARD',
    '+442079460006': heard,
    '+442079460007': heard,
    '+441614960000': heard,
    '+441314960000': heard,
  })
  const rejects = await customer.call('GET', `/v1/jobs/${job.id}/rejects.csv`)
  t.equal((parse(rejects.text, { columns: true }) as object[]).length, 2)

  t.equal(whole.smsc.stats().submits, 2)
  t.match(gateway.stats(), { calls: 8, answered: 6, callsNow: 0, rtpJumps: 0, complaints: [] })
  const calls = new Map(ledger().map((entry) => [entry.number.slice(-1), entry]))
  const soundMs = (ending: string): number => calls.get(ending)!.heardMs
  t.ok(soundMs('0') >= CLIP_SECONDS * 1_000, `${soundMs('0')} ms heard`)
  t.ok(soundMs('6') >= CLIP_SECONDS * 1_000 + 700, `1: again from the beginning, ${soundMs('6')} ms`)
  t.ok(soundMs('5') < CLIP_SECONDS * 1_000, `9: over at once, ${soundMs('5')} ms`)
  for (const phone of Object.values(phones)) await heardClip(t, phone)

  const suppressed = await customer.call('GET', '/v1/suppressions/+442079460005')
  t.equal(suppressed.status, 200, 'who pressed 9 is called no more')
  const again = await customer.call('POST', '/v1/messages', {
    body: { to: '+442079460005', text: 'Hello', channel: 'voice' },
  })
  t.equal(again.json.code, 'SUPPRESSED', again.text)
})

t.test('an expected digit confirms, although the telephone is hung up long before the end', async (t) => {
  const { port, ledger } = await startGateway(t, { endings: '2=press2', digitAfterMs: 300, talkMs: 900 })
  const keys = `id: gateway, host: 127.0.8.140, port: ${port}, expectedDigits: "12", repeatDigit: ""`
  const { customer } = await start(t, [keys], ['carriers: [gateway]'])
  const [confirmed, silent] = await Promise.all(
    ['+442079460002', '+442079460001'].map((to) => callAndWait(customer, to)),
  )
  t.match(confirmed, { state: 'delivered', history: [{ voice: { digits: '2' } }] })
  t.match(silent, { state: 'undelivered', reason: 'PARTLY_HEARD', history: [{ voice: { digits: '' } }] })
  t.ok(ledger().every(({ heardMs }) => heardMs < CLIP_SECONDS * 1_000))
})

for (const algorithm of ['MD5', 'SHA-256'] as const) {
  t.test(`through kamailio, with a login by ${algorithm} and a recorded route, either side hangs up`, async (t) => {
    const { gateway, port } = await startGateway(t, { endings: '9=hangup', hangUpMs: 500 })
    const login = { user: 'trunk', password: 'secret', algorithm }
    const proxy = await startKamailio(t, { address: '127.0.8.143', to: `sip:127.0.8.140:${port}`, login })
    const keys = `id: trunk, host: ${proxy.address}, port: ${proxy.port}, user: trunk, password: secret`
    const { customer } = await start(t, [keys], ['carriers: [trunk]'])
    t.match(await callAndWait(customer, '+442079460001'), { state: 'delivered' })
    t.match(await callAndWait(customer, '+442079460009'), { state: 'undelivered', reason: 'PARTLY_HEARD' })
    await until(
      async () => gateway.stats(),
      ({ ended }) => ended === 2,
    )
    t.match(gateway.stats(), { calls: 2, answered: 2, callerHungUp: 1, weHungUp: 1, strayAcks: 0, complaints: [] })
    t.equal(proxy.log().match(/SEEN BYE from/g)?.length, 2, 'both BYEs take the route')
  })
}

t.test('a wrong password suspends nothing but the calls of that carrier, and is told as such', async (t) => {
  const proxy = await startKamailio(t, {
    address: '127.0.8.144',
    to: 'sip:127.0.8.140:9',
    login: { user: 'trunk', password: 'secret' },
  })
  const keys = `id: trunk, host: ${proxy.address}, port: ${proxy.port}, user: trunk, password: wrong`
  const { whole, customer } = await start(t, [keys], ['carriers: [trunk]'])
  const { json } = await customer.call('POST', '/v1/messages', {
    body: { to: '+442079460001', text: 'Hello', channel: 'voice' },
  })
  const message = await until(
    async () => (await customer.call('GET', `/v1/messages/${json.id}`)).json as MessageView,
    ({ reason, history }) => reason !== null || history.length > 0,
  )
  t.match(JSON.stringify(message), /CARRIER_CONFIG/)
  t.equal((await whole.call('GET', '/v1/carriers')).status, 200)
  t.equal(proxy.log().match(/SEEN INVITE from/g)?.length, 2, 'once without a login and once with it')
})

t.test('over TLS to baresip, its certificate verified; one that is not trusted gets no call', async (t) => {
  const phone = await startBaresip(t, {
    address: '127.0.8.145',
    user: '+442079460001',
    transport: 'tls',
    certificate: privateKey + certificate,
  })
  const ca = JSON.stringify(authority)
  const keys = (id: string, more: string): string =>
    `id: ${id}, host: ${phone.address}, port: ${phone.port + 1}, transport: tls, tlsOptions: { ${more} }`
  const { customer, whole } = await start(
    t,
    [keys('phone', `ca: ${ca}, servername: smsc.test`), keys('stranger', `ca: ${ca}, servername: other.test`)],
    ['carriers: [phone]', 'prefix: "44161", carriers: [stranger]'],
  )
  t.match(await callAndWait(customer, '+442079460001'), { state: 'delivered', history: [{ carrier: 'phone' }] })
  await heardClip(t, phone)
  await customer.call('POST', '/v1/messages', { body: { to: '+441614960001', text: 'Hello', channel: 'voice' } })
  const carriers = await until(
    async () =>
      (await whole.call('GET', '/v1/carriers')).json.items as { id: string; binds: { lastError: string | null }[] }[],
    (items) => items.find(({ id }) => id === 'stranger')!.binds.some(({ lastError }) => lastError !== null),
  )
  t.match(JSON.stringify(carriers.find(({ id }) => id === 'stranger')!.binds), /certificate|other\.test/i)
  t.equal(phone.events.filter(({ type }) => type === 'CALL_CLOSED').length, 1, 'one call')
})
