/** Suppressions and unsubscribe links as a customer meets them: the real engine over HTTP, and a simulated carrier. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import type { MessageView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import type { ImportReport } from '../src/engine/contract/suppressions.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const folder = mkdtempSync(join(tmpdir(), 'trunkline-opt-out-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const admin = 'admin-key-of-this-test'
const config = parseConfig(
  JSON.stringify({
    dataDir: folder,
    http: { port: 0, adminKey: admin, publicUrl: 'https://m.example/go/' },
    carriers: [{ id: 'sim', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'trunk', password: 'secret' }],
  }),
  { name: 'test', folder, env: {} },
)
let server = await startServer(config, { log: silentLog, exit: (code) => t.fail(`stopped with ${code}`) })
t.teardown(async () => {
  await server.stop()
  await smsc.close()
  rmSync(folder, { recursive: true })
})

let acme = ''
let rival = ''

function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  return send(server.url + path, method, { key: acme, ...options })
}

/** Asks until it is final; each question is a round trip. */
async function ended(id: string): Promise<MessageView> {
  for (;;) {
    const { json } = await call('GET', `/v1/messages/${id}`)
    if (['delivered', 'failed', 'canceled', 'expired'].includes(json.state)) return json
  }
}

async function jobEnded(id: string) {
  for (;;) {
    const { json } = await call('GET', `/v1/jobs/${id}`)
    if (json.state === 'finished') return json
    if (json.state === 'failed') throw new Error(`${json.reason}: ${json.detail}`)
  }
}

t.before(async () => {
  const make = async (id: string) =>
    (await call('POST', '/v1/accounts', { key: admin, body: { id, name: 'Acme & <Sons>', defaultCountry: 'GB' } })).json
      .key
  acme = await make('acme')
  rival = await make('rival')
})

t.test('a number is suppressed, shown, listed, and let go again, however it is written', async (t) => {
  const made = await call('PUT', '/v1/suppressions/07400%20000001', { body: { note: 'asked by telephone' } })
  const entry = { scope: 'account', sender: null, source: 'api', note: 'asked by telephone' }
  t.match(made, { status: 200, json: { number: '+447400000001', entries: [entry] } }, made.text)
  const again = await call('PUT', '/v1/suppressions/+447400000001')
  t.equal(again.status, 200, 'a body may be left out')
  t.equal(again.json.entries[0].at, made.json.entries[0].at, 'the first time stands')
  const bySender = await call('PUT', '/v1/suppressions/00447400000001?sender=ACME')
  t.equal(bySender.json.entries.length, 2)
  t.match((await call('GET', '/v1/suppressions/447400000001?sender=acme')).json.entries, [{ sender: 'acme' }])
  t.match((await call('GET', '/v1/suppressions')).json, { items: [{ number: '+447400000001' }], nextCursor: null })
  t.match((await call('GET', '/v1/suppressions?source=csv')).json.items, [])
  t.equal((await call('GET', '/v1/suppressions?since=yesterday')).status, 422)
  t.match(await call('PUT', '/v1/suppressions/12'), { status: 422, json: { code: 'INVALID_NUMBER' } })
  t.equal((await call('GET', '/v1/suppressions/12')).status, 404)
  t.equal((await call('GET', '/v1/suppressions/+447400000009')).status, 404)
  for (const method of ['GET', 'DELETE']) {
    t.equal((await call(method, '/v1/suppressions/+447400000001', { key: rival })).status, 404, "another's is unknown")
  }
  t.equal((await call('DELETE', '/v1/suppressions/+447400000001?sender=ACME')).status, 204)
  t.equal((await call('GET', '/v1/suppressions/+447400000001')).json.entries.length, 1)
  t.equal((await call('DELETE', '/v1/suppressions/+447400000001')).status, 204)
  t.equal((await call('DELETE', '/v1/suppressions/+447400000001')).status, 404)
  const { json } = await call('GET', '/v1/audit?limit=20', { key: admin })
  const actions = json.items.map(({ action }: { action: string }) => action)
  t.ok(actions.includes('suppression.put') && actions.includes('suppression.delete'), 'it is in the audit log')
  t.notMatch(JSON.stringify(json), '447400000001', 'without the number')
})

