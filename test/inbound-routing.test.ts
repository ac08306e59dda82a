/** Whom subscribers' messages are for: replies over the wire by another implementation, rules, and who may see them. */
import t, { type Test } from 'tap'
import { type AccountRecord, newAccount, withSettings } from '../src/engine/accounts/account-record.js'
import { Random } from '../src/engine/base/random.js'
import type { MessageRequest } from '../src/engine/contract/api.js'
import type { InboundSettings, InboundView } from '../src/engine/contract/inbound.js'
import { messageRef } from '../src/engine/contract/message.js'
import { Routing } from '../src/engine/inbound/routing.js'
import { BlockBuilder, BlockReader } from '../src/engine/store/block.js'
import { record } from './dispatch-harness.js'
import { send } from './http-engine.js'
import { InboundHarness, partPdu, pdu, START_MS } from './inbound-support.js'
import { type NpmPdu, type NpmSession, type Peers, startEngine, startPeer } from './peer-support.js'
import { seed } from './seed.js'

const REFUSED = 0x0b
const ACCOUNTS = ['red', 'green', 'blue']

/** A carrier whose subscribers answer before the carrier does, and behind it. */
class Carrier {
  session!: NpmSession
  /** Sends what the subscriber answers before the submit is answered; null: says nothing. */
  atOnce: string | null = null
  refuses = false
  readonly #bound: Promise<void>
  #isBound = (): void => {}
  port = 0

  constructor() {
    this.#bound = new Promise((resolve) => {
      this.#isBound = resolve
    })
  }

  async listen(t: Test): Promise<void> {
    this.port = await startPeer(t, (session) => {
      session.on('bind_transceiver', () => {
        this.session = session
        this.#isBound()
      })
      session.on('submit_sm', (pdu) => this.#submitted(session, pdu))
    })
  }

  bound(): Promise<void> {
    return this.#bound
  }

  #submitted(session: NpmSession, pdu: NpmPdu): void {
    if (this.atOnce !== null) void this.reply(pdu.source_addr, pdu.destination_addr, { short_message: this.atOnce })
    const answer = this.refuses ? { command_status: REFUSED } : { message_id: `id${pdu.sequence_number}` }
    session.send(pdu.response(answer))
  }

  /** From the subscriber to one of our numbers; resolves when it is answered. */
  reply(to: string, from: string, fields: object): Promise<NpmPdu> {
    const addresses = { source_addr: from, source_addr_ton: 1, source_addr_npi: 1, destination_addr: to }
    return new Promise((resolve) => {
      this.session.deliver_sm({ ...addresses, ...fields }, resolve)
    })
  }
}

async function startStand(t: Test, further: object = {}): Promise<Peers & { carrier: Carrier }> {
  const carrier = new Carrier()
  await carrier.listen(t)
  const receipts = { receipts: { request: 'none' } }
  const peers = await startEngine(t, [{ id: 'peer', port: carrier.port, ...receipts, ...further }])
  for (const id of ACCOUNTS) await peers.server.engine.createAccount(id, { defaultCountry: 'GB' })
  await carrier.bound()
  return { ...peers, carrier }
}

const by = (account: string) => ({ kind: 'account', account, key: 'test' }) as const

