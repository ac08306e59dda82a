/** Subscribers of the simulated carrier write STOP, START and HELP: what the engine does, and what they get in return. */
import t from 'tap'
import type { Principal } from '../src/engine/contract/api.js'
import type { InboundView } from '../src/engine/contract/inbound.js'
import type { OptOutPatch } from '../src/engine/contract/opt-out.js'
import type { SubscriberMessage } from '../src/smpp/simulator/subscriber-pdu.js'
import { startHarness } from './engine-harness.js'

const admin = { kind: 'admin' } as const

const harness = await startHarness()
t.teardown(() => harness.stop())
const { engine } = harness.server
const { subscribers } = harness.smsc
await harness.smsc.waitFor(({ binds }) => binds === 1)

interface Stand {
  principal: Principal
  /** Number of the account, and a subscriber of its own. */
  here: string
  ann: string
  /** What the subscriber was sent, from the oldest. */
  got(): Promise<string[]>
  /** As the engine lists it. */
  write(text: string, change?: { from?: string; to?: string }): Promise<InboundView>
}

let accounts = 0
/** Id of the last message that was waited for. */
let latest = ''

/** An account of its own for each test, in one engine. */
async function stand(optOut: OptOutPatch = {}): Promise<Stand> {
  const id = `account-${++accounts}`
  const here = String(60_000 + accounts)
  const ann = `+4474000001${String(accounts).padStart(2, '0')}`
  const inbound = { numbers: [here] }
  await engine.createAccount(id, { name: 'Acme', defaultCountry: 'GB', inbound, optOut })
  const principal = { kind: 'account', account: id, key: 'test' } as const
  const write = (text: string, { from = ann, to = here } = {}) => listed({ from, to, text })
  return { principal, here, ann, write, got: () => got(principal, ann) }
}

