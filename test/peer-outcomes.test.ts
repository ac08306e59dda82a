/** What answers of a carrier lead to, by its rules: npm smpp as the carriers, the whole engine between. */
import t from 'tap'
import { actionsOf, NO_RECEIPTS, peer, rows, until } from './outcome-peers.js'
import { metric, startEngine, startJob, untilMessages } from './peer-support.js'

t.test('rules by status and parameter decide over a message: final, again, next carrier, accepted', async (t) => {
  const tried = new Set<string>()
  const first = await peer(t, (text) => {
    if (text === 'blocked') return { status: 0x45, info: 'content blocked' }
    if (text === 'again' && !tried.has(text)) {
      tried.add(text)
      return { status: 0x45, info: 'busy' }
    }
    return { elsewhere: 0x0b, sender: 0x0a, done: 0x0c, final: 0x33, vendor: 0x4ff }[text] ?? 0
  })
  const backup = await peer(t, () => 0)
  const outcomes = [
    { status: '0x45', tlv: { tag: '0x001D', matches: '^content' }, outcome: 'rejected' },
    { status: '0x45', outcome: 'retry', delayMs: 20 },
    { status: 0x0b, outcome: 'nextCarrier' },
    { status: '0x0C', outcome: 'accepted' },
    { status: ['0x33', '0x500-0x5FF'], outcome: 'rejected' },
  ]
  const peers = await startEngine(
    t,
    [
      { id: 'acme', port: first.port, outcomes, throttleCodes: [], ...NO_RECEIPTS },
      { id: 'backup', port: backup.port, ...NO_RECEIPTS },
    ],
    [{ carriers: ['acme', 'backup'] }],
  )
  await until(peers, 'backup', ({ binds }) => binds[0]!.state === 'bound')
  await until(peers, 'acme', ({ binds }) => binds[0]!.state === 'bound')
  const texts = ['blocked', 'again', 'elsewhere', 'sender', 'done', 'final', 'vendor', 'plain']
  const job = await startJob(peers, {}, rows(texts))
  const messages = await untilMessages(
    peers,
    job,
    (all) => all.every(({ state }) => state === 'sent' || state === 'failed'),
    60,
  )
  const ends = Object.fromEntries(
    messages.map(({ text, state, reason, history }) => [
      text,
      [state, reason, history.at(-1)?.carrier, history.length],
    ]),
  )
  t.strictSame(ends, {
    blocked: ['failed', 'CARRIER_REJECTED', 'acme', 1],
    again: ['sent', null, 'acme', 2],
    elsewhere: ['sent', null, 'backup', 2],
    sender: ['sent', null, 'backup', 2],
    done: ['sent', null, 'acme', 1],
    final: ['failed', 'CARRIER_REJECTED', 'acme', 1],
    vendor: ['failed', 'CARRIER_REJECTED', 'acme', 1],
    plain: ['sent', null, 'acme', 1],
  })
  t.strictSame(backup.texts.sort(), ['elsewhere', 'sender'])
})

t.test(
  'a rule suspends the carrier on the third such answer: the next one has the traffic until an operator ends it',
  async (t) => {
    const first = await peer(t, (text) => (text.startsWith('bad') ? 0x64 : 0))
    const backup = await peer(t, () => 0)
    const outcomes = [{ status: '0x64', outcome: 'suspend', forSeconds: 3600, count: 3, reason: 'its store is full' }]
    const peers = await startEngine(
      t,
      [
        { id: 'acme', port: first.port, outcomes, ...NO_RECEIPTS },
        { id: 'backup', port: backup.port, ...NO_RECEIPTS },
      ],
      [{ carriers: ['acme', 'backup'] }],
    )
    for (const id of ['acme', 'backup']) await until(peers, id, ({ binds }) => binds[0]!.state === 'bound')
    const job = await startJob(peers, {}, rows(['bad1', 'bad2', 'bad3']))
    const view = await until(peers, 'acme', ({ actions }) => actions.length > 0)
    t.match(view.actions, [{ action: 'suspended', reason: 'its store is full', until: /^\d{4}-/ }])
    t.equal(view.binds[0]!.state, 'bound', 'its binds stay')
    await untilMessages(peers, job, (all) => all.every(({ state }) => state === 'sent'), 60)
    t.ok(backup.texts.length === 3 && first.texts.length >= 3, `${first.texts} | ${backup.texts}`)
    const before = first.texts.length
    const next = await startJob(peers, {}, rows(['while suspended']))
    await untilMessages(peers, next, ([message]) => message?.state === 'sent', 60)
    t.equal(first.texts.length, before)
    t.equal(await metric(peers, 'trunkline_carrier_actions_total', { carrier: 'acme', action: 'suspended' }), 1)
    t.strictSame((await peers.server.engine.patchCarrier('acme', { clearActions: true })).actions, [])
    const last = await startJob(peers, {}, rows(['good']))
    await untilMessages(peers, last, ([message]) => message?.state === 'sent', 60)
    t.equal(first.texts.at(-1), 'good')
  },
)

t.test('a rule slows the carrier for a time, and another reroutes after an error in receipts', async (t) => {
  const first = await peer(t, (text) => (text === 'slow down' && first.texts.length === 1 ? 0x64 : 0))
  const backup = await peer(t, () => 0)
  const outcomes = [
    { status: 0x64, outcome: 'slow', forSeconds: 3600, ratePerSecond: 20 },
    { error: '^0?34$', outcome: 'reroute', forSeconds: 3600, reason: 'no route to the network' },
  ]
  const peers = await startEngine(
    t,
    [
      { id: 'acme', port: first.port, outcomes, ratePerSecond: 500 },
      { id: 'backup', port: backup.port, ...NO_RECEIPTS },
    ],
    [
      { prefix: '447710', carriers: ['acme', 'backup'] },
      { prefix: '44771002', carriers: ['acme'] },
    ],
  )
  for (const id of ['acme', 'backup']) await until(peers, id, ({ binds }) => binds[0]!.state === 'bound')
  await startJob(peers, {}, rows(['slow down']))
  const slowed = await until(peers, 'acme', ({ actions }) => actions.length > 0 && first.texts.length === 2)
  t.strictSame([actionsOf(slowed), slowed.ratePerSecond, slowed.rateNowPerSecond], [['slowed'], 500, 20])
  t.equal(slowed.actions[0]!.reason, 'answers with ESME_RX_T_APPN')
  const text = 'id:id2 sub:001 dlvrd:000 submit date:2611220900 done date:2611220900 stat:UNDELIV err:034 text:'
  const [session] = first.sessions
  session!.deliver_sm({ source_addr: '447710010000', destination_addr: 'TRUNK', esm_class: 4, short_message: text })
  const rerouted = await until(peers, 'acme', ({ actions }) => actions.length > 1)
  t.strictSame(actionsOf(rerouted).sort(), ['rerouted', 'slowed'])
  const aside = await startJob(peers, {}, rows(['elsewhere']))
  await untilMessages(peers, aside, ([message]) => message?.state === 'sent', 60)
  t.strictSame(backup.texts, ['elsewhere'])
  const alone = await startJob(peers, {}, rows(['no other way'], 2))
  await untilMessages(peers, alone, ([message]) => message?.state === 'sent', 60)
  t.equal(first.texts.at(-1), 'no other way', 'where it is the only carrier it is used')
})
