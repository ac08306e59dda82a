/** The command line as a shell sees it: help, exit codes, and what an HTTP server is asked for. */

import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { carriers } from '../src/cli/carriers.js'
import { check } from '../src/cli/check.js'
import { type Command, UsageError } from '../src/cli/command.js'
import { configCheck } from '../src/cli/config-check.js'
import { demo } from '../src/cli/demo.js'
import { drops } from '../src/cli/drops.js'
import { gateway } from '../src/cli/gateway.js'
import { jobs } from '../src/cli/jobs.js'
import { send } from '../src/cli/send.js'
import { serve } from '../src/cli/serve.js'
import { smsc } from '../src/cli/smsc.js'
import { top } from '../src/cli/top.js'
import { trace } from '../src/cli/trace.js'
import { noCounts } from '../src/engine/contract/job.js'
import { run } from './cli-run.js'
import { authority } from './peer-certificates.js'

const commands: Record<string, Command> = {
  serve,
  demo,
  send,
  check,
  jobs,
  drops,
  carriers,
  smsc,
  gateway,
  top,
  trace,
  config: configCheck,
}

t.test('every command has help with an example', async (t) => {
  for (const [name, { help }] of Object.entries(commands)) {
    t.match(help, `Usage: trunkline ${name}`)
    t.match(help, /Examples?:\n {2}\S*.*trunkline/)
  }
  const { code, stdout } = await run(['jobs', '--help'])
  t.equal(code, 0)
  t.equal(stdout, `${jobs.help}\n`)
  const overview = await run(['--help'])
  t.equal(overview.code, 0)
  for (const name of Object.keys(commands)) t.match(overview.stdout, `  ${name} `)
})

t.test('wrong use exits 2 with a line that helps', async (t) => {
  const wrong: [string[], RegExp][] = [
    [['jobs', '--nope'], /Unknown option '--nope'/],
    [['jobs', 'a', 'b'], /"b" is one argument too many/],
    [['jobs'], /no key: give --key or set TRUNKLINE_KEY/],
    [['jobs', '--key', 'k', '--state', 'odd'], /--state must be one of receiving/],
    [['send', '--key', 'k'], /which file/],
    [['send', 'a.csv', '--key', 'k'], /what is to be said/],
    [['send', 'a.csv', '--key', 'k', '--text', 'x', '--at', 'tomorrow'], /--at must be a time with its zone/],
    [['send', 'a.csv', '--key', 'k', '--text', 'x', '--max-parts', 'many'], /--max-parts must be a number/],
    [['carriers', '--key', 'k', '--url', 'nowhere'], /"nowhere" is not a URL/],
    [['config'], /trunkline config check/],
    [['trace', '--key', 'k'], /--carrier is missing/],
    [['gateway', '--faults', 'busi=1'], /fault "busi=1": write WORD=SHARE/],
    [['gateway', '--endings', '1=busi'], /ending "1=busi": write LAST-DIGITS=WORD/],
    [['gateway', '--transport', 'sctp'], /--transport must be one of udp, tcp, tls/],
    [['gateway', '--transport', 'tls'], /needs --tls-cert and --tls-key/],
    [['gateway', '--port', '99999'], /--port must be a number from 0 to 65535, not "99999"/],
    [['gateway', '--stats-port', '80.5'], /--stats-port must be a whole number/],
    [['gateway', '--loss', '2'], /--loss must be a number from 0 to 1/],
    [['smsc', '--port', '99999'], /--port must be a number from 0 to 65535/],
    [['gateway', '--rtp-ports', '9-7'], /--rtp-ports must be FROM-TO/],
    [['gateway', '--codecs', 'opus'], /--codecs must be of pcma and pcmu/],
    [['top', '--key', 'k', '--interval', '0'], /--interval must be a number of at least 0.1/],
  ]
  for (const [[name, ...rest], said] of wrong) {
    const error = await commands[name!]!.run(rest).catch((thrown) => thrown)
    t.ok(error instanceof UsageError, `${name} ${rest.join(' ')}`)
    t.match(error.message, said)
  }
  const option = await run(['jobs', '--nope'])
  t.match(option, { code: 2, stdout: '', stderr: /Unknown option '--nope'\. See: trunkline jobs --help/ })
  const command = await run(['fly'])
  t.match(command, { code: 2, stdout: '', stderr: /no command "fly"; there are: serve, demo/ })
  t.equal((await run([])).code, 2, 'no command at all')
})

t.test('a server that is not there is a failure with a remedy', async (t) => {
  const { code, stderr } = await run(['jobs', '--url', 'http://127.0.0.1:1', '--key', 'k'])
  t.equal(code, 1)
  t.match(stderr, 'no server at http://127.0.0.1:1; start one with "trunkline serve"')
})

