/** Subscribers' messages from carriers that are not ours, through the whole engine to the list that the API shows. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { isSmpp } from '../src/engine/config/carrier.js'
import { parseConfig } from '../src/engine/config/load.js'
import type { Channel } from '../src/engine/contract/channel.js'
import { systemClock } from '../src/engine/contract/clock.js'
import type { InboundView } from '../src/engine/contract/inbound.js'
import { limits } from '../src/engine/contract/limits.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import type { OutcomeSink } from '../src/engine/contract/outcome.js'
import { createSmppChannel } from '../src/smpp/smpp-channel.js'
import { ScriptedChannel, startDispatcher, tempDir } from './dispatch-harness.js'
import { pdu } from './inbound-support.js'
import { metric, type NpmPdu, type NpmSession, type Peers, startEngine, startPeer } from './peer-support.js'
import { carrierConfig, RecordingSink, startChannel } from './smpp-support.js'

const FROM = { source_addr: '447700900123', source_addr_ton: 1, source_addr_npi: 1 }
const TO = { destination_addr: '60099', dest_addr_ton: 3, dest_addr_npi: 0 }

/** A carrier with its sessions, in the order in which they were bound. */
class Phones {
  readonly sessions: NpmSession[] = []
  #waiting: { count: number; resolve: () => void }[] = []
  port = 0

  async listen(t: Test): Promise<void> {
    this.port = await startPeer(t, (session) => {
      session.on('bind_transceiver', () => {
        this.sessions.push(session)
        for (const { count, resolve } of this.#waiting) if (this.sessions.length >= count) resolve()
      })
    })
  }

  async bound(count: number): Promise<void> {
    if (this.sessions.length >= count) return
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }))
  }

  /** The answer. */
  deliver(fields: object, options: { session?: number; command?: 'deliver_sm' | 'data_sm' } = {}): Promise<NpmPdu> {
    const { session = 0, command = 'deliver_sm' } = options
    return new Promise((resolve) => {
      this.sessions[session]![command]({ ...FROM, ...TO, ...fields }, resolve)
    })
  }
}

const BINDS: Record<string, object> = {
  codings: {},
  payload: {},
  parts: { binds: 2 },
  packed: { gsm7Packed: true },
  damaged: {},
  listed: {},
}
const carriers = new Map<string, Phones>()
for (const id of Object.keys(BINDS)) {
  const phones = new Phones()
  await phones.listen(t as unknown as Test)
  carriers.set(id, phones)
}
/** One engine for all carriers: a start costs a second. */
const peers = await startEngine(
  t as unknown as Test,
  [...carriers].map(([id, { port }]) => ({ id, port, ...BINDS[id] })),
)
await Promise.all([...carriers].map(([id, phones]) => phones.bound(id === 'parts' ? 2 : 1)))

/** The list from the oldest once it has so many; looks again at each turn of a short timer. */
async function untilListed(
  carrier: string,
  count: number,
  { server }: Peers = peers,
  seconds = 20,
): Promise<InboundView[]> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const { items } = server.engine.inbound.list({ kind: 'admin' }, { limit: 200, carrier })
    if (items.length >= count || performance.now() > end) return items.reverse()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const header = (reference: number, total: number, part: number): Buffer =>
  Buffer.from([5, 0, 3, reference, total, part])