t.test('a suppressed number gets nothing: message, batch, row, dry run; explain says so', async (t) => {
  await call('PUT', '/v1/suppressions/+447400000010')
  await call('PUT', '/v1/suppressions/+447400000011?sender=%2B447400999999')
  const refused = await call('POST', '/v1/messages', { body: { to: '07400 000010', from: 'ACME', text: 'Hi' } })
  t.match(refused, { status: 422, json: { code: 'SUPPRESSED' } })
  const batch = [
    { to: '+447400000010', text: 'Hi' },
    { to: '+447400000011', from: '447400999999', text: 'Hi' },
    { to: '+447400000011', from: 'ACME', text: 'Hi' },
    { to: '+447400000011', text: 'Hi' },
  ]
  const codes = async (options: CallOptions) => {
    const { json } = await call('POST', '/v1/messages', { body: { messages: batch }, ...options })
    return json.items.map(({ code }: { code?: string }) => code ?? 'accepted')
  }
  t.strictSame(
    await codes({}),
    ['SUPPRESSED', 'SUPPRESSED', 'accepted', 'SUPPRESSED'],
    'without a sender it may be any',
  )
  t.strictSame(await codes({ key: rival }), ['accepted', 'accepted', 'accepted', 'accepted'], "only the account's own")
  const dry = await call('POST', '/v1/messages', { body: { messages: batch, dryRun: true } })
  t.match(dry.json.counts, { rows: 4, accepted: 1, suppressed: 3, rejected: 0 })
  const suppressed = async (query: string) => (await call('GET', `/v1/explain?${query}`)).json.suppressed
  t.equal(await suppressed('to=07400000010'), true)
  t.equal(await suppressed('to=07400000011&from=ACME'), false)
  t.equal(await suppressed('to=07400000011&from=447400999999'), true)
  const recipients = ['+447400000010', '+447400000011', '+447400000012', '12']
  const job = await call('POST', '/v1/jobs', { body: { from: 'ACME', text: 'Hi', recipients } })
  const { counts, rejectedByReason } = await jobEnded(job.json.id)
  t.match(counts, { rows: 4, accepted: 2, suppressed: 1, rejected: 1, delivered: 2 })
  t.match(rejectedByReason, { SUPPRESSED: 1, INVALID_NUMBER: 1 })
  t.match((await call('GET', `/v1/jobs/${job.json.id}/rejects.csv`)).text, /SUPPRESSED/)
})

t.test('what was accepted before is stopped just before it would be sent; others of the job go', async (t) => {
  const sendAt = new Date(Date.now() + 3_600_000).toISOString()
  const recipients = ['+447400000020', '+447400000021']
  const job = await call('POST', '/v1/jobs', { body: { from: 'ACME', text: 'Hi', recipients, review: true } })
  const later = await call('POST', '/v1/messages', { body: { to: '+447400000020', text: 'Later', sendAt } })
  t.equal(later.status, 202)
  t.equal((await call('PUT', '/v1/suppressions/+447400000020')).status, 200)
  t.equal((await call('POST', `/v1/jobs/${job.json.id}/start`)).status, 200)
  t.match((await jobEnded(job.json.id)).counts, { accepted: 2, delivered: 1, failed: 1 })
  const { json } = await call('GET', `/v1/jobs/${job.json.id}/messages?state=failed`)
  t.match(json.items, [{ to: '+447400000020', reason: 'SUPPRESSED' }])
})

t.test('everyone at once: what the admin suppresses without naming an account', async (t) => {
  t.equal((await call('PUT', '/v1/suppressions/+447400000030', { key: admin })).status, 200)
  for (const key of [acme, rival]) {
    const body = { to: '+447400000030', text: 'Hi' }
    t.equal((await call('POST', '/v1/messages', { key, body })).json.code, 'SUPPRESSED')
    t.equal((await call('GET', '/v1/suppressions/+447400000030', { key })).status, 404, 'it is not theirs to see')
  }
  const headers = { 'trunkline-account': 'acme' }
  t.equal((await call('PUT', '/v1/suppressions/+447400000031', { key: admin, headers })).status, 200)
  t.equal((await call('GET', '/v1/suppressions/+447400000031')).status, 200, 'an admin may act for an account')
})