/** Resolves when a message with this text is in the list, behind those that were waited for before. */
async function listed(message: SubscriberMessage & { text: string }): Promise<InboundView> {
  await subscribers.send(message)
  for (;;) {
    const { items } = engine.inbound.list(admin, { limit: 200, from: message.from })
    const found = items.find(({ id, text }) => id > latest && text === message.text)
    if (found !== undefined) {
      latest = found.id
      return found
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Of the messages that the account sent to the number: all are final before this resolves. */
async function got(principal: Principal, number: string): Promise<string[]> {
  for (;;) {
    const { items } = await engine.messages(principal, { limit: 200, to: number })
    const isOver = items.every(({ state }) => ['delivered', 'failed', 'expired'].includes(state))
    if (isOver)
      return items
        .filter(({ state }) => state === 'delivered')
        .map(({ text }) => text)
        .reverse()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function accountOf({ principal }: Stand): string {
  return principal.kind === 'account' ? principal.account : ''
}

const STOPPED = 'Acme: you are unsubscribed and will get no more messages. Reply START to get them again.'
const STARTED = 'Acme: you are subscribed again. Reply STOP to opt out.'
const HELPED = 'Acme: reply STOP to get no more messages, START to get them again.'

t.test('STOP, then silence; HELP is answered; START lets messages through again', async (t) => {
  const at = await stand()
  const stop = await at.write('Stop!')
  t.match(stop, { keyword: 'stop', done: 'suppressed', review: false, answer: /^msg_/, reason: 'NUMBER' })
  t.strictSame(await at.got(), [STOPPED])
  const { entries } = engine.suppressions.get(at.principal, at.ann)
  t.match(entries, [{ source: 'stop', scope: 'account', text: 'Stop!', address: at.here, inbound: stop.id }])
  const [refused] = await engine.submit(at.principal, [{ to: at.ann, from: at.here, text: 'Hi' }])
  t.equal(refused!.reason, 'SUPPRESSED')
  t.match(await at.write('STOP'), { keyword: 'stop', done: 'kept', answer: null }, 'one confirmation only')
  t.match(await at.write('Aide'), { keyword: 'help', done: null, answer: /^msg_/ })
  t.strictSame(await at.got(), [STOPPED, HELPED])
  t.match(await at.write('START'), { keyword: 'start', done: 'lifted', answer: /^msg_/ })
  t.throws(() => engine.suppressions.get(at.principal, at.ann), { code: 'NOT_FOUND' })
  const [sent] = await engine.submit(at.principal, [{ to: at.ann, from: at.here, text: 'Hi again' }])
  t.equal(sent!.state, 'queued')
  // What is still queued when the next STOP comes would not be sent.
  t.strictSame(await at.got(), [STOPPED, HELPED, STARTED, 'Hi again'])
  t.match(await at.write('yes'), { keyword: 'start', done: 'kept', answer: null }, 'nothing to lift, nothing to say')
  t.match(await at.write('QUIT'), { keyword: 'stop', done: 'suppressed', answer: /^msg_/ }, 'a new STOP')
  t.strictSame(await at.got(), [STOPPED, HELPED, STARTED, 'Hi again', STOPPED])
  const confirmation = await engine.message(at.principal, stop.answer!)
  t.match(
    confirmation,
    { from: at.here, to: at.ann, job: null },
    'a message of the account, from the number written to',
  )
})

t.test('START lifts neither what was imported nor what the account entered, unless the account says so', async (t) => {
  const at = await stand()
  const { suppressions } = engine
  await suppressions.put(at.principal, at.ann, { note: 'do not call list' })
  await at.write('STOP')
  t.match(await at.write('START'), { done: 'lifted', answer: null }, 'and it is not told that it would get messages')
  t.match(suppressions.get(at.principal, at.ann).entries, [{ source: 'api' }])
  await engine.patchAccount(accountOf(at), { optOut: { startLiftsAll: true } })
  t.match(await at.write('START'), { done: 'lifted', answer: /^msg_/ })
  t.throws(() => suppressions.get(at.principal, at.ann), { code: 'NOT_FOUND' })
})

t.test('scope sender: other senders of the account may go on', async (t) => {
  const at = await stand({ scope: 'sender' })
  await at.write('STOP')
  const messages = [at.here, `+${at.here}`, 'ACME', undefined].map((from) => ({ to: at.ann, from, text: 'Hi' }))
  const answers = await engine.submit(at.principal, messages)
  t.strictSame(
    answers.map(({ reason }) => reason ?? null),
    ['SUPPRESSED', 'SUPPRESSED', null, 'SUPPRESSED'],
  )
})

t.test("the account's words and answers; null is silence", async (t) => {
  const at = await stand({
    stopWords: ['Genug'],
    confirmations: { stop: null, help: 'Acme, 0800 123. Antworte GENUG.' },
  })
  t.match(await at.write('genug jetzt'), { keyword: 'stop', done: 'suppressed', answer: null })
  t.match(await at.write('HILFE'), { keyword: 'help', answer: /^msg_/ })
  t.strictSame(await at.got(), ['Acme, 0800 123. Antworte GENUG.'])
})

t.test('what is no word is not acted on: it is shown to a person, or is nothing at all', async (t) => {
  const at = await stand()
  t.match(await at.write('please stop texting me'), { keyword: null, review: true, done: null, answer: null })
  t.match(await at.write('See you on Monday'), { keyword: null, review: false, done: null, answer: null })
  t.throws(() => engine.suppressions.get(at.principal, at.ann), { code: 'NOT_FOUND' })
  await subscribers.send({ from: at.ann, to: at.here, data: '53544f50', dataCoding: 4 })
  await at.write('Hello')
  const { items } = engine.inbound.list(admin, { limit: 200, from: at.ann })
  t.match(
    items.map(({ text, keyword }) => [text, keyword]),
    [
      ['Hello', null],
      [null, null],
    ],
    'octets are no word',
  )
})

t.test('two machines that answer each other come to an end', async (t) => {
  const at = await stand()
  let answered = 0
  for (let n = 0; n < 14; n++) if ((await at.write('HELP')).answer !== null) answered++
  t.equal(answered, 10)
  t.match(await at.write('STOP'), { done: 'suppressed', answer: null }, 'what it says counts all the same')
  t.match(await at.write('HELP', { from: '+447400000101' }), { answer: /^msg_/ }, 'others are answered')
})

t.test('a STOP that nothing routes binds everyone who sends from that number', async (t) => {
  const at = await stand()
  await engine.createAccount('rival', { defaultCountry: 'GB' })
  const rival = { kind: 'account', account: 'rival', key: 'test' } as const
  t.match(await at.write('STOP', { to: '70077' }), { account: null, keyword: 'stop', done: 'suppressed', answer: null })
  for (const who of [at.principal, rival]) {
    const messages = ['70077', at.here, undefined].map((from) => ({ to: at.ann, from, text: 'Hi' }))
    const answers = await engine.submit(who, messages)
    t.strictSame(
      answers.map(({ reason }) => reason ?? null),
      ['SUPPRESSED', null, 'SUPPRESSED'],
    )
    t.throws(() => engine.suppressions.get(who, at.ann), { code: 'NOT_FOUND' }, 'whose number it is, nobody is told')
  }
  t.match(engine.suppressions.get(admin, at.ann).entries, [{ scope: 'sender', sender: '70077', source: 'stop' }])
  t.match(await at.write('START', { to: '70077' }), { done: 'lifted' })
  const [again] = await engine.submit(rival, [{ to: at.ann, from: '70077', text: 'Hi' }])
  t.equal(again!.state, 'queued')
})

t.test('a word in parts is heard when it is whole, and answered then', async (t) => {
  const at = await stand()
  const part = (n: number, hex: string) =>
    subscribers.send({ from: at.ann, to: at.here, data: `05000307020${n}${hex}`, esmClass: 64, dataCoding: 0 })
  await part(1, '5354')
  t.match(await at.write('Hello'), { text: 'Hello' }, 'what came is awaited')
  t.throws(() => engine.suppressions.get(at.principal, at.ann), { code: 'NOT_FOUND' })
  await part(2, '4f50')
  t.match(await at.write('Hello again'), { text: 'Hello again' })
  t.match(engine.suppressions.get(at.principal, at.ann).entries, [{ text: 'STOP' }])
  t.strictSame(await at.got(), [STOPPED])
})
