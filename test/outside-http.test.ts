/** The HTTP API as a stranger meets it: `trunkline serve` as a process of its own, killed on the way, with the contract in hand. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { spawnNode } from '../bench/processes.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url))
const admin = 'admin-key-of-the-outside-test'
const folder = mkdtempSync(join(tmpdir(), 'trunkline-outside-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port: smscPort } = await smsc.listen()
writeFileSync(
  join(folder, 'trunkline.yaml'),
  `dataDir: ${folder}/data
http: { port: 0, adminKey: ${admin} }
logLevel: silent
carriers: [{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${smscPort}, systemId: trunk, password: secret }]
`,
)

let child: ChildProcess
let url = ''
async function serve(): Promise<void> {
  child = spawnNode([cli, 'serve', '--config', join(folder, 'trunkline.yaml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH },
  })
  const lines = [child.stdout!, child.stderr!].map((input) => createInterface({ input }))
  url = await new Promise((resolve, reject) => {
    for (const reader of lines) {
      reader.on('line', (line) => {
        const found = /listens on (\S+)/.exec(line)
        if (found !== null) resolve(found[1]!)
      })
    }
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}`)))
  })
}
async function kill(): Promise<void> {
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}

let acme = ''
let rival = ''
interface Reply extends Omit<Answer, 'headers'> {
  headers: Record<string, string>
}

async function call(method: string, path: string, options: CallOptions = {}): Promise<Reply> {
  const answer = await send(url + path, method, { key: acme, ...options })
  return { ...answer, headers: Object.fromEntries(answer.headers) }
}
async function reached(id: string, state: string): Promise<Answer['json']> {
  for (;;) {
    const { json } = await call('GET', `/v1/jobs/${id}`)
    if (json.state === state) return json
    if (json.state === 'failed') throw new Error(`${json.reason}: ${json.detail}`)
  }
}

t.before(async () => {
  await serve()
  const make = (id: string) => call('POST', '/v1/accounts', { key: admin, body: { id, defaultCountry: 'GB' } })
  acme = (await make('acme')).json.key
  rival = (await make('rival')).json.key
})
t.teardown(async () => {
  await kill()
  await smsc.close()
  rmSync(folder, { recursive: true })
})

const hello = { to: '+447400123456', from: 'ACME', text: 'Hello' }

t.test('what is refused is refused at the door, as a problem that names the field', async (t) => {
  const refused: [string, object, number, string, string][] = [
    ['/v1/messages', { ...hello, sendAt: '2199-01-01T00:00:00Z' }, 422, 'BAD_DATE', '/sendAt'],
    ['/v1/messages', { ...hello, text: 'a\u0000b' }, 422, 'BODY_INVALID', '/text'],
    ['/v1/messages', { ...hello, text: 'a\u0007b' }, 422, 'BODY_INVALID', '/text'],
    ['/v1/messages', { ...hello, text: 'half \ud83d' }, 422, 'BODY_INVALID', '/text'],
    ['/v1/messages', { ...hello, text: ' \n' }, 422, 'EMPTY_TEXT', '/text'],
    ['/v1/messages', { ...hello, to: '4594727998' }, 422, 'INVALID_NUMBER', '/to'],
    ['/v1/jobs', { text: 'x', sendAt: '2199-01-01T00:00:00Z' }, 422, 'VALIDATION', '/sendAt'],
    ['/v1/jobs', { text: 'a\u0007' }, 422, 'VALIDATION', '/text'],
    ['/v1/jobs', { text: '' }, 422, 'VALIDATION', '/text'],
    ['/v1/jobs', { text: 'x', columns: { to: 0 } }, 422, 'VALIDATION', '/columns/to'],
    ['/v1/jobs', { text: 'x', recipients: [{ to: '1', '': 'y' }] }, 422, 'VALIDATION', '/recipients'],
    ['/v1/jobs', { text: '~a~', recipients: [{ to: '1', a: '\ud83d' }] }, 422, 'VALIDATION', '/recipients/0/a'],
  ]
  for (const [path, body, status, code, pointer] of refused) {
    const answer = await call('POST', path, { body })
    t.match(answer, { status, json: { code, status, errors: [{ pointer }] } }, JSON.stringify(body))
    t.match(answer.headers['content-type'], /^application\/problem\+json/)
  }
  const zipped = await call('POST', '/v1/messages', { body: hello, headers: { 'content-encoding': 'gzip' } })
  t.match(zipped, { status: 415, json: { code: 'UNSUPPORTED_MEDIA' } })
})

t.test('a client that sends all before it listens still reads why its body was too large', async (t) => {
  const body = Buffer.from(JSON.stringify({ text: 'x'.repeat(17 << 20) }))
  for (const path of ['/v1/jobs', '/v1/messages']) {
    const answer = await new Promise<{ status: number; text: string }>((resolve, reject) => {
      const headers = { authorization: `Bearer ${acme}`, 'content-type': 'application/json' }
      const request = httpRequest(url + path, {
        method: 'POST',
        headers: { ...headers, 'content-length': body.length },
      })
      request.on('error', reject).on('response', async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        // The whole body was written before anybody cut the connection.
        request.once('finish', () => resolve({ status: response.statusCode!, text }))
        if (request.writableFinished) resolve({ status: response.statusCode!, text })
      })
      request.end(body)
    })
    t.equal(answer.status, 413)
    t.match(JSON.parse(answer.text), { code: 'TOO_LARGE' })
  }
})

t.test('a cursor that is none is an error and not the end of the list', async (t) => {
  for (const path of ['/v1/jobs', '/v1/messages']) {
    const answer = await call('GET', `${path}?cursor=zzz`)
    t.match(answer, { status: 422, json: { errors: [{ pointer: '/cursor' }] } }, path)
  }
})

t.test('messages are found however the number and the time are written, page by page, each once', async (t) => {
  const messages = Array.from({ length: 7 }, (_, index) => ({ ...hello, text: `Page ${index}` }))
  t.equal((await call('POST', '/v1/messages', { body: { messages } })).status, 202)
  for (const to of ['%2B447400123456', '+447400123456', '447400123456', '07400 123456']) {
    t.equal((await call('GET', `/v1/messages?to=${to}`)).json.items.length, 7, to)
  }
  t.match(await call('GET', '/v1/messages?to=nobody'), { status: 200, json: { items: [], nextCursor: null } })
  t.equal((await call('GET', '/v1/messages?since=2020-01-01T00:00:00+01:00')).json.items.length, 7)
  t.equal((await call('GET', '/v1/messages?since=yesterday')).status, 422)
  const seen: string[] = []
  let cursor = ''
  do {
    const { json } = await call('GET', `/v1/messages?limit=3${cursor}`)
    seen.push(...json.items.map(({ id }: { id: string }) => id))
    cursor = json.nextCursor === null ? '' : `&cursor=${json.nextCursor}`
  } while (cursor !== '')
  t.equal(new Set(seen).size, 7)
  t.same(seen, [...seen].sort().reverse(), 'newest first')
})

t.test('a draft shows its first rows, duplicates among them, and its counts before it starts', async (t) => {
  const recipients = ['07400 123456', '+447400123456', 'nonsense', '07400 123457']
  const { json: draft } = await call('POST', '/v1/jobs', { body: { text: 'Hi', review: true, recipients } })
  t.match(draft, { state: 'ready', counts: { rows: 4, accepted: 2, rejected: 1, duplicate: 1, queued: 2 } })
  const { json } = await call('GET', `/v1/jobs/${draft.id}/preview`)
  t.same(
    json.rows.map(({ row, reason, parts, price }: Record<string, unknown>) => [row, reason, parts, price]),
    [
      [1, null, 1, null],
      [2, 'DUPLICATE', 1, null],
      [3, 'INVALID_NUMBER', 0, null],
      [4, null, 1, null],
    ],
  )
  t.same(json.counts, draft.counts)
  for (const verb of ['pause', 'resume']) {
    t.match(await call('POST', `/v1/jobs/${draft.id}/${verb}`), { status: 409, json: { code: 'WRONG_STATE' } }, verb)
  }
  t.equal((await call('POST', `/v1/jobs/${draft.id}/start`)).status, 200)
  t.match(await reached(draft.id, 'finished'), { counts: { delivered: 2 } })
  for (const verb of ['start', 'pause', 'resume', 'cancel']) {
    t.match(await call('POST', `/v1/jobs/${draft.id}/${verb}`), { status: 409, json: { code: 'WRONG_STATE' } }, verb)
  }
})

t.test('sendAt, rate and priority of a waiting job can be changed; in the past means at once', async (t) => {
  const body = { text: 'Later', sendAt: '2099-01-01T00:00:00Z', ratePerSecond: 1, recipients: ['07400123456'] }
  const { json: job } = await call('POST', '/v1/jobs', { body })
  t.match(job, { state: 'scheduled', counts: { scheduled: 1, queued: 0 } })
  t.match((await call('POST', `/v1/jobs/${job.id}/pause`)).json, { state: 'paused' })
  t.match((await call('POST', `/v1/jobs/${job.id}/resume`)).json, { state: 'scheduled' })
  const change = { ratePerSecond: null, priority: 'high', sendAt: '2001-01-01T00:00:00+01:00' }
  const { json: changed } = await call('PATCH', `/v1/jobs/${job.id}`, { body: change })
  t.match(changed, { state: 'running', settings: { priority: 'high' } })
  t.notOk('ratePerSecond' in changed.settings)
  await reached(job.id, 'finished')
})

function form(settings: object, file: string): { body: string; headers: Record<string, string> } {
  const part = (name: string, rest: string, data: string) =>
    `--bound\r\ncontent-disposition: form-data; name="${name}"${rest}\r\n\r\n${data}\r\n`
  const text = `${part('job', '', JSON.stringify(settings))}${part('file', '; filename="a.csv"', file)}--bound--\r\n`
  return { body: text, headers: { 'content-type': 'multipart/form-data; boundary=bound' } }
}

t.test('an Idempotency-Key of a form stands for its file too; while the first runs it is 409', async (t) => {
  const settings = { text: 'Hi' }
  const csv = 'to\n+447400123456\n'
  const post = async (key: string, file: string) => {
    const { body, headers } = form(settings, file)
    return await call('POST', '/v1/jobs', { body, headers: { ...headers, 'idempotency-key': key } })
  }
  const first = await post('form', csv)
  t.equal(first.status, 202)
  const again = await post('form', csv)
  t.match(again, { status: 202, headers: { 'idempotent-replay': 'true' } })
  t.same(again.json, first.json)
  const other = await post('form', `${csv}+447400123457\n`)
  t.match(other, { status: 422, json: { code: 'IDEMPOTENCY_MISMATCH' } })
  t.notOk('idempotent-replay' in other.headers)

  const { body, headers } = form(settings, csv)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  const head = [
    'POST /v1/jobs HTTP/1.1',
    'host: x',
    `authorization: Bearer ${acme}`,
    'idempotency-key: slow',
    `content-type: ${headers['content-type']}`,
    `content-length: ${body.length}`,
  ]
  const before = (await call('GET', '/v1/jobs?limit=1')).json.items[0].id
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.write(body.slice(0, -20))
  let slow = before
  while (slow === before) slow = (await call('GET', '/v1/jobs?limit=1')).json.items[0].id
  t.match(await post('slow', csv), {
    status: 409,
    json: { code: 'IDEMPOTENCY_RUNNING' },
    headers: { 'retry-after': '1' },
  })
  // The client goes away: nobody knows the id of this job, so it does not wait for ever.
  socket.destroy()
  await reached(slow, 'canceled')
  // The job is canceled a moment before its request has ended: the key is busy until then.
  let retried = await post('slow', csv)
  while (retried.status === 409) retried = await post('slow', csv)
  t.match(retried, { status: 202, json: { counts: { accepted: 1 } } })
  t.not(retried.json.id, slow)
})

t.test('answers survive a kill -9, a refused message leaves its key free, keys of accounts are apart', async (t) => {
  const requests: [string, string, object][] = [
    ['one', '/v1/messages', hello],
    ['many', '/v1/messages', { messages: [hello, { ...hello, to: 'bad' }] }],
    ['empty', '/v1/jobs', { text: 'x' }],
    ['inline', '/v1/jobs', { text: 'x', recipients: ['07400123456'] }],
  ]
  const post = (key: string, path: string, body: object, who = acme) =>
    call('POST', path, { body, key: who, headers: { 'idempotency-key': key } })
  const answers = new Map<string, unknown>()
  for (const [key, path, body] of requests) answers.set(key, (await post(key, path, body)).json)
  const made = await call('POST', '/v1/accounts', {
    key: admin,
    body: { id: 'k9' },
    headers: { 'idempotency-key': 'k' },
  })
  await kill()
  await serve()
  for (const [key, path, body] of requests) {
    const replay = await post(key, path, body)
    t.match(replay, { status: 202, headers: { 'idempotent-replay': 'true' } }, key)
    t.same(replay.json, answers.get(key), key)
    const other = path === '/v1/jobs' ? { text: 'y' } : { ...hello, text: 'Other' }
    t.match(await post(key, path, other), { status: 422, json: { code: 'IDEMPOTENCY_MISMATCH' } }, key)
  }
  const account = await call('POST', '/v1/accounts', {
    key: admin,
    body: { id: 'k9' },
    headers: { 'idempotency-key': 'k' },
  })
  t.same(account.json, made.json)
  t.not((await post('one', '/v1/messages', hello, rival)).json.id, (answers.get('one') as { id: string }).id)
  t.equal((await post('free', '/v1/messages', { ...hello, to: 'bad' })).status, 422)
  const corrected = await post('free', '/v1/messages', hello)
  t.equal(corrected.status, 202)
  t.notOk('idempotent-replay' in corrected.headers)
})

t.test('a foreign or malformed id is the same 404 on every route', async (t) => {
  const { json: job } = await call('POST', '/v1/jobs', { body: { text: 'x', recipients: ['07400123456'] } })
  const unknown = (await call('GET', '/v1/jobs/job_zzzzzzzz')).json
  const routes = ['GET ', 'GET /preview', 'GET /rejects.csv', 'GET /report.csv', 'GET /messages', 'PATCH ']
  const verbs = ['POST /start', 'POST /pause', 'POST /resume', 'POST /cancel']
  for (const id of [job.id, 'job_ZZZ', 'x', 'msg_00000000000', '%00', '..%2f..', 'a'.repeat(5000)]) {
    for (const route of [...routes, ...verbs]) {
      const [method, rest] = route.split(' ') as [string, string]
      const body = method === 'PATCH' ? { priority: 'high' } : undefined
      const key = id === job.id ? rival : acme
      const answer = await call(method, `/v1/jobs/${id}${rest}`, { body, key })
      t.equal(answer.status, 404, `${route} ${id.slice(0, 20)}`)
      t.same(answer.json, unknown)
    }
  }
})

t.test('every metric of the contract is there under its name', async (t) => {
  const { text } = await call('GET', '/metrics', { key: null })
  const names =
    'rows_total messages_total parts_submitted_total submit_responses_total submit_response_seconds receipts_total receipts_unmatched receipt_delay_seconds window_in_flight window_size rate_limit_per_second throttled_total bind_up bind_reconnects_total unanswered_total queue_depth oldest_due_seconds store_commit_seconds store_free_bytes webhook_backlog calls_active inbound_total'
  for (const name of names.split(' ')) t.match(text, `\n# TYPE trunkline_${name} `, name)
})

t.test('the description is OpenAPI 3.1 and complete in itself', async (t) => {
  const { json } = await call('GET', '/openapi.json', { key: null })
  t.match(json.openapi, /^3\.1\.\d+$/)
  t.ok(json.info.title && json.info.version)
  for (const [path, item] of Object.entries<Record<string, Answer['json']>>(json.paths)) {
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort()
    for (const [method, operation] of Object.entries(item)) {
      const given = (operation.parameters ?? []).filter((parameter: { in: string }) => parameter.in === 'path')
      t.same(given.map(({ name }: { name: string }) => name).sort(), named, `${method} ${path}`)
      for (const answer of Object.values<{ description: string }>(operation.responses)) t.ok(answer.description)
    }
  }
  for (const [, target] of JSON.stringify(json).matchAll(/"\$ref":"([^"]*)"/g)) {
    const name = /^#\/components\/schemas\/(\w+)$/.exec(target!)?.[1]
    t.ok(name !== undefined && json.components.schemas[name] !== undefined, `${target} is in the document itself`)
  }
})