t.test('lists and files: counts, reasons by line, the same again changes nothing', async (t) => {
  const numbers = ['07400 000040', { number: '+447400000041', sender: 'ACME', note: 'x' }, 'nobody', '+447400000040']
  const list = await call('POST', '/v1/suppressions', { body: numbers })
  t.match(list, { status: 200, json: { records: 4, added: 2, known: 1, rejected: 1 } }, list.text)
  t.match(list.json.errors, [{ line: 3, code: 'INVALID_NUMBER' }])
  t.match((await call('POST', '/v1/suppressions', { body: { numbers } })).json, { added: 0, known: 3, rejected: 1 })
  t.equal((await call('POST', '/v1/suppressions', { body: [] })).status, 422)
  t.equal((await call('POST', '/v1/suppressions')).status, 400)
  t.equal((await call('POST', '/v1/suppressions', { body: new Array(10_001).fill('1') })).status, 413)
  const csv = 'name;Mobile\r\nAnn;07400 000050\r\n;\r\n"Bob, jr";nobody\r\nCid;4.47E+11\r\nDan;+447400000050\r\n'
  const file = await importCsv(csv)
  t.match(file, { records: 4, added: 1, known: 1, rejected: 2 })
  t.match(file.rejectedByReason, { INVALID_NUMBER: 1, PHONE_SCIENTIFIC: 1 })
  t.match(file.errors, [
    { line: 4, code: 'INVALID_NUMBER' },
    { line: 5, code: 'PHONE_SCIENTIFIC' },
  ])
  t.match(await importCsv('07400000051\n07400000052\n'), { records: 2, added: 2 }, 'without a header')
  t.match(await importCsv('a,b\n1,07400000053\n', '?column=b'), { records: 1, added: 1 })
  const wrong = await call('POST', '/v1/suppressions', { body: 'a,b\n1,2\n', headers: { 'content-type': 'text/csv' } })
  t.match(wrong, { status: 422, json: { code: 'RECIPIENT_COLUMN_MISSING' } })
})

async function importCsv(body: string, query = ''): Promise<ImportReport> {
  const headers = { 'content-type': 'text/csv' }
  const answer = await call('POST', `/v1/suppressions${query}`, { body, headers })
  t.equal(answer.status, 200, answer.text)
  return answer.json
}

t.test('all of it comes back as CSV, inert in a spreadsheet, and can be read in again', async (t) => {
  await call('PUT', '/v1/suppressions/+447400000060', { body: { note: '=HYPERLINK("http://x")' } })
  await call('PUT', '/v1/suppressions/+447400000061?sender=ACME')
  const { text, headers } = await call('GET', '/v1/suppressions?format=csv')
  t.match(headers.get('content-type'), /^text\/csv/)
  t.match(text, /^number,scope,sender,source,at,text,address,inbound,note\n/)
  t.match(text, `"'=HYPERLINK(""http://x"")"`)
  const lines = text.trim().split('\n').length - 1
  t.match(await importCsv(text), { records: lines, added: 0, known: lines, rejected: 0 })
  const headersFor = { 'content-type': 'text/csv' }
  const other = await call('POST', '/v1/suppressions', { key: rival, body: text, headers: headersFor })
  t.match(other.json, { records: lines, rejected: 0 })
  t.match((await call('GET', '/v1/suppressions/+447400000061', { key: rival })).json.entries, [
    { scope: 'sender', sender: 'acme', source: 'csv' },
  ])
  let pages = 0
  let listed = 0
  for (let cursor: string | null = ''; cursor !== null; pages++) {
    const { json } = await call('GET', `/v1/suppressions?limit=4${cursor === '' ? '' : `&cursor=${cursor}`}`)
    listed += json.items.length
    cursor = json.nextCursor
  }
  t.ok(pages > 2)
  t.equal(listed, new Set(text.match(/^"[^"]+"/gm)).size)
})

t.test('unsubscribe: the way out is part of the text before it is cut, in every way of sending', async (t) => {
  const longText = 'x'.repeat(150)
  const body = { to: '+447400000070', from: '447400999999', text: longText, unsubscribe: 'text' }
  const dry = await call('POST', '/v1/messages', { body: { ...body, dryRun: true } })
  t.match(dry.json.rows, [{ text: `${longText} Reply STOP to opt out`, parts: 2 }])
  const sent = await call('POST', '/v1/messages', { body })
  t.match(sent, { status: 202, json: { parts: 2 } })
  t.equal((await ended(sent.json.id)).text, `${longText} Reply STOP to opt out`)
  const named = await call('POST', '/v1/messages', { body: { ...body, from: 'ACME' } })
  t.match(named, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer: '/unsubscribe' }] } })
  t.match(named.json.detail, /link/)
  const data = { ...body, text: undefined, data: '00ff' }
  t.match(await call('POST', '/v1/messages', { body: data }), { status: 422, json: { code: 'VALIDATION' } })
  const job = { from: 'ACME', text: 'Hi', unsubscribe: 'text', recipients: ['+447400000071'] }
  t.match(await call('POST', '/v1/jobs', { body: job }), { status: 422, json: { code: 'VALIDATION' } })
  const made = await call('POST', '/v1/jobs', { body: { ...job, from: '447400999999', review: true } })
  const preview = await call('GET', `/v1/jobs/${made.json.id}/preview`)
  t.match(preview.json.rows, [{ text: 'Hi Reply STOP to opt out', parts: 1 }])
})

