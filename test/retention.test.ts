/** Texts, then rows with their numbers, are forgotten when their time is over; counts, usage and money stay; what comes later does no harm. */
import t from 'tap'
import { systemClock } from '../src/engine/contract/clock.js'
import { timeout } from './acceptance-run.js'
import { formsOf, formsOfText, tracesOf } from './raw-traces.js'
import { until } from './until.js'
import { type Call, reached, startWhole } from './whole-engine.js'

t.setTimeout(timeout)
const DAY_MS = 86_400_000
const needles = { ...formsOf('447712345678', '07712345678'), ...formsOfText('Only for your eyes') }
const prices = [{ channel: 'sms', prefix: '44', price: 0.05 }]

async function fileJob(call: Call): Promise<string> {
  const { json } = await call('POST', '/v1/jobs', { body: { text: 'Only for your eyes, ~name~', from: 'ACME' } })
  const rows = Array.from({ length: 300 }, (_, row) => `+44771${2_100_000 + row},Guest ${row}`)
  const body = Buffer.from(
    `number,name\n+447712345678,Rosamund\n07712345678,twice\nnothing,wrong\n${rows.join('\n')}\n`,
  )
  await call('PUT', `/v1/jobs/${json.id}/recipients`, { body, headers: { 'content-type': 'text/csv' } })
  await reached(call, json.id, 'finished')
  return json.id
}

t.test('texts go after a week, rows and files after ninety days, and numbers that count stay', async (t) => {
  let aheadMs = 0
  const clock = { ...systemClock, now: () => Date.now() + aheadMs }
  const whole = await startWhole(t, { clock })
  const { call } = await whole.account('acme', { defaultCountry: 'GB', prices, currency: 'EUR' })
  const id = await fileJob(call)
  const single = { to: '+447712345678', from: 'ACME', text: 'Only for your eyes', clientReference: 'r1' }
  const sent = await call('POST', '/v1/messages', { body: single })
  const message = (sent.json.messages ?? [sent.json])[0].id
  const future = new Date(Date.now() + 200 * DAY_MS).toISOString()
  const planned = await call('POST', '/v1/messages', { body: { ...single, sendAt: future } })
  const plannedId = (planned.json.messages ?? [planned.json])[0].id
  const look = (of: string) => () => call('GET', `/v1/messages/${of}`)
  await until(look(message), ({ json }) => json.state === 'delivered')
  const before = (await call('GET', `/v1/jobs/${id}`)).json
  t.equal(before.erased, null)
  const usage = (await call('GET', '/v1/usage')).text

  aheadMs = 8 * DAY_MS
  const textless = await until(
    () => call('GET', `/v1/jobs/${id}`),
    ({ json }) => json.erased !== null,
  )
  t.match(textless.json, { counts: before.counts, erased: { rowsAt: null }, state: 'finished' })
  await until(look(message), ({ json }) => json.erased === 'text')
  t.match((await look(message)()).json, { to: '+447712345678', text: '', state: 'delivered', price: 0.05 })
  const page = (await call('GET', `/v1/jobs/${id}/messages?limit=200`)).json.items
  t.ok(page.every(({ erased, text }: { erased: string; text: string }) => erased === 'text' && text === ''))
  t.match((await look(plannedId)()).json, { state: 'scheduled', text: 'Only for your eyes', erased: null })
  t.match((await call('GET', `/v1/jobs/${id}/report.csv`)).text, /\+?447712345678/)

  aheadMs = 91 * DAY_MS
  await until(
    () => call('GET', `/v1/jobs/${id}`),
    ({ json }) => json.erased.rowsAt !== null,
  )
  await until(look(message), ({ status }) => status === 410)
  t.match((await look(message)()).json, { code: 'ERASED' })
  for (const path of ['report.csv', 'rejects.csv', 'summary']) {
    const answer = await call('GET', `/v1/jobs/${id}/${path}`)
    t.match([answer.status, JSON.parse(answer.text).code], [410, 'ERASED'], path)
  }
  const stranger = await whole.account('other')
  t.equal((await stranger.call('GET', `/v1/messages/${message}`)).status, 404, 'a foreign id is as unknown as ever')
  const after = (await call('GET', `/v1/jobs/${id}`)).json
  t.match(after, { state: 'finished', counts: before.counts, estimate: before.estimate })
  t.equal((await call('GET', '/v1/usage')).text, usage, 'usage is what it was')
  t.match((await look(plannedId)()).json, { state: 'scheduled', text: 'Only for your eyes' }, 'what waits is kept')
  await call('POST', `/v1/messages/${plannedId}/cancel`)

  await whole.restart()
  t.match((await call('GET', `/v1/jobs/${id}`)).json, { counts: before.counts })
  t.equal((await look(message)()).status, 410)
  const again = await call('POST', '/v1/messages', { body: { ...single, text: 'A new one', clientReference: 'r2' } })
  const next = (again.json.messages ?? [again.json])[0].id
  await until(look(next), ({ json }) => json.state === 'delivered')
  const left = tracesOf(whole.folder, { file: Buffer.from('Rosamund'), guest: Buffer.from('+447712100007') })
  t.same(left, [], 'the file of the job is gone')
  t.match((await whole.call('GET', '/v1/audit/chain')).json, { ok: true })
})

t.test('with 0 nothing is forgotten', async (t) => {
  let aheadMs = 0
  const clock = { ...systemClock, now: () => Date.now() + aheadMs }
  const yaml = (at: (login: string) => string) =>
    `carriers: [{ id: sim, ${at('trunk')} }]\nretention: { textDays: 0, rowDays: 0 }`
  const whole = await startWhole(t, { clock, yaml })
  const { call } = await whole.account('acme')
  const id = await fileJob(call)
  aheadMs = 4_000 * DAY_MS
  await whole.restart()
  await whole.call('GET', '/metrics')
  t.match((await call('GET', `/v1/jobs/${id}`)).json, { erased: null })
  t.ok(tracesOf(whole.folder, needles).length > 0)
})
