/**
 * Routes of other gateways: a client written for Kannel or Jasmin works unchanged. Kannel itself (Debian) is asked the same
 * questions beside us and must answer the same; reports of messages are compared with those that it sends.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { freePort } from '../bench/processes.js'
import { parseConfig } from '../src/engine/config/load.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startServer } from '../src/start.js'
import { send } from './http-engine.js'

const searched = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` }
const isInstalled = spawnSync('bearerbox', ['--version'], { env: searched }).status === 0
const skip = isInstalled ? false : 'Kannel is not installed (Debian: kannel)'
const admin = 'admin-key-of-this-test'

interface Engine {
  url: string
  key: string
  smsc: Smsc
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any route.
  adminCall(method: string, path: string, body?: object): Promise<any>
}

async function startEngine(t: Test): Promise<Engine> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-compat-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, countRepeats: true }, silentLog)
  const { port } = await smsc.listen()
  const yaml = `
dataDir: ${folder}
http: { port: 0, adminKey: ${admin}, compat: { kannel: true, jasmin: true } }
webhooks: { allowPrivateAddresses: true }
carriers: [{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${port}, systemId: trunk, password: secret }]
routes: [{ channel: sms, prefix: '44', carriers: [sim] }]
`
  const config = parseConfig(yaml, { name: 'test', folder, env: {} })
  const server = await startServer(config, { log: silentLog, exit: (code) => t.fail(`the engine stopped: ${code}`) })
  t.teardown(async () => {
    await server.stop()
    await smsc.close()
    rmSync(folder, { recursive: true })
  })
  const adminCall = async (method: string, at: string, body?: object) =>
    (await send(server.url + at, method, { key: admin, body, headers: { 'trunkline-account': 'u' } })).json
  const { key } = await adminCall('POST', '/v1/accounts', { id: 'u', defaultCountry: 'GB' })
  return { url: server.url, key, smsc, adminCall }
}

interface Heard {
  url: URL
  method: string
  body: string
}

/** Where reports go; each is counted. */
class Sink {
  readonly heard: Heard[] = []
  readonly server = createServer((request, response) => this.#take(request).then(() => response.end('ACK/Jasmin')))
  #waiting: (() => void) | null = null

  async #take(request: IncomingMessage): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    this.heard.push({ url: new URL(request.url!, 'http://sink'), method: request.method!, body })
    this.#waiting?.()
  }

