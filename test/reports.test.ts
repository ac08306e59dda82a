/**
 * Reports over HTTP and the real engine: the same facts as CSV and as JSON lines, filtered, summed up, of one job and of an
 * account; streamed, so that their size costs no memory.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parse } from 'csv-parse/sync'
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { messageId, parseMessageId } from '../src/engine/contract/ids.js'
import { silentLog } from '../src/engine/contract/log.js'
import { blockOf, messageRef } from '../src/engine/contract/message.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const folder = mkdtempSync(join(tmpdir(), 'trunkline-reports-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const admin = 'admin-key-of-this-test'
const yaml = `
dataDir: ${folder}
http: { port: 0, adminKey: ${admin} }
carriers: [{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: trunk, password: secret }]
routes: [{ channel: sms, prefix: '44', carriers: [sim] }]
`
const config = parseConfig(yaml, { name: 'test', folder, env: {} })
const server = await startServer(config, { log: silentLog, exit: (code) => t.fail(`the engine stopped with ${code}`) })
t.teardown(async () => {
  await server.stop()
  await smsc.close()
  rmSync(folder, { recursive: true })
})

function call(path: string, key: string, options: CallOptions & { method?: string } = {}): Promise<Answer> {
  return send(server.url + path, options.method ?? 'GET', { key, ...options })
}

async function account(id: string): Promise<string> {
  const { json } = await call('/v1/accounts', admin, { method: 'POST', body: { id, defaultCountry: 'GB' } })
  return json.key
}

/** Id of a job of `rows`, finished. */
async function finishedJob(key: string, rows: string[], settings: object): Promise<string> {
  const body = { text: '~text~', columns: { to: 'to' }, ...settings }
  const { json } = await call('/v1/jobs', key, { method: 'POST', body })
  const headers = { 'content-type': 'text/csv' }
  const sent = await call(`/v1/jobs/${json.id}/recipients`, key, { method: 'PUT', body: rows.join('\n'), headers })
  t.equal(sent.status, 202, sent.text)
  for (;;) {
    const now = await call(`/v1/jobs/${json.id}`, key)
    if (now.json.state === 'finished') return json.id
  }
}

