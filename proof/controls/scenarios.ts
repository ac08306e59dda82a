/**
 * Scenarios that end in a kill at the worst moment, each about one promise, for the controls: `node scenarios.js SEED NAME`. Says
 * `P1 holds: …` and ends with 0, or `P1 is broken: …` and ends with 1.
 */
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { Random } from '../../src/engine/base/random.js'
import { silentLog } from '../../src/engine/contract/log.js'
import { createCourier } from '../../src/http/webhook/courier.js'
import { Smsc } from '../../src/smpp/simulator/smsc.js'
import { seed } from '../../test/seed.js'
import { carrierConfig, outgoing, RecordingSink, startChannel } from '../../test/smpp-support.js'
import { until } from '../../test/until.js'
import { Stand } from './scenario-stand.js'

interface Found {
  promise: string
  isBroken: boolean
  facts: string
}

/** A commit takes so long that whatever does not wait for it is seen. */
const SLOW_MS = 300

/** Longer than any start of a sound engine. */
const OPEN_MS = 40_000

const numberOf = (row: number) => `+4477${10_000_000 + row}`

/** The power fails at the moment of an acknowledgement. */
async function power(stand: Stand): Promise<Found> {
  const ids: string[] = []
  stand.slow(SLOW_MS)
  for (let row = 0; row < 2; row++) {
    const message = { to: numberOf(row), from: 'ACME', text: 'Hi', sendAt: '2099-01-01T00:00:00Z' }
    ids.push((await stand.call('POST', '/v1/messages', message)).id as string)
  }
  await stand.kill()
  const pages = stand.disk.cut(new Random(seed))
  // What a store that lost its pages does is not foreseen: it may refuse to open, or stand still.
  const isUp = await Promise.race([stand.again(), pause(OPEN_MS, false, { ref: false })])
  const lost: string[] = []
  for (const id of isUp ? ids : []) {
    const found = await stand.call('GET', `/v1/messages/${id}`).catch(() => null)
    if (found === null) lost.push(id)
  }
  const facts = `${ids.length} acknowledged, ${isUp ? lost.length : 'all'} lost, ${pages} pages cut`
  return { promise: 'P1', isBroken: !isUp || lost.length > 0, facts }
}

const WINDOW = 10
const CAP = 2
const SUBMITS = 40

/** A kill while the carrier answers faster than the disk. */
async function repeats(stand: Stand): Promise<Found> {
  const recipients = Array.from({ length: 300 }, (_, row) => ({ to: numberOf(row) }))
  stand.slow(SLOW_MS)
  const { id } = await stand.call('POST', '/v1/jobs', { from: 'ACME', text: 'Hi', recipients })
  await stand.seen(({ submits }) => submits >= SUBMITS)
  await stand.kill()
  await stand.again()
  await until(
    () => stand.call('GET', `/v1/jobs/${id}`),
    ({ state }) => state === 'finished',
  )
  const { repeats: count, distinct } = stand.smsc.stats()
  const facts = `${count} repeats, at most ${WINDOW + CAP}; ${distinct} of 300 arrived`
  return { promise: 'P2', isBroken: count > WINDOW + CAP || distinct !== 300, facts }
}

interface Page {
  items: { id: string; state: string }[]
}

/** A kill when the work of an Idempotency-Key is seen, and the same request again. */
async function keys(stand: Stand): Promise<Found> {
  const send = async (): Promise<unknown> => {
    const headers = {
      authorization: `Bearer ${stand.key}`,
      'content-type': 'application/json',
      'idempotency-key': 'once',
    }
    const body = JSON.stringify({ to: numberOf(0), from: 'ACME', text: 'Hi', sendAt: '2099-01-01T00:00:00Z' })
    return await (await fetch(`${stand.child.url}/v1/messages`, { method: 'POST', headers, body })).json()
  }
  const list = async () => (await stand.call('GET', '/v1/messages?limit=10')) as unknown as Page
  stand.slow(SLOW_MS)
  const first = send().catch(() => null)
  await until(list, ({ items }) => items.length > 0)
  await stand.kill()
  await first
  await stand.again()
  await send()
  const { items } = await list()
  return { promise: 'P3', isBroken: items.length !== 1, facts: `${items.length} messages of one key` }
}

const RECEIPT_MS = 800
const SETTLE_MS = 4_000

/** A kill at the moment at which the carrier has the answer to its receipt. */
async function receipts(stand: Stand): Promise<Found> {
  const { id } = await stand.call('POST', '/v1/messages', { to: numberOf(0), from: 'ACME', text: 'Hi' })
  await stand.seen(({ submits }) => submits > 0)
  const state = async () => (await stand.call('GET', `/v1/messages/${id}`)).state
  await until(state, (now) => now === 'sent' || now === 'delivered')
  stand.slow(SLOW_MS)
  await stand.seen(({ receiptsAcknowledged }) => receiptsAcknowledged === 1)
  await stand.kill()
  await stand.again()
  const now = await Promise.race([until(state, (seen) => seen === 'delivered'), pause(SETTLE_MS)])
  return {
    promise: 'P5',
    isBroken: now !== 'delivered',
    facts: `after its answered receipt the message is ${now ?? 'sent'}`,
  }
}