t.test('a link: shown by GET, does it by POST, at once, and for nobody who guesses', async (t) => {
  const body = { to: '+447400000080', from: 'ACME', text: 'Offer!', unsubscribe: 'link' }
  const sent = await call('POST', '/v1/messages', { body })
  const { text } = await ended(sent.json.id)
  const found = /^Offer! Opt out: https:\/\/m\.example\/go\/u\/([\w-]{18,24})$/.exec(text)
  t.ok(found, text)
  const token = found![1]!
  const recipients = ['+447400000080', '+447400000081']
  const job = await call('POST', '/v1/jobs', { body: { ...body, to: undefined, recipients, review: true } })
  const { json } = await call('GET', `/v1/jobs/${job.json.id}/preview`)
  t.match(json.rows[0].text, token, 'the same from an ingest thread')
  t.not(json.rows[1].text.slice(-20), token.slice(-20), "another recipient's is another")
  const asked = await call('GET', `/u/${token}`, { key: '' })
  t.match(asked, { status: 200, text: /<form method="post">/ })
  t.match(asked.text, 'Acme &amp; &lt;Sons&gt;', 'names are text')
  t.notMatch(asked.text, '7400000080', 'the number is masked')
  t.match(asked.headers.get('content-security-policy'), /default-src 'none'.*form-action 'self'/)
  t.match(asked.headers.get('referrer-policy'), 'no-referrer')
  t.match(asked.headers.get('x-robots-tag'), 'noindex')
  t.equal((await call('GET', '/v1/suppressions/+447400000080')).status, 404, 'to look is not to click')
  const done = await call('POST', `/u/${token}`, {
    key: '',
    body: 'List-Unsubscribe=One-Click',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  t.match(done, { status: 200, text: /unsubscribed/ })
  t.match((await call('GET', '/v1/suppressions/+447400000080')).json.entries, [{ source: 'link', scope: 'account' }])
  t.match(await call('GET', `/u/${token}`, { key: '' }), { status: 200, text: /You are unsubscribed/ })
  t.equal((await call('POST', '/v1/messages', { body })).json.code, 'SUPPRESSED')
  await call('POST', `/v1/jobs/${job.json.id}/start`)
  t.match((await jobEnded(job.json.id)).counts, { accepted: 2, delivered: 1, failed: 1 })
  const flipped = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`
  for (const wrong of [flipped, token.slice(1), `${token}A`, 'x']) {
    t.equal((await call('POST', `/u/${wrong}`, { key: '' })).status, 404, wrong)
  }
})

t.test('a restart forgets nothing', async (t) => {
  await server.stop()
  server = await startServer(config, { log: silentLog, exit: (code) => t.fail(`stopped with ${code}`) })
  for (const to of ['+447400000010', '+447400000030', '+447400000050', '+447400000080']) {
    t.equal(
      (await call('POST', '/v1/messages', { body: { to, from: 'ACME', text: 'Hi' } })).json.code,
      'SUPPRESSED',
      to,
    )
  }
})