t.test('every coding of another implementation is read, and each message is answered once it is durable', async (t) => {
  const phones = carriers.get('codings')!
  const texts: [object, Partial<InboundView>][] = [
    [{ short_message: 'Price £5 @ €3 {a}' }, { text: 'Price £5 @ €3 {a}', encoding: 'gsm7' }],
    [
      { data_coding: 1, short_message: Buffer.from('a@b') },
      { text: 'a@b', encoding: 'ascii' },
    ],
    [
      { data_coding: 3, short_message: 'Grüße' },
      { text: 'Grüße', encoding: 'latin1' },
    ],
    [
      { data_coding: 8, short_message: 'Привет 👋🏽' },
      { text: 'Привет 👋🏽', encoding: 'ucs2' },
    ],
    [
      { data_coding: 4, short_message: Buffer.from([0, 255]) },
      { text: null, encoding: 'binary', data: '00ff' },
    ],
    [
      { data_coding: 0x10, short_message: Buffer.from('now') },
      { text: 'now', messageClass: 0, dataCoding: 16 },
    ],
    [{ short_message: '', message_payload: 'in the payload' }, { text: 'in the payload' }],
    [{ source_addr_ton: 5, source_addr: 'ACME', short_message: 'x' }, { from: 'ACME' }],
    [{ dest_port: 2948, source_port: 1, short_message: 'x' }, { ports: { source: 1, destination: 2948 } }],
  ]
  for (const [fields] of texts) t.match(await phones.deliver(fields), { command_status: 0, message_id: '' })
  const listed = await untilListed('codings', texts.length)
  for (const [n, [, wanted]] of texts.entries()) t.match(listed[n], { carrier: 'codings', parts: 1, ...wanted })
  t.match(listed[0], { from: '+447700900123', to: '60099', account: null, reason: 'UNROUTED', complete: true })
  t.equal(await metric(peers, 'trunkline_inbound_total', { carrier: 'codings', kind: 'message' }), texts.length)
  t.notOk(
    peers.logged.some((line) => /447700900123|Привет/.test(line)),
    'no number and no text in the log',
  )
})

t.test('quirk 27, 54: data_sm is as deliver_sm, and text comes in message_payload alone', async (t) => {
  const phones = carriers.get('payload')!
  const answer = await phones.deliver({ message_payload: 'by data_sm' }, { command: 'data_sm' })
  t.match(answer, { command: 'data_sm_resp', command_status: 0 })
  await phones.deliver({ data_coding: 8, message_payload: 'мир' }, { command: 'data_sm' })
  await phones.deliver({ short_message: '', message_payload: 'x'.repeat(600) })
  const texts = (await untilListed('payload', 3)).map(({ text }) => text)
  t.strictSame(texts, ['by data_sm', 'мир', 'x'.repeat(600)])
})

t.test('quirk 51, 52, 56: parts over two binds, by header, by sar parameters, in the payload', async (t) => {
  const phones = carriers.get('parts')!
  const part = (reference: number, n: number, text: string) => ({
    esm_class: 0x40,
    short_message: Buffer.concat([header(reference, 2, n), Buffer.from(text)]),
  })
  await phones.deliver(part(1, 2, 'over two binds'), { session: 1 })
  await phones.deliver(part(1, 1, 'sent '), { session: 0 })
  const sar = (n: number) => ({ sar_msg_ref_num: 9, sar_total_segments: 2, sar_segment_seqnum: n })
  await phones.deliver({ ...sar(1), data_coding: 8, short_message: 'при' }, { session: 0 })
  await phones.deliver({ ...sar(2), data_coding: 8, short_message: 'вет' }, { session: 1 })
  const payload = (n: number, text: string) => ({
    esm_class: 0x40,
    message_payload: Buffer.concat([header(7, 2, n), Buffer.from(text)]),
  })
  await phones.deliver(payload(1, 'a'.repeat(300)), { command: 'data_sm' })
  await phones.deliver(payload(2, 'b'.repeat(300)), { command: 'data_sm' })
  const listed = await untilListed('parts', 3)
  t.match(listed, [
    { text: 'sent over two binds', parts: 2, complete: true },
    { text: 'привет', parts: 2 },
    { text: 'a'.repeat(300) + 'b'.repeat(300) },
  ])
})

t.test('quirk 39, 40: a carrier that packs its septets', async (t) => {
  const phones = carriers.get('packed')!
  // "hellohello" of TS 23.038 in the examples of many: E8329BFD4697D9EC37.
  await phones.deliver({ short_message: Buffer.from('E8329BFD4697D9EC37', 'hex') })
  t.match(await untilListed('packed', 1), [{ text: 'hellohello', encoding: 'gsm7' }])
})

