/**
 * F17: 30 endpoints, each of an account of its own, fail in fifteen ways, two of each: for a while, then they work. Six hours of it
 * pass by the clock of the engine. Nothing of what happened is missing at any of them in the end, by their own ledgers (I5).
 */
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import t from 'tap'
import { systemClock } from '../src/engine/contract/clock.js'
import { timeout } from './acceptance-run.js'
import { until } from './until.js'
import { type Answer, Receiver, status } from './webhook-receiver.js'
import { type Customer, startWhole } from './whole-engine.js'

t.setTimeout(timeout)
/** Longer than the longest wait between two tries, an hour and a fifth. */
const STEP_MS = 4_500_000
const STEPS = 5
const MESSAGES = 4
const BIG = Buffer.alloc(64 * 1024, 'x')
/** More than sockets hold between two processes, far less than is offered. */
const READ_MOST = 24 << 20
const OFFERED = 256 << 20
let mostWritten = 0

/** Offers a body without end, and notes how much of it was taken. */
function endless(response: ServerResponse): void {
  response.writeHead(500, { 'content-length': String(OFFERED) })
  let written = 0
  const more = (): void => {
    while (written < OFFERED && !response.destroyed) {
      written += BIG.length
      mostWritten = Math.max(mostWritten, written)
      if (!response.write(BIG)) break
    }
  }
  response.on('drain', more).on('error', () => {})
  more()
}

const WAYS: Record<string, Answer> = {
  'answers 500': status(500),
  'answers 503': status(503),
  'answers 404': status(404),
  'answers 429 with Retry-After': status(429, { 'retry-after': '600' }),
  'answers 503 with a date in Retry-After': status(503, { 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }),
  'answers 429 with nonsense in Retry-After': status(429, { 'retry-after': '-1e9, soon' }),
  'answers 301': status(301, { location: 'http://127.0.0.1:1/' }),
  'answers 302 to itself': status(302, { location: '/hook' }),
  'answers 307': status(307, { location: 'http://169.254.169.254/' }),
  'hangs before the answer': () => {},
  'hangs in the body': (response) => response.writeHead(500).flushHeaders(),
  'closes before the answer': (response) => response.destroy(),
  'closes in mid-answer': (response) => {
    response.writeHead(500, { 'content-length': '1000' })
    response.write('{"ok":')
    setImmediate(() => response.destroy())
  },
  'has a huge body': (response) => endless(response),
  'speaks no HTTP': (response) => {
    response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n')
  },
}

interface Case {
  way: string
  customer: Customer
  receiver: Receiver
}

t.test('30 endpoints fail for six hours in fifteen ways, and miss nothing', async (t) => {
  let aheadMs = 0
  const clock = { ...systemClock, now: () => Date.now() + aheadMs }
  const yaml = (at: (login: string) => string) =>
    `carriers: [{ id: sim, ${at('trunk')} }]\nwebhooks: { allowPrivateAddresses: true, timeoutMs: 1000 }`
  const whole = await startWhole(t, { clock, yaml })
  const healthy = await Receiver.start(t)
  const cases: Case[] = []
  for (const [way, answer] of Object.entries(WAYS)) {
    for (const twin of [1, 2]) {
      const customer = await whole.account(`c${cases.length}`)
      const receiver = await Receiver.start(t)
      receiver.answer = answer
      const body = { url: receiver.url, events: ['messages.updated'] }
      const set = await customer.call('PUT', '/v1/webhooks/main', { body })
      t.ok(set.status < 300, `${way} ${twin}`)
      cases.push({ way, customer, receiver })
    }
  }
  const well = await whole.account('healthy')
  await well.call('PUT', '/v1/webhooks/main', { body: { url: healthy.url, events: ['messages.updated'] } })
  const ids = new Map<Customer, string[]>()
  for (const customer of [...cases.map((each) => each.customer), well]) {
    const messages = Array.from({ length: MESSAGES }, (_, n) => ({ to: `+44771234500${n}`, from: 'ACME', text: 'Hi' }))
    const { json, text } = await customer.call('POST', '/v1/messages', { body: { messages } })
    t.ok(json.items?.length === MESSAGES, text.slice(0, 80))
    ids.set(
      customer,
      json.items.map(({ id }: { id: string }) => id),
    )
  }
  const isTold = (receiver: Receiver, of: Customer): boolean => {
    // A ledger of what was answered 2xx, which is all that counts.
    const told = new Set(receiver.entries.filter(({ final }) => final).map(({ id }) => id))
    return ids.get(of)!.every((id) => told.has(id))
  }
  await healthy.until((receiver) => isTold(receiver, well))
  t.pass('whose endpoint works is told meanwhile')
  /** What failed is noted with its next try: only then may time pass. */
  const isNoted = async ({ call }: Customer): Promise<void> => {
    const view = () => call('GET', '/v1/webhooks/main')
    await until(view, ({ json }) => Date.parse(json.nextAttemptAt ?? '') > clock.now())
  }
  for (const { receiver, customer } of cases) {
    await receiver.until(({ received }) => received.length >= 1)
    await isNoted(customer)
  }
  for (let step = 0; step < STEPS; step++) {
    const before = new Map(cases.map(({ receiver }) => [receiver, receiver.received.length]))
    aheadMs += STEP_MS
    for (const { receiver, customer } of cases) {
      await receiver.until(({ received }) => received.length > before.get(receiver)!)
      await isNoted(customer)
    }
  }
  for (const { receiver } of cases) {
    receiver.received.length = 0
    receiver.answer = status(204)
  }
  aheadMs += STEP_MS
  for (const { way, receiver, customer } of cases) {
    await receiver.until((one) => isTold(one, customer))
    const view = () => customer.call('GET', '/v1/webhooks/main')
    const { json } = await until(view, (answer) => answer.json.backlog === 0)
    t.match(json, { state: 'active', backlog: 0 }, way)
  }
  t.ok(mostWritten <= READ_MOST, `of 256 MiB offered as an answer, ${mostWritten >> 20} MiB left the receiver`)
})

t.test('an endpoint that says https and speaks no TLS is tried again, and what happened waits', async (t) => {
  const whole = await startWhole(t, {
    yaml: (at) => `carriers: [{ id: sim, ${at('trunk')} }]\nwebhooks: { allowPrivateAddresses: true }`,
  })
  const plain = createServer((socket) => {
    socket.on('error', () => {}).end('no TLS here', () => socket.destroy())
  })
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise<void>((resolve) => plain.close(() => resolve())))
  const { port } = plain.address() as { port: number }
  const { call } = await whole.account('tls')
  const url = `https://127.0.0.1:${port}/hook`
  t.ok((await call('PUT', '/v1/webhooks/main', { body: { url, events: ['job.updated'] } })).status < 300)
  await call('POST', '/v1/jobs', { body: { name: 'one', text: 'Hi' } })
  const { json } = await until(
    () => call('GET', '/v1/webhooks/main'),
    (answer) => answer.json.lastError !== null,
  )
  t.match(json, { backlog: 1, state: 'retrying' })
})
