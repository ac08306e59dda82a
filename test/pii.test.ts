/**
 * Numbers, texts and secrets that were planted are in no line that the engine writes, in no metric and in no audit record,
 * whatever way they came: a real `serve` at its most talkative, everything that it prints, from start to end.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { spawnNode } from '../bench/processes.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const admin = 'admin-key-planted-for-this-test'
const carrierPassword = 'plantedpw'
const text = 'planted zebra text'
const [mobile, second, third, noNumber] = ['+447712349911', '+447712349922', '+447712349933', '07712349']
const subscriber = '+447712349944'
const planted: Record<string, RegExp> = {
  'a number': /771234(99\d\d|9\b)/,
  'a number in pieces': /7712[ -]349/,
  'a text': /zebra/i,
  'a reference': /planted-reference/,
  'the admin key': new RegExp(admin),
  'the password of the carrier': new RegExp(carrierPassword),
  'an address of a webhook': /planted-token/,
  'a secret of a webhook': /whsec_[\w+/]{8}/,
  'a key': /sk_live_[a-z2-7]{12}_[\w-]{8}/,
}

const folder = mkdtempSync(join(tmpdir(), 'trunkline-pii-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port } = await smsc.listen()
const config = {
  dataDir: join(folder, 'data'),
  logLevel: 'debug',
  http: { port: 0, adminKey: admin },
  carriers: [
    { id: 'sim', protocol: 'smpp', host: '127.0.0.1', port, systemId: 'a', password: carrierPassword, binds: 1 },
  ],
}
writeFileSync(join(folder, 'trunkline.yaml'), JSON.stringify(config))
let printed = ''
const { child, url } = await serve()
t.teardown(async () => {
  child.kill('SIGKILL')
  await smsc.close()
  rmSync(folder, { recursive: true })
})

async function serve(): Promise<{ child: ChildProcess; url: string }> {
  const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url))
  const engine = spawnNode([cli, 'serve', '--config', join(folder, 'trunkline.yaml')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  engine.stderr!.setEncoding('utf8').on('data', (piece: string) => {
    printed += piece
  })
  const lines = createInterface({ input: engine.stdout! })
  lines.on('line', (line) => {
    printed += `${line}\n`
  })
  for (;;) {
    const [line] = (await once(lines, 'line')) as [string]
    const found = /"url":"(http:[^"]+)"/.exec(line)
    if (found !== null) return { child: engine, url: found[1]! }
  }
}

let key = ''
function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  return send(url + path, method, { key, ...options })
}
async function until(path: string, isDone: (json: Answer['json']) => boolean): Promise<void> {
  while (!isDone((await call('GET', path)).json));
}

t.before(async () => {
  key = (await call('POST', '/v1/accounts', { key: admin, body: { id: 'acme', defaultCountry: 'GB' } })).json.key
})

t.test('messages, jobs and what comes back', async (t) => {
  const body = { to: mobile, from: second, text, clientReference: 'planted-reference' }
  const { json: sent } = await call('POST', '/v1/messages', {
    body,
    headers: { 'idempotency-key': 'planted-reference' },
  })
  await until(`/v1/messages/${sent.id}`, ({ state }) => state === 'delivered')
  await smsc.subscribers.send({ from: mobile!, to: second!, text })
  await smsc.subscribers.send({ from: subscriber, to: '60099', text: `STOP ${text}` })
  await until('/v1/inbound', ({ items }) => items.length > 0)
  const messages = [{ to: noNumber, text }, { to: third, text, from: 'not a sender zebra' }, body]
  await call('POST', '/v1/messages', { body: { messages } })
  await call('POST', '/v1/messages', { body: { messages, dryRun: true } })
  const job = { name: text, text: `${text} ~name~`, from: 'ACME', tags: ['planted-reference'], suppressed: [third] }
  const { id } = (await call('POST', '/v1/jobs', { body: job })).json
  const rows = ['mobile,name', `${mobile},zebra`, `${second},zebra`, `${noNumber},zebra`, `"${third},zebra`].join('\n')
  await call('PUT', `/v1/jobs/${id}/recipients`, { body: rows, headers: { 'content-type': 'text/csv' } })
  await until(`/v1/jobs/${id}`, ({ state }) => ['finished', 'failed'].includes(state))
  for (const part of ['', '/preview', '/rejects.csv', '/report.csv', '/messages']) {
    t.not((await call('GET', `/v1/jobs/${id}${part}`)).status, 500, part)
  }
})

t.test('questions with numbers and texts in the URL, also such as nobody answers', async (t) => {
  const pieces = '07712 349 911'
  const asks: [string, string][] = [
    ['GET', `/v1/messages?to=${mobile}&from=${encodeURIComponent(second!)}`],
    ['GET', `/v1/explain?to=${encodeURIComponent(pieces)}&text=${encodeURIComponent(text)}&from=${second}`],
    ['GET', `/v1/inbound?from=${mobile}`],
    ['GET', `/v1/contacts/${mobile}`],
    ['PUT', `/v1/contacts/${mobile}`],
    ['PUT', `/v1/suppressions/${encodeURIComponent(third!)}`],
    ['GET', `/v1/suppressions/${encodeURIComponent(third!)}`],
    ['DELETE', `/v1/suppressions/${encodeURIComponent(third!)}`],
    ['GET', `/v1/suppressions?number=${mobile}`],
    ['GET', `/nothing/${mobile}`],
    ['GET', `/v1/messages/${mobile}`],
    ['GET', `/v1/jobs/${encodeURIComponent(pieces)}`],
    ['GET', `/v1/audit?object=${mobile}`],
  ]
  for (const [method, path] of asks) {
    const answer = await call(method, path, method === 'PUT' ? { body: {} } : {})
    t.not(answer.status, 500, `${method} ${path}: ${answer.text}`)
  }
})

t.test('what is refused: broken bodies, wrong keys, settings with secrets', async (t) => {
  const json = { 'content-type': 'application/json' }
  await call('POST', '/v1/messages', { body: `{"to":"${mobile}","text":"${text}"`, headers: json })
  await call('POST', '/v1/messages', { body: { to: mobile, text, [text]: mobile } })
  await call('POST', '/v1/jobs', { body: { text, from: `${text} ${mobile}` } })
  await call('GET', '/v1/jobs', { key: `${key.slice(0, -1)}x` })
  await call('GET', `/v1/jobs?key=${key}`, { key: null })
  await call('PUT', '/v1/templates/zebra', { body: { text } })
  const hook = { url: 'https://example.com/hook?token=planted-token' }
  const made = await call('PUT', '/v1/webhooks/hook', { body: hook })
  t.not(made.status, 500, made.text)
  await call('PUT', '/v1/webhooks/hook', { body: { url: 'https://user:planted-token@10.0.0.1/' } })
  t.pass()
})

t.test('the audit log and the metrics hold none of it', async (t) => {
  const audit = await call('GET', '/v1/audit?format=ndjson', { key: admin })
  t.ok(audit.text.split('\n').length > 3)
  const metrics = await call('GET', '/metrics', { key: null })
  t.match(metrics.text, /trunkline_messages_total/)
  for (const [what, pattern] of Object.entries(planted)) {
    // A name that a customer gives to a thing is what the record is about; a text is none.
    if (what !== 'a text') t.notMatch(audit.text, pattern, `audit: ${what}`)
    t.notMatch(metrics.text, pattern, `metrics: ${what}`)
  }
})

t.test('nothing that was planted was printed', async (t) => {
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const [code] = await ended
  t.equal(code, 0)
  t.ok(printed.split('\n').filter((line) => line.includes('"msg":"request"')).length > 30, 'the log was on')
  for (const [what, pattern] of Object.entries(planted)) {
    const lines = printed.split('\n').filter((line) => pattern.test(line))
    t.same(lines, [], what)
  }
  const log = JSON.stringify(readFileSync(join(folder, 'trunkline.yaml'), 'utf8'))
  t.match(log, planted['the password of the carrier']!, 'the patterns find what there is to find')
})