t.test('quirk 57: parts that never come: what came is listed when the time is over', async (t) => {
  const phones = new Phones()
  await phones.listen(t)
  const quick = await startEngine(t, [{ id: 'peer', port: phones.port }], [], { inbound: { partsTimeoutSeconds: 1 } })
  await phones.bound(1)
  const short_message = Buffer.concat([header(1, 3, 2), Buffer.from('the middle')])
  await phones.deliver({ esm_class: 0x40, short_message })
  t.match(await untilListed('peer', 1, quick), [{ text: 'the middle', parts: 3, complete: false, missing: [1, 3] }])
})

t.test('quirk 65: damaged messages are answered and kept as what they are', async (t) => {
  const phones = carriers.get('damaged')!
  const answer = await phones.deliver({ esm_class: 0x40, short_message: Buffer.from([99, 1, 2]) })
  t.equal(answer.command_status, 0)
  await phones.deliver({ esm_class: 0x40, short_message: Buffer.from([]) })
  await phones.deliver({ data_coding: 8, short_message: Buffer.from([0x04]) })
  await phones.deliver({ short_message: Buffer.from('STOP\0') })
  t.match(await untilListed('damaged', 4), [
    { text: null, encoding: 'binary', data: '630102' },
    { text: null, encoding: 'binary', data: '' },
    { text: '', encoding: 'ucs2' },
    { text: 'STOP' },
  ])
})

t.test('GET /v1/inbound: the admin sees everything, an account what was routed to it: nothing yet', async (t) => {
  const phones = carriers.get('listed')!
  for (const text of ['one', 'two', 'three']) await phones.deliver({ short_message: text })
  await untilListed('listed', 3)
  const { server } = peers
  const { key } = await server.engine.createKey('acme')
  const get = async (query: string, headers: Record<string, string>) => {
    const response = await fetch(`${server.url}/v1/inbound${query}`, { headers })
    return {
      status: response.status,
      ...((await response.json()) as { items: InboundView[]; nextCursor: string | null }),
    }
  }
  const admin = { authorization: `Bearer ${server.adminKey}` }
  const first = await get('?limit=2&carrier=listed&to=60099&from=+447700900123', admin)
  t.match(first, { status: 200, items: [{ text: 'three' }, { text: 'two' }] })
  const rest = await get(`?limit=2&carrier=listed&cursor=${first.nextCursor}`, admin)
  t.match(rest, { items: [{ text: 'one' }], nextCursor: null })
  t.strictSame((await get('?carrier=other', admin)).items, [])
  t.strictSame((await get('?since=2100-01-01T00:00:00Z', admin)).items, [])
  t.match(await get('?since=yesterday', admin), { status: 422 })
  t.match(await get('?cursor=msg_1', admin), { status: 422 })
  t.match(await get('', {}), { status: 401 })
  t.match(await get('', { authorization: `Bearer ${key}` }), { status: 200, items: [] })
  t.match(await get('', { ...admin, 'trunkline-account': 'acme' }), { status: 200, items: [] })
})

t.test('quirk 82: while the disk is nearly full a message is refused for now, and the carrier keeps it', async (t) => {
  const phones = new Phones()
  await phones.listen(t)
  const carriers = [{ id: 'test', protocol: 'smpp', host: '127.0.0.1', port: phones.port, systemId: 'x' }]
  const config = parseConfig(JSON.stringify({ carriers }), { name: 'test', folder: '/', env: {} }).carriers.filter(
    isSmpp,
  )[0]!
  let hasSpace = false
  let channel!: Channel
  const harness = await startDispatcher({
    dataDir: tempDir(t),
    jobs: [],
    hasSpace: () => hasSpace,
    makeChannel: (sink) => {
      const random = new Random(1)
      channel = createSmppChannel(config, { sink, clock: systemClock, random, metrics: noMetrics, log: silentLog })
      return channel as unknown as ScriptedChannel
    },
  })
  t.teardown(() => harness.abandon())
  await phones.bound(1)
  const refused = await phones.deliver({ short_message: 'STOP' })
  t.match(refused, { command_status: 0x64, message_id: '' })
  t.equal(harness.environment.inbound.getKeysCount(), 0)
  hasSpace = true
  t.match(await phones.deliver({ short_message: 'STOP' }), { command_status: 0 })
  t.equal(harness.environment.inbound.getKeysCount(), 1, 'and is durable when it is answered')
})

