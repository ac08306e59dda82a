/**
 * An erasure leaves no trace: the raw files of the data directory are searched for the number, the address and the texts in every
 * form in which the stores write them, before and after.
 */
import t from 'tap'
import { timeout } from './acceptance-run.js'
import { formsOf, formsOfText, tracesOf } from './raw-traces.js'
import { until } from './until.js'
import { reached, startWhole, type Whole } from './whole-engine.js'

t.setTimeout(timeout)
const ROWS = 600
const number = '+447712345678'
const secret = 'Secretly for Rosamund'
const secretUcs2 = 'Совершенно секретно'
const needles = {
  ...formsOf('447712345678', '07712 345678'),
  ...formsOfText(secret),
  ...formsOfText(secretUcs2),
  name: Buffer.from('Rosamund'),
  reference: Buffer.from('invoice-of-rosamund'),
}
const other = formsOf('447712999999', '07712999999')

function fileOf(rows: number): Buffer {
  const lines = Array.from({ length: rows }, (_, row) => `+44771${2_100_000 + row},Guest ${row}`)
  lines.splice(250, 0, '07712 345678,Rosamund')
  lines.splice(400, 0, '447712345678 and more,Rosamund again')
  lines.push('+447712999999,Other')
  return Buffer.from(`number,name\n${lines.join('\n')}\n`)
}

async function said(whole: Whole, from: string, text: string): Promise<void> {
  await whole.smsc.subscribers.send({ from, to: '60099', text })
  const heard = () => whole.call('GET', '/v1/inbound')
  await until(heard, ({ json }) => json.items.some((item: { text: string }) => item.text === text))
}

t.test('a number is erased from messages, files, contacts, replies and notes, and from the disk', async (t) => {
  const whole = await startWhole(t)
  const { call } = await whole.account('acme', { defaultCountry: 'GB', inbound: { numbers: ['60099'] } })
  const job = await call('POST', '/v1/jobs', { body: { text: 'Hi ~name~, this is Secretly for ~name~', from: 'ACME' } })
  const { id } = job.json
  const csv = { 'content-type': 'text/csv' }
  const upload = await call('PUT', `/v1/jobs/${id}/recipients`, { body: fileOf(ROWS), headers: csv })
  t.equal(upload.status, 202, upload.text)
  await reached(call, id, 'finished')
  const headers = { 'idempotency-key': 'k1' }
  const single = { to: number, from: 'ACME', text: secretUcs2, clientReference: 'invoice-of-rosamund' }
  const sent = await call('POST', '/v1/messages', { body: single, headers })
  t.equal(sent.status, 202, sent.text)
  const soon = new Date(Date.now() + 86_400_000).toISOString()
  const waiting = await call('POST', '/v1/messages', { body: { ...single, text: secret, sendAt: soon } })
  t.equal(waiting.status, 202, waiting.text)
  const [later] = waiting.json.messages ?? [waiting.json]
  await said(whole, '447712345678', `I am Rosamund and ${secret}`)
  const contact = { attributes: { name: 'Rosamund' }, tags: ['vip'] }
  t.equal((await call('PUT', `/v1/contacts/${number}`, { body: contact })).status, 200)
  t.equal((await call('PUT', `/v1/suppressions/${number}`, { body: { note: `asked by Rosamund` } })).status, 200)
  const first = await call('GET', `/v1/messages?to=${encodeURIComponent(number)}`)
  t.equal(first.json.items.length, 3)
  const countsBefore = (await call('GET', `/v1/jobs/${id}`)).json.counts
  const before = tracesOf(whole.folder, needles)
  for (const form of [
    'digits',
    'national',
    'key',
    'double',
    'tail',
    secret,
    `${secretUcs2} ucs2`,
    'name',
    'reference',
  ]) {
    t.ok(
      before.some((trace) => trace.includes(` ${form} ×`)),
      `${form} is there before`,
    )
  }

  const made = await call('POST', '/v1/erasures', { body: { number } })
  t.equal(made.status, 202, made.text)
  const { json } = await until(
    () => call('GET', `/v1/erasures/${made.json.id}`),
    (answer) => answer.json.state === 'done',
  )
  t.match(json, { account: 'acme', subject: '+4477****678', state: 'done' })
  t.match(json.erased, { messages: 3, canceled: 1, contacts: 1, inbound: 1 })
  t.ok(json.erased.fileLines >= 2, 'the row that was accepted and the one that was not')
  t.match(json.kept[0], { what: 'suppressions', count: 1 })
  t.match((await call('GET', `/v1/messages/${later.id}`)).json, {
    state: 'canceled',
    to: '',
    text: '',
    erased: 'message',
    clientReference: null,
  })
  t.same((await call('GET', `/v1/messages?to=${encodeURIComponent(number)}`)).json.items, [])
  t.equal((await call('GET', `/v1/contacts/${number}`)).status, 404)
  t.same((await call('GET', `/v1/jobs/${id}`)).json.counts, countsBefore, 'counts are what they were')
  const report = await call('GET', `/v1/jobs/${id}/report.csv`)
  t.notMatch(report.text, /7712 ?345678|Rosamund/)
  t.match(report.text, /447712999999/, 'the others are there')
  t.notMatch((await call('GET', `/v1/jobs/${id}/rejects.csv`)).text, /7712 ?345678|Rosamund/)
  const replay = await call('POST', '/v1/messages', { body: single, headers })
  t.equal(replay.status, 202, 'a repeated request is answered as before')
  t.notMatch(replay.text, /7712345678/)
  t.match((await call('GET', `/v1/suppressions/${number}`)).json, { entries: [{ note: null }] }, 'who opted out stays')
  t.match((await whole.call('GET', '/v1/audit')).text, /erasure.done/)
  t.notMatch((await whole.call('GET', '/v1/audit')).text, /7712345678/)
  const running = tracesOf(whole.folder, needles)
  t.comment(`left while it runs: ${running.join('; ') || 'nothing'}`)

  let stopped: string[] = []
  await whole.restart(() => {
    stopped = tracesOf(whole.folder, needles)
  })
  t.comment(`left after the stop: ${stopped.join('; ') || 'nothing'}`)
  const after = tracesOf(whole.folder, { ...needles, key: Buffer.from('no suppression') })
  t.same(after, [], 'nothing is left after the next start')
  t.ok(tracesOf(whole.folder, other).length > 0, 'what was not erased is there')
  t.match((await call('GET', `/v1/jobs/${id}`)).json, { state: 'finished', counts: countsBefore })
  t.match((await whole.call('GET', '/v1/audit/chain')).json, { ok: true })
})