/** Resolves when the message is final. */
async function sent({ server }: Peers, account: string, request: object): Promise<{ id: string; state: string }> {
  const [answer] = await server.engine.submit(by(account), [{ text: 'Hello', ...request } as MessageRequest])
  const id = answer!.id!
  for (;;) {
    const { state } = await server.engine.message(by(account), id)
    if (['sent', 'failed'].includes(state)) return { id, state }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** The message with this text, once it is listed; the time limit of the test ends it. */
async function listed({ server }: Peers, text: string): Promise<InboundView> {
  for (;;) {
    const { items } = server.engine.inbound.list({ kind: 'admin' }, { limit: 20 })
    const found = items.find((item) => item.text === text)
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

t.test(
  'whoever wrote last gets the reply: before the answer to the submit, behind it, and not when it was refused',
  async (t) => {
    const stand = await startStand(t)
    const { carrier } = stand
    const random = new Random(seed)
    const last = new Map<string, { account: string; id: string }>()
    for (let step = 0; step < 25; step++) {
      const account = ACCOUNTS[random.below(3)]!
      const from = ['+447710900500', '80800'][random.below(2)]!
      const to = `+44771090010${random.below(4)}`
      const pair = `${from.replace('+', '')} ${to.slice(1)}`
      carrier.refuses = random.below(5) === 0
      carrier.atOnce = carrier.refuses ? null : `at once ${step}`
      const { id, state } = await sent(stand, account, { from, to })
      t.equal(state, carrier.refuses ? 'failed' : 'sent')
      if (!carrier.refuses) {
        last.set(pair, { account, id })
        const view = await listed(stand, `at once ${step}`)
        t.match(
          view,
          { account, reason: 'CONVERSATION_LOCK', reply: { message: id, job: null } },
          `seed ${seed}: ${step}`,
        )
      }
      // Somebody answers something that was sent a while ago, in one of the ways in which carriers write numbers.
      const [sender, recipient] = [['447710900500', '80800'][random.below(2)]!, `44771090010${random.below(4)}`]
      const written = sender === '80800' ? sender : [sender, '07710900500', '00447710900500'][random.below(3)]!
      await carrier.reply(written, recipient, { short_message: `later ${step}` })
      const expected = last.get(`${sender} ${recipient}`)
      const view = await listed(stand, `later ${step}`)
      t.equal(view.account, expected?.account ?? null, `seed ${seed}: ${step}`)
      t.equal(view.reply?.message, expected?.id)
      t.equal(view.reason, expected === undefined ? 'UNROUTED' : 'CONVERSATION_LOCK')
    }
  },
)

t.test('the part that came first decides for all parts, and a lock that has run out is none', async (t) => {
  const stand = await startStand(t)
  const { carrier } = stand
  const pair = { from: '80800', to: '+447710900200' }
  const part = (number: number) => ({
    esm_class: 0x40,
    short_message: { udh: Buffer.from([5, 0, 3, 7, 2, number]), message: `part ${number} ` },
  })
  const red = await sent(stand, 'red', pair)
  await carrier.reply('80800', '447710900200', part(2))
  await sent(stand, 'green', pair)
  await carrier.reply('80800', '447710900200', part(1))
  t.match(await listed(stand, 'part 1 part 2 '), { account: 'red', reply: { message: red.id } })

  const short = await sent(stand, 'blue', { ...pair, conversationLock: 1 })
  await carrier.reply('80800', '447710900200', { short_message: 'at once' })
  const atOnce = await listed(stand, 'at once')
  const { lockedUntil } = atOnce.reply!
  t.match(atOnce, { account: atOnce.receivedAt < lockedUntil ? 'blue' : null, reply: { message: short.id } })
  while (Date.now() <= Date.parse(lockedUntil)) await new Promise((resolve) => setTimeout(resolve, 20))
  await carrier.reply('80800', '447710900200', { short_message: 'too late' })
  t.match(await listed(stand, 'too late'), { account: null, reason: 'LOCK_EXPIRED', reply: { lockedUntil } })
  await sent(stand, 'green', { ...pair, conversationLock: false })
  await carrier.reply('80800', '447710900200', { short_message: 'no lock' })
  t.match(await listed(stand, 'no lock'), { account: null, reason: 'LOCK_EXPIRED', reply: { message: short.id } })
})

t.test('a carrier that writes a sender of its own is answered at that one', async (t) => {
  const stand = await startStand(t, { source: { address: '+447710900999' }, inboundAccount: 'blue' })
  const { id } = await sent(stand, 'red', { from: 'ACME', to: '+447710900300' })
  await stand.carrier.reply('447710900999', '447710900300', { short_message: 'to its own' })
  t.match(await listed(stand, 'to its own'), { account: 'red', reply: { message: id } })
  await stand.carrier.reply('447710900999', '447710900301', { short_message: 'a stranger' })
  t.match(await listed(stand, 'a stranger'), { account: 'blue', reason: 'CARRIER_DEFAULT', reply: null })
})

t.test('the rows of a job are answered as single messages are, by the setting of the job', async (t) => {
  const stand = await startStand(t)
  const { server, carrier } = stand
  const rows = [{ to: '+447710900700' }, { to: '+447710900701' }]
  const settings = { from: '80800', text: 'Hello', conversationLock: 600 }
  const { id, settings: shown } = await server.engine.createJob(by('red'), settings, rows)
  t.equal(shown.conversationLock, 600)
  await sent(stand, 'green', { from: '80800', to: rows[1]!.to })
  // Not finished: receipts may still be awaited by the job's rules; sent is enough.
  for (;;) {
    const { counts } = server.engine.job(by('red'), id)
    if (counts.sent === 2) break
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await carrier.reply('80800', '447710900700', { short_message: 'of the job' })
  const view = await listed(stand, 'of the job')
  t.match(view, { account: 'red', reason: 'CONVERSATION_LOCK', reply: { job: id } })
  const { sentAt, lockedUntil } = view.reply!
  t.equal(Date.parse(lockedUntil) - Date.parse(sentAt), 600_000)
})

t.test('over HTTP an account sees what is its own and nothing else; numbers and keywords have one owner', async (t) => {
  const stand = await startStand(t)
  const { server, carrier } = stand
  const admin = server.adminKey
  const call = (method: string, path: string, options: object = {}) =>
    send(server.url + path, method, { key: admin, ...options })
  const red = (await server.engine.createKey('red')).key
  const green = (await server.engine.createKey('green')).key
  const keywords = [{ keyword: 'Café' }, { keyword: 'WIN', number: '80800', overridesLock: true }]
  const set = await call('PATCH', '/v1/accounts/red', { body: { inbound: { numbers: ['+447710900600'], keywords } } })
  t.match(set, { status: 200, json: { inbound: { numbers: ['+447710900600'] }, conversationLockSeconds: null } })
  t.strictSame(set.json.inbound.keywords[0], { keyword: 'Café', number: null, overridesLock: false })
  for (const inbound of [{ numbers: ['07710900600'] }, { keywords: [{ keyword: 'cafe' }] }]) {
    const taken = await call('PATCH', '/v1/accounts/green', { body: { inbound } })
    t.match(taken, { status: 409, json: { code: 'INBOUND_TAKEN', detail: /account red|Account red/ } }, taken.text)
  }
  for (const inbound of [
    { numbers: ['ACME'] },
    { keywords: [{ keyword: 'two words' }] },
    { keywords: [{ keyword: 'STOP', overridesLock: true }] },
    { keywords: [{ keyword: 'a' }, { keyword: 'Á' }] },
  ]) {
    const wrong = await call('PATCH', '/v1/accounts/green', { body: { inbound } })
    t.match(wrong, { status: 422, json: { code: 'VALIDATION', errors: [{ pointer: /^\/inbound/ }] } }, wrong.text)
  }
  await sent(stand, 'green', { from: '80800', to: '+447710900400' })
  for (const [to, text] of [
    ['80800', 'win it'],
    ['80800', 'cafe!'],
    ['447710900600', 'to a number'],
    ['80801', 'to nobody'],
  ] as const) {
    await carrier.reply(to, '447710900400', { short_message: text })
    await listed(stand, text)
  }
  const list = async (key: string, query = '') => (await call('GET', `/v1/inbound${query}`, { key })).json.items
  const shown = (items: InboundView[]) => items.map(({ text, account, reason }) => [text, account, reason])
  t.strictSame(shown(await list(red)), [
    ['to a number', 'red', 'NUMBER'],
    ['win it', 'red', 'KEYWORD'],
  ])
  t.strictSame(shown(await list(green)), [['cafe!', 'green', 'CONVERSATION_LOCK']])
  t.strictSame(
    (await list(red)).map(({ reply }: InboundView) => reply),
    [null, null],
    'nothing is told of what green wrote',
  )
  t.equal((await list(admin)).length, 4)
  t.strictSame(shown(await list(admin, '?account=green')), [['cafe!', 'green', 'CONVERSATION_LOCK']])
  for (const account of ['red', 'nobody']) t.strictSame(await list(green, `?account=${account}`), [])
  t.strictSame(shown(await list(red, '?keyword=WIN')), [['win it', 'red', 'KEYWORD']])
  t.strictSame(await list(red, '?from=%2B447710900401'), [])
  const [first] = await list(red)
  t.strictSame(await list(red, `?since=${first.receivedAt}&limit=1`), [first])
  t.strictSame(await list(red, '?until=2026-01-01T00:00:00Z'), [])
  const { json: page } = await call('GET', '/v1/inbound?limit=1', { key: red })
  const next = await call('GET', `/v1/inbound?limit=1&cursor=${page.nextCursor}`, { key: red })
  t.strictSame([...page.items, ...next.json.items], await list(red))
  t.strictSame((await call('GET', `/v1/inbound/${first.id}`, { key: red })).json, first)
  const unknown = await call('GET', '/v1/inbound/inb_000000zzzz', { key: green })
  const foreign = await call('GET', `/v1/inbound/${first.id}`, { key: green })
  t.strictSame([foreign.status, foreign.json.detail], [unknown.status, unknown.json.detail])
  t.match(unknown, { status: 404, json: { code: 'NOT_FOUND' } })
  t.equal((await call('GET', `/v1/inbound/${first.id}`)).json.account, 'red')
})

/** Accounts as rules see them, and one message of the first that may be answered. */
class Rules {
  readonly accounts: AccountRecord[] = []
  readonly block: BlockReader
  readonly ref = messageRef(1, 0)
  readonly routing: Routing

  constructor(settings: (InboundSettings | undefined)[]) {
    for (const [index, inbound] of settings.entries()) {
      const blank = newAccount({ id: `a${index + 1}`, number: index + 1, nowMs: START_MS })
      this.accounts.push(withSettings(blank, { inbound }, () => true))
    }
    const builder = new BlockBuilder({ job: 9, account: 1, route: 1, from: '80800', createdSeconds: 1, range: 3 })
    builder.add(record(1))
    this.block = new BlockReader(builder.seal(1).bytes)
    this.routing = new Routing({
      accounts: () => this.accounts,
      account: (number) => this.accounts.find((one) => one.number === number) ?? null,
      find: (id) => this.accounts.find((one) => one.id === id)?.number,
      block: (block) => (block === 1 ? this.block : null),
    })
  }

  harness(t: Test): InboundHarness {
    return new InboundHarness(t, { route: (item, came) => this.routing.route(item, came) })
  }

  lock(untilMs: number) {
    return { replied: { ref: this.ref, account: 1, sentAtMs: START_MS - 1_000, untilMs } }
  }
}

t.test('rules in their order: lock, keyword, number', async (t) => {
  const rules = new Rules([
    undefined,
    { keywords: [{ keyword: 'Grüße' }, { keyword: 'win', overridesLock: true }, { keyword: 'play', number: '60099' }] },
    { numbers: ['60099', '+447710900500'], keywords: [{ keyword: 'play' }, { keyword: 'stop' }] },
  ])
  const harness = rules.harness(t)
  const held = rules.lock(START_MS + 1)
  const over = rules.lock(START_MS)
  const cases: [text: string, change: object, expected: [string | null, string]][] = [
    ['grusse an alle', {}, ['2', 'KEYWORD']],
    ['GRÜSSE', held, ['1', 'CONVERSATION_LOCK']],
    ['"Win!" please', held, ['2', 'KEYWORD']],
    ['stop', held, ['1', 'CONVERSATION_LOCK']],
    ['stop', over, ['3', 'KEYWORD']],
    ['Play', {}, ['2', 'KEYWORD']],
    ['Play', { to: '60098' }, ['3', 'KEYWORD']],
    ['we play', {}, ['3', 'NUMBER']],
    ['', { to: '07710900500', toTon: 2 }, ['3', 'NUMBER']],
    ['Hi', { to: '447710900500', toTon: 1 }, ['3', 'NUMBER']],
    ['Hi', { to: '497710900500', toTon: 1 }, [null, 'UNROUTED']],
    ['Hi', { to: '60098', ...over }, [null, 'LOCK_EXPIRED']],
    ['Hi', { to: '60098', ...rules.lock(START_MS + 5), atMs: START_MS + 5 }, [null, 'LOCK_EXPIRED']],
    ['Hi', { to: '60098', replied: { ...held.replied, account: 2 } }, [null, 'UNROUTED']],
    ['Hi', { to: '60098', replied: { ...held.replied, ref: messageRef(2, 0) } }, [null, 'UNROUTED']],
    ['Hi', { to: 'ACME', toTon: 5 }, [null, 'UNROUTED']],
  ]
  for (const [index, [text, change, expected]] of cases.entries()) {
    // Letters beyond ASCII as Latin-1, data_coding 3.
    await harness.keep(pdu({ from: `44770090${1_000 + index}`, dataCoding: 3, text, ...change }))
    const view = harness.list().at(-1)!
    t.strictSame([view.account, view.reason], expected, `${text} ${JSON.stringify(change)}`)
  }
})

t.test(
  'a keyword is read only where the text begins; a late part follows its message; forgetting takes the index too',
  async (t) => {
    const rules = new Rules([undefined, { keywords: [{ keyword: 'win' }] }])
    const harness = rules.harness(t)
    await harness.keep(partPdu({ reference: 1, total: 2, part: 2 }, 'win '))
    await harness.after(1_800_000)
    await harness.keep(partPdu({ reference: 2, total: 2, part: 1 }, 'Win ', { atMs: harness.nowMs }))
    await harness.after(1_800_000)
    await harness.keep(partPdu({ reference: 2, total: 2, part: 2 }, 'a prize', { atMs: harness.nowMs }))
    t.strictSame(
      harness.list().map(({ text, account, reason }) => [text, account, reason]),
      [
        ['win ', null, 'UNROUTED'],
        ['Win ', '2', 'KEYWORD'],
        ['a prize', '2', 'KEYWORD'],
      ],
    )
    await harness.restart()
    t.equal(harness.store.newestOf(2, Number.MAX_SAFE_INTEGER, 10).length, 2)
    await harness.after(86_400_000 + 60_001)
    t.strictSame(harness.texts(), ['a prize'], 'the newest stays for its number')
    t.equal(harness.environment.inboundOf.getKeysCount(), 1)
  },
)