t.test('a carrier that floods us with long messages is read no further than we answer it', async (t) => {
  const phones = new Phones()
  await phones.listen(t)
  const { channel, sink, until } = startChannel(carrierConfig({ port: phones.port }), new RecordingSink())
  t.teardown(() => channel.drain(systemClock.now()))
  await until(() => phones.sessions.length === 1)
  const text = 'x'.repeat(60_000)
  const statuses: number[] = []
  for (let n = 0; n < 200; n++) {
    void phones
      .deliver({ message_payload: text }, { command: 'data_sm' })
      .then(({ command_status }) => statuses.push(command_status))
  }
  const held = () => sink.inbounds.reduce((sum, { payload }) => sum + payload.length, 0)
  await until(() => held() > limits.inboundHeldBytes)
  let most = 0
  await until(() => {
    most = Math.max(most, held())
    for (const { bind, session, sequence } of sink.inbounds.splice(0, 1)) {
      channel.acknowledge(bind, session, sequence, true)
    }
    return statuses.length === 200
  })
  t.strictSame(new Set(statuses), new Set([0]), 'all of them are taken')
  // What one reading of the socket brought is taken whole.
  t.ok(most < limits.inboundHeldBytes + 1_048_576, `${most} octets at most`)
})

/** Holds the store's write lock from a thread of its own, as a disk does that takes long over a commit. */
async function holdWrites(dataDir: string): Promise<() => void> {
  const module = new URL('../src/engine/store/environment.js', import.meta.url).href
  const held = new SharedArrayBuffer(4)
  const code = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(workerData.module).then(({ openEnvironment }) => {
      const { root } = openEnvironment(workerData.dataDir)
      root.transactionSync(() => {
        parentPort.postMessage('held')
        Atomics.wait(new Int32Array(workerData.held), 0, 0)
      })
      return root.close()
    })`
  const worker = new Worker(code, { eval: true, workerData: { module, dataDir, held } })
  await once(worker, 'message')
  return () => {
    const cell = new Int32Array(held)
    Atomics.store(cell, 0, 1)
    Atomics.notify(cell, 0)
  }
}

t.test('quirk 82: while a commit takes longer than a carrier waits, what comes is refused for now', async (t) => {
  const laterMs = { value: 0 }
  const answers: boolean[] = []
  let onAnswer = (): void => {}
  const answered = (count: number): Promise<void> =>
    new Promise((resolve) => {
      onAnswer = () => {
        if (answers.length >= count) resolve()
      }
      onAnswer()
    })
  let sink!: OutcomeSink
  const harness = await startDispatcher({
    dataDir: tempDir(t),
    jobs: [],
    laterMs,
    makeChannel: (given) => {
      sink = given
      const channel = new ScriptedChannel('test', given)
      const acknowledge = (_bind: number, _session: number, _sequence: number, ok: boolean): void => {
        answers.push(ok)
        onAnswer()
      }
      return Object.assign(channel, { acknowledge })
    },
  })
  t.teardown(() => harness.abandon())
  const { carrier: _carrier, atMs: _atMs, run: _run, doubtFrom: _doubtFrom, ...message } = pdu({ text: 'STOP' })
  const release = await holdWrites(harness.dataDir)
  sink.inbound({ ...message, session: 1, sequence: 1 })
  // The tick that follows begins its commit, and the clock of the next one says that it has taken eleven seconds.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  laterMs.value = 11_000
  sink.inbound({ ...message, session: 1, sequence: 2 })
  await answered(1)
  t.strictSame(answers, [false], 'the second is refused at once')
  release()
  await answered(2)
  t.strictSame(answers, [false, true], 'the first is answered once it is durable')
  t.equal(harness.environment.inbound.getKeysCount(), 1)
})