t.test('config check names key and line, and exits 1', async (t) => {
  const cwd = t.testdir({ 'trunkline.yaml': 'http:\n  prot: 1\n', 'good.yaml': 'logLevel: warn\n' })
  const bad = await run(['config', 'check'], { cwd })
  t.equal(bad.code, 1)
  t.equal(bad.stderr, 'trunkline.yaml:2: http.prot: is not a known key; did you mean port?\n')
  const json = await run(['config', 'check', '--json'], { cwd })
  t.match(JSON.parse(json.stdout), { ok: false, errors: [/http\.prot/] })
  const good = await run(['config', 'check', 'good.yaml'], { cwd })
  t.equal(good.code, 0)
  t.match(good.stdout, 'good.yaml: ok')
})

t.test(
  'the example configurations are valid, and so is what stands in the comments of the one about voice',
  async (t) => {
    const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
    for (const name of ['trunkline.yaml', 'voice.yaml']) {
      const { code, stdout } = await run(['config', 'check', join(examples, name)])
      t.equal(code, 0, stdout)
    }
    const all = readFileSync(join(examples, 'voice.yaml'), 'utf8').replace(/^( +)# (?=[a-z -])/gm, '$1')
    const cwd = t.testdir({ 'all.yaml': all, 'pbx-ca.pem': authority })
    const { code, stdout, stderr } = await run(['config', 'check', 'all.yaml'], {
      cwd,
      env: { PBX_PASSWORD: 'secret' },
    })
    t.equal(code, 0, stderr)
    t.match(stdout, '3 carriers, 3 routes')
  },
)

interface Asked {
  method: string
  url: string
  key: string
  body: string
}

/** A server that answers as the contract says; `answer` decides by method and path. */
async function startApi(
  t: Test,
  answer: (asked: Asked) => [number, unknown],
): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = []
  const server = createServer(async (request, response) => {
    const one = {
      method: request.method!,
      url: request.url!,
      key: String(request.headers.authorization),
      body: await bodyOf(request),
    }
    asked.push(one)
    const [status, body] = answer(one)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function jobView(state: string, counts: object): object {
  return {
    id: 'job_00000001',
    name: null,
    state,
    reason: null,
    detail: null,
    settings: {},
    counts: { ...noCounts(), ...counts },
    file: null,
    progress: { rowsPerSecond: 10, messagesPerSecond: 5, estimatedEndAt: null },
    createdAt: '2026-11-22T09:00:00Z',
    startedAt: null,
    finishedAt: null,
  }
}

const finished = { records: 3, expanded: 3, rows: 3, accepted: 2, rejected: 1, delivered: 2, parts: 2, partsSent: 2 }

t.test('send uploads every byte, follows the job and exits 0 when it finished', async (t) => {
  const text = `mobile,name\n${'+447712345678,"Ann\nLee"\n'.repeat(40_000)}`
  const folder = t.testdir({ 'list.csv': text, 'out.txt': '# none\n+447712345679\n\n' })
  let polls = 0
  const { url, asked } = await startApi(t, ({ method }) => {
    if (method === 'POST') return [202, jobView('receiving', {})]
    if (method === 'PUT') return [202, { id: 'job_00000001', state: 'running' }]
    return [200, ++polls < 3 ? jobView('running', { rows: 3, records: 3 }) : jobView('finished', finished)]
  })
  const file = join(folder, 'list.csv')
  const { code, stdout, stderr } = await run(
    ['send', file, '--text', 'Hi ~name~', '--to', 'mobile', '--suppressed', join(folder, 'out.txt'), '--url', url],
    { env: { TRUNKLINE_KEY: 'sk_test' } },
  )
  t.equal(code, 0, stderr)
  t.strictSame(JSON.parse(asked[0]!.body), {
    text: 'Hi ~name~',
    columns: { to: 'mobile' },
    suppressed: ['+447712345679'],
  })
  t.ok(asked.every(({ key }) => key === 'Bearer sk_test'))
  t.match(asked[1], { method: 'PUT', url: '/v1/jobs/job_00000001/recipients' })
  t.equal(asked[1]!.body, text, 'the file as it is')
  t.match(stdout, /job_00000001 finished/)
  t.match(stdout, /delivered +2/)
  t.match(stderr, '3 rows read, 2 accepted, 2 sent, 2 delivered', 'a progress line')
})

t.test('send exits 1 when the job failed, or when its counts do not add up', async (t) => {
  const file = join(t.testdir({ 'list.csv': 'mobile\n1\n' }), 'list.csv')
  const outcomes: [string, object, RegExp][] = [
    ['failed', {}, /failed/],
    ['canceled', finished, /canceled/],
    ['finished', { ...finished, delivered: 1 }, /do not add up: accepted are 2, but their states come to 1/],
    ['finished', { ...finished, rejected: 0 }, /do not add up: rows are 3, but their results come to 2/],
  ]
  for (const [state, counts, said] of outcomes) {
    const { url } = await startApi(t, () => [200, jobView(state, counts)])
    const { code, stdout, stderr } = await run(['send', file, '--text', 'x', '--url', url, '--key', 'k', '--json'])
    t.equal(code, 1, state)
    t.match(stderr + stdout, said)
    t.equal(JSON.parse(stdout).state, state)
  }
})

t.test('a refusal of the server is shown with its code and fields', async (t) => {
  const file = join(t.testdir({ 'list.csv': 'mobile\n1\n' }), 'list.csv')
  const problem = { code: 'VALIDATION', detail: 'no', errors: [{ pointer: '/from', message: 'too long' }] }
  const { url } = await startApi(t, () => [422, problem])
  const { code, stderr } = await run(['send', file, '--text', 'x', '--url', url, '--key', 'k'])
  t.equal(code, 1)
  t.match(stderr, 'trunkline send: VALIDATION: no\n  /from: too long')
})

t.test('check says what would become of every row, and writes nothing', async (t) => {
  const rows = ['mobile,name', '+447400123456,Ann', '07400123457,Bob', '+447400123456,Ann', '4.47E+11,Cy', '12,Di']
  const cwd = t.testdir({ 'list.csv': `${rows.join('\n')}\n` })
  const args = ['check', 'list.csv', '--text', 'Hi ~name~', '--default-country', 'GB']
  const { code, stdout } = await run([...args, '--json'], { cwd })
  t.equal(code, 0)
  const report = JSON.parse(stdout)
  t.match(report.counts, { records: 5, rows: 5, accepted: 2, rejected: 2, duplicate: 1 })
  t.same(report.rejectedByReason, { DUPLICATE: 1, INVALID_NUMBER: 1, PHONE_SCIENTIFIC: 1 })
  t.match(report.columns, { phones: [1], guessed: ['to'] })
  t.match(report.estimate, { price: null, byCountry: { GB: { rows: 2, parts: 2, price: null } } })
  t.match(report.preview[0], { to: '+447400123456', text: 'Hi Ann', parts: 1 })
  const words = await run(args, { cwd })
  t.match(words.stdout, '5 rows: 2 accepted, 2 rejected, 0 suppressed, 1 duplicate; 2 parts')
  t.match(words.stdout, /1 PHONE_SCIENTIFIC: .*spreadsheet/)
  t.match(words.stdout, /delimiter: comma \(guessed\)[\s\S]*numbers from: mobile \(guessed\)/)
  t.strictSame(readdirSync(cwd), ['list.csv'])
  t.equal((await run(['check', 'gone.csv', '--text', 'x'], { cwd })).code, 1)
})

t.test('jobs and carriers list what the server has', async (t) => {
  const binds = [{ index: 0, state: 'bound', inFlight: 3, window: 100, windowNow: 50, lastError: null }]
  const actions = [{ at: '2026-11-22T10:00:00Z', action: 'throttled', reason: 'its answers ask for less', until: null }]
  const acme = {
    id: 'acme',
    protocol: 'smpp',
    paused: false,
    ratePerSecond: 500,
    rateNowPerSecond: 120,
    actions,
    binds,
  }
  const { url, asked } = await startApi(t, ({ url }) =>
    url.startsWith('/v1/carriers')
      ? [200, { items: [acme] }]
      : [200, { items: [jobView('running', finished)], nextCursor: null }],
  )
  const at = ['--url', url, '--key', 'k']
  const listed = await run(['jobs', '--state', 'running', '--limit', '5', ...at])
  t.equal(listed.code, 0)
  t.match(listed.stdout, /job_00000001 .*running/)
  t.equal(asked[0]!.url, '/v1/jobs?limit=5&state=running')
  const bound = await run(['carriers', ...at])
  t.match(bound.stdout, /acme +smpp +running +120\/s of 500\/s +0 +bound +3\/50/)
  t.match(bound.stdout, /acme +throttled +its answers ask for less +2026-11-22T10:00:00Z +open/)
  const json = await run(['carriers', '--json', ...at])
  t.equal(JSON.parse(json.stdout).items[0].id, 'acme')
})

t.test('the package says what it needs and what it installs', async (t) => {
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const { engines, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  t.equal(bin.trunkline, 'build/src/cli.js')
  t.equal(engines.node, '>=20.18.1')
  t.match(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), /## Unreleased/)
})