  static async open(t: Test): Promise<Sink> {
    const sink = new Sink()
    sink.server.listen(0, '127.0.0.1')
    await once(sink.server, 'listening')
    t.teardown(() => sink.server.close())
    return sink
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  /** The first `count` that fit, once they are there. */
  async until(count: number, fits: (heard: Heard) => boolean = () => true): Promise<Heard[]> {
    for (;;) {
      const found = this.heard.filter(fits)
      if (found.length >= count) return found
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }
}

/** Real Kannel in front of a simulator of its own; gives the URL of its sendsms. */
async function startKannel(t: Test): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-compat-kannel-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  t.teardown(() => smsc.close())
  const [control, box, http] = [await freePort(), await freePort(), await freePort()]
  const file = path.join(folder, 'kannel.conf')
  const lines = [
    'group = core',
    `admin-port = ${control}`,
    'admin-password = x',
    `smsbox-port = ${box}`,
    'box-allow-ip = 127.0.0.1',
    '',
    'group = smsc',
    'smsc = smpp',
    'smsc-id = sim',
    'host = 127.0.0.1',
    `port = ${port}`,
    'transceiver-mode = true',
    'smsc-username = kannel',
    'smsc-password = x',
    'system-type = ""',
    '',
    'group = smsbox',
    'bearerbox-host = 127.0.0.1',
    `bearerbox-port = ${box}`,
    `sendsms-port = ${http}`,
    'sendsms-interface = 127.0.0.1',
    '',
    'group = sendsms-user',
    'username = u',
    'password = p',
    'max-messages = 10',
    'concatenation = true',
    '',
  ]
  writeFileSync(file, lines.join('\n'))
  for (const program of ['bearerbox', 'smsbox']) {
    const child = spawn(program, [file], { stdio: 'ignore', env: searched })
    t.teardown(async () => {
      const ended = once(child, 'close')
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await ended
    })
    if (program === 'bearerbox') await smsc.waitFor(({ sessions }) => sessions === 1)
  }
  return `http://127.0.0.1:${http}/cgi-bin/sendsms`
}

async function ask(url: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(url)
  return { status: answer.status, text: await answer.text() }
}

/** Until its HTTP answers, connections are refused. */
async function askWhenUp(url: string): Promise<{ status: number; text: string }> {
  for (;;) {
    const answer = await ask(url).catch(() => null)
    if (answer !== null) return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Kannel's escapes in a URL, as users write them, encoded for a query. */
function reportUrl(sink: Sink): string {
  const names = ['d', 'A', 'p', 'P', 'n', 'i', 'c', 'm', 'C', 'k', 'q', 'Q', 'U']
  const query = names.map((name) => `${name}x=%${name}`).join('&')
  return encodeURIComponent(`${sink.url}/report?${query}&percent=%%&id=%I&time=%T&date=%t&word=a%20b`)
}

/** What both must say alike; numbers of the carrier and clocks differ. */
function comparable({ url }: Heard): Record<string, string> {
  const told = Object.fromEntries(url.searchParams)
  const { Ax, kx, id, time, date, ...rest } = told
  return {
    ...rest,
    text: Ax!
      .replace(/id:\S+/, 'id:')
      .replace(/date:\d+/g, 'date:')
      .replace(/err:\S+/, 'err:'),
    word: kx!.replace(/id:\S+/, 'id:'),
    id: id === '' ? 'none' : 'some',
    time: /^\d{10}$/.test(time!) ? 'seconds' : time!,
    date: date!.replace(/\d/g, '0'),
  }
}

const both = 'from=ACME&to=447712345001'
const questions = [
  `username=u&password=PASS&${both}&text=hello`,
  `user=u&pass=PASS&${both}&text=hello`,
  `username=u&password=wrong&${both}&text=hello`,
  `username=nobody&password=PASS&${both}&text=hello`,
  `${both}&text=hello`,
  'username=u&password=PASS&from=ACME&text=hello',
  'username=u&password=PASS&from=ACME&to=447712345001+447712345002&text=two',
  `username=u&password=PASS&${both}&text=x&coding=9`,
  `username=u&password=PASS&${both}&text=x&mclass=9`,
  `username=u&password=PASS&${both}&text=x&validity=-5`,
  `username=u&password=PASS&${both}&text=x&priority=9`,
  `username=u&password=PASS&${both}&text=x&dlr-mask=99`,
  `username=u&password=PASS&${both}&text=x&charset=nonsense`,
  `username=u&password=PASS&${both}&text=%e4%f6%fc&charset=ISO-8859-1`,
  `username=u&password=PASS&${both}&text=%04%1f%04%40&coding=2`,
]

t.test('Kannel and we answer the same to the same sendsms requests', { skip }, async (t) => {
  const engine = await startEngine(t)
  const kannel = await startKannel(t)
  for (const question of questions) {
    const theirs = await askWhenUp(`${kannel}?${question.replace('PASS', 'p')}`)
    const ours = await ask(`${engine.url}/cgi-bin/sendsms?${question.replace('PASS', engine.key)}`)
    t.same(ours, theirs, question)
  }
})

t.test('Kannel and we report the same of the same message', { skip }, async (t) => {
  const engine = await startEngine(t)
  const kannel = await startKannel(t)
  const question = (sink: Sink) => `${both}&text=hello&dlr-mask=31&dlr-url=${reportUrl(sink)}`
  const [theirs, ours] = [await Sink.open(t), await Sink.open(t)]
  await askWhenUp(`${kannel}?username=u&password=p&${question(theirs)}`)
  await ask(`${engine.url}/cgi-bin/sendsms?username=u&password=${engine.key}&${question(ours)}`)
  const byKind = (sink: Sink, kind: string) => sink.until(1, ({ url }) => url.searchParams.get('dx') === kind)
  for (const kind of ['8', '1']) {
    const [told] = await byKind(ours, kind)
    const [expected] = await byKind(theirs, kind)
    t.same(comparable(told!), comparable(expected!), kind === '8' ? 'taken by the carrier' : 'delivered')
  }
})

t.test('what Kannel takes in other forms goes out as it was meant', async (t) => {
  const { url, key, smsc, adminCall } = await startEngine(t)
  const login = `username=u&password=${key}`
  const texts = [
    ['text=%e4%f6%fc&charset=ISO-8859-1', 'äöü'],
    ['text=%04%1f%04%40%04%38&coding=2', 'При'],
    ['text=%d0%9f%d1%80%d0%b8&charset=UTF-8', 'При'],
    ['text=a%2Bb%26c+d', 'a+b&c d'],
  ]
  for (const [parameters] of texts) {
    t.match(await ask(`${url}/cgi-bin/sendsms?${login}&${both}&${parameters}`), { status: 202 })
  }
  const posted = await fetch(`${url}/cgi-bin/sendsms`, {
    method: 'POST',
    headers: {
      'x-kannel-username': 'u',
      'x-kannel-password': key,
      'x-kannel-from': 'ACME',
      'x-kannel-to': '447712345001',
    },
    body: 'by headers',
  })
  t.equal(posted.status, 202)
  const flash = await ask(`${url}/cgi-bin/sendsms?${login}&${both}&text=now&mclass=0&validity=10&priority=3&account=A1`)
  t.equal(flash.status, 202)
  const octets = await ask(`${url}/cgi-bin/sendsms?${login}&${both}&coding=1&text=%01%02%ff&udh=%05%04%0b%84%23%f0`)
  t.equal(octets.status, 202, octets.text)
  await smsc.waitFor(({ submits }) => submits === 7)
  const { items } = await adminCall('GET', '/v1/messages')
  const seen = (items as { text: string; data: string | null; clientReference: string | null }[]).reverse()
  t.same(
    seen.slice(0, 5).map(({ text }) => text),
    [...texts.map(([, text]) => text), 'by headers'],
  )
  t.match(
    seen.find(({ text }) => text === 'now'),
    { clientReference: 'A1' },
  )
  t.equal(seen.find(({ data }) => data !== null)?.data, '0102ff')
})

t.test('a recipient that is not accepted is named, and the others go', async (t) => {
  const { url, key } = await startEngine(t)
  const login = `username=u&password=${key}`
  const some = await ask(`${url}/cgi-bin/sendsms?${login}&from=ACME&to=447712345001+12+33612345678&text=x`)
  t.equal(some.status, 202)
  t.match(some.text, /^0: Accepted for delivery\n12: INVALID_NUMBER .*\n\+33612345678: NO_ROUTE/)
  const none = await ask(`${url}/cgi-bin/sendsms?${login}&from=ACME&to=12&text=x`)
  t.match(none, { status: 400, text: /^12: INVALID_NUMBER/ })
  const inward = encodeURIComponent('http://user:word@127.0.0.1/report')
  const url_ = await ask(`${url}/cgi-bin/sendsms?${login}&${both}&text=x&dlr-mask=31&dlr-url=${inward}`)
  t.match(url_, { status: 422, text: /callbackUrl/ })
})

t.test('a landline gets an SMS, never a call', async (t) => {
  const { url, key, adminCall } = await startEngine(t)
  const login = `username=u&password=${key}&from=ACME&to=442079460000`
  t.equal((await ask(`${url}/cgi-bin/sendsms?${login}&text=x`)).status, 202)
  t.equal((await ask(`${url}/send?${login}&content=x`)).status, 200)
  const { items } = await adminCall('GET', '/v1/messages')
  t.match(items, [{ to: '+442079460000', channel: 'sms' }, { channel: 'sms' }])
})

t.test('Jasmin: sends, prices, tells its balance, and answers its errors', async (t) => {
  const { url, key, adminCall } = await startEngine(t)
  await adminCall('PATCH', '/v1/accounts/u', { prices: [{ prefix: '44', price: 0.05 }], currency: 'EUR', balance: 1 })
  const login = `username=u&password=${key}`
  const to = 'to=447712345001&from=ACME'
  const sent = await ask(`${url}/send?${login}&${to}&content=hello`)
  t.match(sent, { status: 200, text: /^Success "msg_[0-9a-z]+"$/ })
  const form = new URLSearchParams({
    username: 'u',
    password: key,
    to: '447712345001',
    'hex-content': '041F0440',
    coding: '8',
  })
  const posted = await fetch(`${url}/send`, { method: 'POST', body: form })
  t.match(await posted.text(), /^Success/)
  const { items } = await adminCall('GET', '/v1/messages')
  t.equal(items[0].text, 'Пр')
  const cases: [string, number, string][] = [
    [`${login}&from=ACME&content=x`, 400, 'Error "Mandatory argument [to] is not found."'],
    [`${login}&${to}`, 400, 'Error "Mandatory argument [content] is not found."'],
    [`username=u&password=wrong&${to}&content=x`, 403, 'Error "Authentication failure for username:u"'],
    [`${login}&${to}&content=x&color=red`, 400, 'Error "Argument [color] is unknown."'],
    [
      `${login}&${to}&content=x&dlr=yes&dlr-url=http%3A%2F%2Fx&dlr-level=4`,
      400,
      'Error "Argument [dlr-level] has an invalid value: [4]."',
    ],
    [`${login}&to=33612345678&content=x`, 412, 'Error "No route found"'],
  ]
  for (const [query, status, text] of cases) t.same(await ask(`${url}/send?${query}`), { status, text }, query)
  t.same(JSON.parse((await ask(`${url}/rate?${login}&to=447712345001&content=hello`)).text), {
    unit_rate: 0.05,
    submit_sm_count: 1,
  })
  const { balance } = JSON.parse((await ask(`${url}/balance?${login}`)).text)
  t.equal(balance, 0.9)
  t.same(await ask(`${url}/ping`), { status: 200, text: 'Jasmin/PONG' })
  const dear = 'x'.repeat(1500)
  for (let n = 0; n < 2; n++) {
    const refused = await ask(`${url}/send?${login}&to=447712345001&content=${dear}`)
    if (n === 1) t.match(refused, { status: 402, text: /^Error "INSUFFICIENT_BALANCE: / })
  }
})

t.test('Jasmin: both levels are reported, by GET and by POST', async (t) => {
  const { url, key } = await startEngine(t)
  const sink = await Sink.open(t)
  const login = `username=u&password=${key}&to=447712345001&from=ACME&content=x&dlr=yes&dlr-level=3`
  for (const method of ['GET', 'POST']) {
    const target = encodeURIComponent(`${sink.url}/${method}?mine=1`)
    const { text } = await ask(`${url}/send?${login}&dlr-method=${method}&dlr-url=${target}`)
    const id = /"(.*)"/.exec(text)![1]
    const heard = await sink.until(2, (one) => one.url.pathname === `/${method}`)
    t.same([...new Set(heard.map((one) => one.method))], [method])
    const told = heard.map((one) =>
      Object.fromEntries(method === 'GET' ? one.url.searchParams : new URLSearchParams(one.body)),
    )
    t.match(told[0], { id, level: '1', message_status: 'ESME_ROK', connector: 'sim' })
    t.match(told[1], { id, level: '2', message_status: 'DELIVRD', dlvrd: '001', err: /./ })
    t.equal(heard[0]!.url.searchParams.get('mine'), '1')
  }
})

t.test('without the setting there are no such routes', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-compat-'))
  const config = parseConfig(`dataDir: ${folder}\nhttp: { port: 0 }\n`, { name: 'test', folder, env: {} })
  const server = await startServer(config, { log: silentLog, exit: (code) => t.fail(`the engine stopped: ${code}`) })
  t.teardown(async () => {
    await server.stop()
    rmSync(folder, { recursive: true })
  })
  for (const at of ['/cgi-bin/sendsms?username=u', '/send?username=u'])
    t.equal((await ask(server.url + at)).status, 404)
})
