/** Our own simulated carrier lets its subscribers send: every way of joining parts, broken connections, over HTTP. */
import t from 'tap'
import { spawnSmsc } from '../bench/processes.js'
import type { InboundView } from '../src/engine/contract/inbound.js'
import type { SubscriberMessage } from '../src/smpp/simulator/subscriber-pdu.js'
import { type Harness, startHarness } from './engine-harness.js'
import { startEngine } from './peer-support.js'

const ADDRESSES = { from: '+447700900123', to: '60099' }
const LONG = 'Grüße from Ünder der Brücke, €5 each. '.repeat(12).trim()
const WIDE = 'Привет, это длинное сообщение 👋🏽. '.repeat(8).trim()

async function untilListed({ server }: Pick<Harness, 'server'>, count: number, seconds = 20): Promise<InboundView[]> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    const { items } = server.engine.inbound.list({ kind: 'admin' }, { limit: 200 })
    if (items.length >= count || performance.now() > end) return items.reverse()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

t.test('every way of joining parts, over two binds, by deliver_sm and data_sm', async (t) => {
  const harness = await startHarness({ carrier: { binds: 2 } })
  t.teardown(() => harness.stop())
  await harness.smsc.waitFor(({ binds }) => binds === 2)
  const messages: SubscriberMessage[] = []
  for (const parts of ['udh', 'udh16', 'sar', 'payload'] as const) {
    for (const text of ['short', LONG, WIDE]) messages.push({ ...ADDRESSES, parts, text })
  }
  messages.push({ ...ADDRESSES, command: 'data_sm', text: LONG }, { ...ADDRESSES, data: '00ff', dataCoding: 4 })
  const pdus = await Promise.all(messages.map((message) => harness.smsc.subscribers.send(message)))
  const listed = await untilListed(harness, messages.length)
  t.strictSame(
    listed.map(({ text, data }) => text ?? data).sort(),
    messages.map(({ text, data }) => text ?? data).sort(),
  )
  t.ok(listed.every(({ complete, from }) => complete && from === ADDRESSES.from))
  t.strictSame(new Set(listed.map(({ bind }) => bind)), new Set([0, 1]), 'both binds had some')
  const sum = pdus.reduce((before, count) => before + count, 0)
  t.match(harness.smsc.stats(), { inboundTaken: sum, inboundRefused: 0, inboundWaiting: 0, protocolErrors: 0 })
})

t.test('what is delivered again after broken connections is listed once', async (t) => {
  const harness = await startHarness()
  t.teardown(() => harness.stop())
  await harness.smsc.waitFor(({ binds }) => binds === 1)
  const texts = Array.from({ length: 60 }, (_, n) => `message ${n} ${n % 3 === 0 ? LONG : ''}`.trim())
  const taken = texts.map((text) => harness.smsc.subscribers.send({ ...ADDRESSES, text }))
  // All of it is on its way, and most of the answers are lost.
  harness.smsc.dropAll()
  await harness.smsc.waitFor(({ inboundTaken }) => inboundTaken > 20)
  harness.smsc.dropAll()
  await Promise.all(taken)
  const listed = await untilListed(harness, texts.length)
  t.strictSame(listed.map(({ text }) => text).sort(), [...texts].sort())
  await harness.restart()
  t.equal((await untilListed(harness, texts.length)).length, texts.length, 'nor is it after a restart')
})

t.test('the simulator as a process: POST /inbound makes a subscriber send', async (t) => {
  const smsc = await spawnSmsc(['--system-id', 'trunk'])
  t.teardown(() => smsc.child.kill('SIGKILL'))
  const { server } = await startEngine(t, [{ id: 'peer', port: smsc.port }])
  const post = async (body: string) => {
    const response = await fetch(`http://127.0.0.1:${smsc.statsPort}/inbound`, { method: 'POST', body })
    return { status: response.status, ...((await response.json()) as object) }
  }
  t.match(await post(JSON.stringify({ ...ADDRESSES, text: LONG })), { status: 200, pdus: 4 })
  t.match(await post(JSON.stringify({ ...ADDRESSES, text: 'STOP' })), { status: 200, pdus: 1 })
  t.match(await post('{"from":"1"}'), { status: 400 })
  t.match(await post(JSON.stringify({ ...ADDRESSES, data: 'x' })), { status: 400 })
  const listed = await untilListed({ server }, 2)
  t.match(listed, [{ text: LONG }, { text: 'STOP' }])
  t.match(await smsc.stats(), { inboundTaken: 5 })
})