const OPT_OUT_ROWS = 100
const PROMISED_MS = 1_000

/** All recipients opt out while their job is sent slowly. */
async function optOuts(stand: Stand): Promise<Found> {
  const recipients = Array.from({ length: OPT_OUT_ROWS }, (_, row) => ({ to: numberOf(row) }))
  const settings = { from: 'ACME', text: 'Hi', ratePerSecond: 20, recipients }
  const { id } = await stand.call('POST', '/v1/jobs', settings)
  await stand.seen(({ submits }) => submits > 0)
  await stand.call(
    'POST',
    '/v1/suppressions',
    recipients.map(({ to }) => to),
  )
  await pause(PROMISED_MS)
  const { submits } = stand.smsc.stats()
  const isOver = async () => (await stand.call('GET', `/v1/jobs/${id}`)).state === 'finished'
  await until(
    async () => stand.smsc.stats().submits > submits || (await isOver()),
    (over) => over,
  )
  const late = stand.smsc.stats().submits - submits
  return { promise: 'P8', isBroken: late > 0, facts: `${late} submits more than a second after the opt-outs` }
}

const RATE = 100
const PARTS = 180
const IDLE_MS = 1_200
const TRIES = 3

/** Work after an idle second, by the carrier's stamps. What a busy machine piles up is not there each time. */
async function seconds(): Promise<Found> {
  const most = Math.ceil(1.01 * RATE) + 1
  let seen = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < TRIES && seen > most; attempt++) seen = await mostInASecond()
  return { promise: 'P6', isBroken: seen > most, facts: `${seen} parts in a second at ${RATE}/s` }
}

async function mostInASecond(): Promise<number> {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  const harness = startChannel(carrierConfig({ port, ratePerSecond: RATE, window: 200 }), new RecordingSink())
  const { channel, sink } = harness
  await harness.until(() => channel.up)
  const startedMs = performance.now()
  await harness.until(() => performance.now() - startedMs > IDLE_MS)
  let ref = 0
  await harness.run(
    () => (ref < PARTS ? outgoing(++ref, '447700900001', ['text']) : null),
    () => {
      channel.durable(0, sink.settlements.length)
      return sink.settlements.length === PARTS
    },
  )
  await channel.drain(0)
  await smsc.close()
  return smsc.stats().maxPerSecond
}

const SPELLINGS = ['127.0.0.1', '127.1', '0x7f.1', '0177.0.0.1', '2130706433', '[::ffff:127.0.0.1]', '127.0.0.1.']

/** Webhooks to this machine, in every spelling of its address. */
async function guard(): Promise<Found> {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.on('error', () => {}).destroy()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const timeoutMs = 5_000
  const resolve = async (): Promise<string[]> => ['127.0.0.1']
  const courier = createCourier({ allowPrivateAddresses: false, ports: [port], resolve, timeoutMs, now: () => 0 })
  const hosts = [...SPELLINGS, 'name.example.com']
  for (const [index, host] of hosts.entries()) {
    const url = `https://${host}:${port}/hook`
    await courier.deliver({ endpoint: String(index), method: 'POST', url, headers: {}, body: Buffer.from('{}') })
  }
  await courier.close(0)
  server.close()
  const facts = `${connections} connections to an address that is not public, by ${hosts.length} spellings`
  return { promise: 'SSRF', isBroken: connections > 0, facts }
}

const scenarios: Record<string, () => Promise<Found>> = {
  power: () => on(power, {}, { cuts: true }),
  repeats: () => on(repeats, { window: WINDOW, unsettledCap: CAP }),
  keys: () => on(keys, {}),
  receipts: () => on(receipts, {}, { smsc: { receiptDelayMs: RECEIPT_MS } }),
  'opt-outs': () => on(optOuts, {}),
  seconds,
  guard,
}

async function on(
  scenario: (stand: Stand) => Promise<Found>,
  carrier: object,
  options?: Parameters<typeof Stand.start>[1],
): Promise<Found> {
  const stand = await Stand.start(carrier, options)
  try {
    return await scenario(stand)
  } finally {
    await stand.close()
  }
}

const [, name = ''] = process.argv.slice(2)
const chosen = scenarios[name]
if (chosen === undefined) throw new RangeError(`a scenario is one of ${Object.keys(scenarios).join(', ')}`)
const { promise, isBroken, facts } = await chosen()
console.log(`${promise} ${isBroken ? 'is broken' : 'holds'}: ${facts}`)
// What hangs in a broken engine must not keep this process.
process.exit(isBroken ? 1 : 0)
