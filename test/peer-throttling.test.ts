/** npm smpp as carriers that throttle, slow down and die, behind the whole engine. */
import t from 'tap'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { actionsOf, NO_RECEIPTS, peer, rows, until } from './outcome-peers.js'
import {
  metric,
  type NpmPdu,
  type NpmSession,
  startEngine,
  startJob,
  startPeer,
  untilMessages,
} from './peer-support.js'
import { carrierConfig, outgoing, RecordingSink, startChannel } from './smpp-support.js'

t.test(
  'a carrier that throttles is slowed, fails nothing, and is as agreed again when an operator says so',
  async (t) => {
    const statuses = [0x58, 0x14, 0x1403]
    const storm = await peer(t, (_, n) => (n <= 15 ? statuses[n % 3]! : 0))
    const peers = await startEngine(t, [
      { id: 'acme', port: storm.port, ratePerSecond: 100, throttleCodes: ['0x1400-0x14FF'], ...NO_RECEIPTS },
    ])
    const job = await startJob(peers, {}, rows(Array.from({ length: 10 }, (_, n) => `m${n}`)))
    const slowed = await until(peers, 'acme', (view) => view.rateNowPerSecond! < 100)
    t.equal(slowed.ratePerSecond, 100)
    t.strictSame(actionsOf(slowed), ['throttled'])
    const messages = await untilMessages(
      peers,
      job,
      (all) => all.length === 10 && all.every(({ state }) => state === 'sent'),
      60,
    )
    t.equal(messages.filter(({ state }) => state === 'sent').length, 10)
    t.equal(storm.texts.length, 25, 'every refusal came again, and nothing else')
    t.ok((await metric(peers, 'trunkline_rate_limit_per_second', { carrier: 'acme' })) < 100)
    t.equal(await metric(peers, 'trunkline_throttled_total', { carrier: 'acme' }), 15)
    t.equal(await metric(peers, 'trunkline_carrier_action_active', { carrier: 'acme', action: 'throttled' }), 1)
    const restored = await peers.server.engine.patchCarrier('acme', { clearActions: true })
    t.equal(restored.rateNowPerSecond, 100)
    t.strictSame(restored.actions, [])
    t.equal(await metric(peers, 'trunkline_rate_limit_per_second', { carrier: 'acme' }), 100)
  },
)

t.test(
  'a carrier that dies with a full window: the next one has all, and what was accepted is not sent again',
  async (t) => {
    const first = await peer(t, (_, n) => {
      if (n <= 5) return 0
      if (n === 10) for (const session of first.sessions) session.destroy()
      return null
    })
    const backup = await peer(t, () => 0)
    const peers = await startEngine(
      t,
      [
        { id: 'acme', port: first.port, ...NO_RECEIPTS },
        { id: 'backup', port: backup.port, ...NO_RECEIPTS },
      ],
      [{ carriers: ['acme', 'backup'] }],
    )
    for (const id of ['acme', 'backup']) await until(peers, id, ({ binds }) => binds[0]!.state === 'bound')
    const texts = Array.from({ length: 60 }, (_, n) => `m${n}`)
    const job = await startJob(peers, {}, rows(texts))
    await untilMessages(peers, job, (all) => all.length === 60 && all.every(({ state }) => state === 'sent'), 60)
    const accepted = first.texts.slice(0, 5)
    t.strictSame(new Set([...accepted, ...first.texts, ...backup.texts]).size, 60)
    t.strictSame(
      backup.texts.filter((text) => accepted.includes(text)),
      [],
    )
  },
)

t.test('a carrier that slows down has less in flight', async (t) => {
  const waiting: { session: NpmSession; pdu: NpmPdu }[] = []
  let answered = 0
  // All at once at first, then one at a time in order: what waits here is what makes it slow.
  const timer = setInterval(() => {
    const next = answered >= 400 ? waiting.splice(0, 2) : waiting.splice(0)
    for (const { session, pdu } of next) session.send(pdu.response({ message_id: `id${++answered}` }))
  }, 15)
  t.teardown(() => clearInterval(timer))
  const port = await startPeer(t, (session) => {
    session.on('submit_sm', (pdu) => void waiting.push({ session, pdu }))
  })
  const peers = await startEngine(
    t,
    [
      { id: 'acme', port, window: 100, ...NO_RECEIPTS },
      { id: 'fixed', port, window: 100, adaptiveWindow: false, ...NO_RECEIPTS },
    ],
    [
      { prefix: '44771001', carriers: ['acme'] },
      { prefix: '44771002', carriers: ['fixed'] },
    ],
  )
  for (const route of [1, 2]) {
    await startJob(
      peers,
      {},
      rows(
        Array.from({ length: 3_000 }, () => 'x'),
        route,
      ),
    )
  }
  const view = await until(peers, 'acme', ({ binds }) => binds[0]!.windowNow <= 50)
  t.equal(view.binds[0]!.window, 100)
  t.equal((await until(peers, 'fixed', () => true)).binds[0]!.windowNow, 100)
})

t.test('a rate per bind and a rate per sender hold, and one sender does not hold up another', async (t) => {
  const port = await startPeer(t, (session) => {
    session.on('submit_sm', (pdu) => session.send(pdu.response({ message_id: String(pdu.sequence_number) })))
  })
  const sink = new RecordingSink()
  const byBind = startChannel(carrierConfig({ port, binds: 2, ratePerSecondPerBind: 20 }), sink)
  await byBind.until(() => byBind.channel.view().binds.every(({ state }) => state === 'bound'))
  let ref = 0
  const startedMs = performance.now()
  await byBind.run(
    () => (ref < 60 ? outgoing(256 + ref++, '447700900001', ['x']) : null),
    () => sink.count(OUTCOME.accepted) === 60,
  )
  // Two binds of 20 a second: 60 parts take at least the time in which each may send 20, and a little.
  t.ok(performance.now() - startedMs > 450, 'not faster than the binds together')
  t.strictSame(
    [0, 1].map((bind) => sink.settlements.filter((one) => one.bind === bind).length),
    [30, 30],
    'filled evenly',
  )
  await byBind.channel.drain(Date.now() + 2_000)

  const peers = await startEngine(t, [{ id: 'acme', port, ratePerSecondPerSender: 5, ...NO_RECEIPTS }])
  const slow = await startJob(peers, { from: 'SLOW' }, rows(Array.from({ length: 200 }, (_, n) => `s${n}`)))
  await untilMessages(peers, slow, (all) => all.some(({ state }) => state === 'sent'), 60)
  const free = await startJob(
    peers,
    { from: 'FREE' },
    rows(
      Array.from({ length: 5 }, (_, n) => `f${n}`),
      2,
    ),
  )
  await untilMessages(peers, free, (all) => all.length === 5 && all.every(({ state }) => state === 'sent'), 60)
  const waits = (await untilMessages(peers, slow, () => true)).filter(({ state }) => state === 'queued').length
  t.ok(waits > 0, `${waits} of the slow sender wait on`)
  const all = await untilMessages(peers, slow, (now) => now.filter(({ state }) => state === 'sent').length >= 12, 60)
  const sent = all.filter(({ state }) => state === 'sent')
  const times = sent.map(({ history }) => Date.parse(history.at(-1)!.at)).sort((x, y) => x - y)
  t.ok(times[11]! - times[0]! >= 1_000, `${times[11]! - times[0]!} ms for 12 at 5/s`)
})