function lines(answer: Answer): Record<string, unknown>[] {
  return answer.text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

const csv = { columns: true, relax_quotes: false } as const

t.test('a report says the same as CSV and as JSON lines, in the order of the file', async (t) => {
  const key = await account('order')
  const rows = Array.from({ length: 700 }, (_, n) => `+4477123${String(45000 + n)},text ${n}`)
  const id = await finishedJob(key, ['to,text', ...rows], { from: '+ACME' })
  const asCsv = await call(`/v1/jobs/${id}/report.csv`, key)
  t.match(asCsv.headers.get('content-type'), /^text\/csv/)
  const cells = parse(asCsv.text, csv) as Record<string, string>[]
  const asLines = await call(`/v1/jobs/${id}/report.ndjson`, key)
  t.match(asLines.headers.get('content-type'), /^application\/x-ndjson/)
  const objects = lines(asLines)
  t.equal(cells.length, 700)
  t.equal(objects.length, 700)
  objects.forEach((object, index) => {
    const text = Object.fromEntries(Object.entries(object).map(([name, value]) => [name, String(value ?? '')]))
    t.same({ ...cells[index], from: '+ACME' }, text)
    t.match(object, { to: `+4477123${45000 + index}`, state: 'delivered', carrier: 'sim', job: id, line: index + 2 })
  })
  t.equal(cells[0]!.from, "'+ACME", 'a spreadsheet runs no formula')
})

t.test(
  'a job is summed up by state, reason and carrier, and its failed ones are an archive of their own',
  async (t) => {
    const key = await account('sums')
    const rows = ['to,text', '+447712345001,a', '+447712345002,b', '+447712345003,c', '12,d', '+33612345678,e']
    const id = await finishedJob(key, rows, { from: 'ACME', validForSeconds: 3_600 })
    const { json } = await call(`/v1/jobs/${id}/summary`, key)
    t.match(json, {
      id,
      outcomes: [{ state: 'delivered', reason: null, help: null, messages: 3 }],
      carriers: [{ carrier: 'sim', submitted: 3, delivered: 3, refusals: [] }],
      firstSubmittedAt: /Z$/,
      lastOutcomeAt: /Z$/,
    })
    const all = await call(`/v1/jobs/${id}/report.csv?state=delivered,failed`, key)
    t.equal((parse(all.text, csv) as object[]).length, 3)
    const failed = await call(`/v1/jobs/${id}/report.csv?state=failed,undelivered,expired,canceled`, key)
    t.same(parse(failed.text, csv), [], 'nothing but the head')
    t.match(failed.text, /^id,line,to,from/)
    const wrong = await call(`/v1/jobs/${id}/report.csv?state=lost`, key)
    t.match(wrong, { status: 422, json: { code: 'VALIDATION' } })
  },
)

t.test('the sent log has jobs and single messages, newest first, by time, number, sender and state', async (t) => {
  const key = await account('log')
  const other = await account('other')
  await finishedJob(other, ['to,text', '+447712345001,x'], { from: 'ACME' })
  const job = await finishedJob(key, ['to,text', '+447712345001,a', '+447712345002,b'], { from: 'ACME' })
  const body = { to: '+447712345001', from: 'OTHER', text: 'single' }
  const single = (await call('/v1/messages', key, { method: 'POST', body })).json.id
  for (;;) if ((await call(`/v1/messages/${single}`, key)).json.state === 'delivered') break
  const log = async (query: string) => lines(await call(`/v1/messages.ndjson${query}`, key))
  const all = await log('')
  t.same(
    all.map(({ to, from, job }) => [to, from, job]),
    [
      ['+447712345001', 'OTHER', null],
      ['+447712345002', 'ACME', job],
      ['+447712345001', 'ACME', job],
    ],
  )
  t.equal((await log('?to=07712345001')).length, 2, 'a number is found in any spelling')
  t.equal((await log('?from=OTHER')).length, 1)
  t.equal((await log('?state=failed')).length, 0)
  t.equal((await log('?since=2020-01-01T00:00:00Z&until=2021-01-01T00:00:00Z')).length, 0)
  t.equal((await log('?since=2020-01-01T00:00:00Z&state=delivered')).length, 3)
  t.match(await call('/v1/messages.csv?since=yesterday', key), {
    status: 422,
    json: { errors: [{ pointer: '/since' }] },
  })
  const everyone = lines(await call('/v1/messages.ndjson', admin))
  t.ok(everyone.length > all.length, 'the admin key sees all accounts')
})

t.test('the job of another account has no report and no summary', async (t) => {
  const key = await account('mine')
  const foreign = await account('theirs')
  const id = await finishedJob(key, ['to,text', '+447712345001,a'], { from: 'ACME' })
  for (const path of ['report.csv', 'report.ndjson', 'summary']) {
    t.match(await call(`/v1/jobs/${id}/${path}`, foreign), { status: 404, json: { code: 'NOT_FOUND' } })
  }
})

t.test('a report names what is damaged, and a sum without it is none', async (t) => {
  const key = await account('damaged')
  const id = await finishedJob(key, ['to,text', '+447710000001,one', '+447710000002,two'], { from: 'ACME' })
  const [first] = lines(await call(`/v1/jobs/${id}/report.ndjson`, key))
  const { root, blocks } = openEnvironment(folder)
  const block = blockOf(parseMessageId(String(first!.id))!)
  const bytes = Buffer.from(blocks.getBinary(block)!)
  const [lost] = bytes.subarray(8, 9)
  bytes[8] = lost! ^ 1
  root.transactionSync(() => blocks.putSync(block, bytes))
  const report = await call(`/v1/jobs/${id}/report.ndjson`, key)
  t.match(lines(report), [{ id: messageId(messageRef(block, 0)), state: '', reason: 'RECORD_CORRUPT', to: '' }])
  t.match((await call(`/v1/jobs/${id}/report.csv`, key)).text, /RECORD_CORRUPT/)
  t.match(await call(`/v1/jobs/${id}/summary`, key), { status: 500, json: { code: 'STORE_CORRUPT' } })
})
