/**
 * The simulator speaks every dialect of receipts by its seeded script, and the engine understands them all: a carrier a dialect, side
 * by side over sockets. Also answers that come after their time-out.
 */
import t, { type Test } from 'tap'
import { silentLog } from '../src/engine/contract/log.js'
import { parseDialect } from '../src/smpp/simulator/dialect.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../src/smpp/simulator/smsc-options.js'
import { numberOf, prefixOf, startEngine, startJob, startPeer, untilMessages } from './peer-support.js'
import { seed } from './seed.js'

/** A busy machine takes its time. */
const timeout = 580_000
t.setTimeout(timeout)

const MESSAGES = 24
const LONG = Array.from({ length: 100 }, (_, n) => `${n}.`).join(' ')

interface Case {
  dialect: string
  carrier?: object
  faults?: string
  options?: Partial<SmscOptions>
  text?: string
  learned?: string
}

const CASES: readonly Case[] = [
  { dialect: 'ids=hexToDec,carries=text', learned: 'hexToDec' },
  { dialect: 'ids=decToHex,carries=tlv', learned: 'decToHex' },
  { dialect: 'ids=decToHex', faults: 'early=0.5', learned: 'decToHex' },
  { dialect: 'ids=hexString', learned: 'hexString' },
  { dialect: 'ids=hexString', carrier: { receipts: { idFormat: 'hexString' } }, learned: 'hexString' },
  { dialect: 'ids=padded,carries=payload', learned: 'same' },
  { dialect: 'ids=stripped,names=upper', learned: 'same' },
  { dialect: 'ids=case,spacing=comma', learned: 'same' },
  { dialect: 'ids=uuid,command=data_sm', learned: 'same' },
  { dialect: 'ids=long,order=shuffled,carries=text,esm=0', learned: 'same' },
  { dialect: 'intermediate=0.5,double=0.5,forged=0.5', learned: 'same' },
  { dialect: 'any,intermediate=0.2,double=0.2', learned: 'same' },
  { dialect: 'any,ids=decToHex,number=national', learned: 'decToHex' },
  { dialect: 'parts=first,carries=text', carrier: { receipts: { perMessage: 'first' } }, text: LONG },
  { dialect: 'parts=last', carrier: { receipts: { perMessage: 'last' }, longMessages: 'sar' }, text: LONG },
  { dialect: 'stat=SENT,cut=text', carrier: { receipts: { states: { sent: 'delivered' } } } },
]

async function startSmsc(t: Test, options: Partial<SmscOptions>): Promise<{ smsc: Smsc; port: number }> {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, seed, countRepeats: true, ...options }, silentLog)
  t.teardown(() => smsc.close())
  return { smsc, port: (await smsc.listen()).port }
}

t.test(`every dialect of the simulator is understood; seed ${seed}`, { timeout }, async (t) => {
  const carriers = await Promise.all(
    CASES.map(({ dialect, faults, options }) => startSmsc(t, { dialect, faults, ...options })),
  )
  const engine = await startEngine(
    t,
    CASES.map(({ carrier }, n) => ({ id: `dialect-${n}`, port: carriers[n]!.port, ...carrier })),
    CASES.map((_, n) => ({ prefix: prefixOf(n), carriers: [`dialect-${n}`] })),
  )
  const jobs = await Promise.all(
    CASES.map(({ text = 'Hello' }, n) =>
      startJob(
        engine,
        {},
        Array.from({ length: MESSAGES }, (_, m) => ({ to: numberOf(n, m), text })),
      ),
    ),
  )
  for (const [n, { dialect, learned }] of CASES.entries()) {
    await t.test(dialect, async (t) => {
      const messages = await untilMessages(
        engine,
        jobs[n]!,
        (all) => all.length === MESSAGES && all.every(({ state }) => state === 'delivered'),
        120,
      )
      t.strictSame(new Set(messages.map(({ state }) => state)), new Set(['delivered']))
      const views = await engine.server.engine.carriers()
      if (learned !== undefined) t.equal(views.find(({ id }) => id === `dialect-${n}`)?.receipts?.idFormat, learned)
      const stats = carriers[n]!.smsc.stats()
      t.match(stats, { protocolErrors: 0, repeats: 0 }, 'each message went out once, and in order')
    })
  }
})

t.test('an answer after its time-out settles a held message, and its receipt finds it', async (t) => {
  const held: (() => void)[] = []
  const port = await startPeer(t, (session) => {
    session.on('submit_sm', (pdu) => {
      const message_id = `late-${held.length}`
      held.push(() => {
        session.send(pdu.response({ message_id }))
        session.deliver_sm({ esm_class: 4, receipted_message_id: message_id, message_state: 2, short_message: '' })
      })
    })
  })
  const engine = await startEngine(t, [{ id: 'late', port, responseTimeoutMs: 200, progressTimeoutMs: 600_000 }])
  const recipients = Array.from({ length: 5 }, (_, m) => ({ to: numberOf(1, m), text: 'Hello' }))
  const job = await startJob(engine, { onUnanswered: 'hold' }, recipients)
  const given = await untilMessages(engine, job, (all) => all.every(({ state }) => state === 'unknown'), 120)
  t.strictSame(new Set(given.map(({ state }) => state)), new Set(['unknown']))
  for (const answer of held) answer()
  const messages = await untilMessages(engine, job, (all) => all.every(({ state }) => state === 'delivered'), 120)
  t.strictSame(new Set(messages.map(({ state }) => state)), new Set(['delivered']))
  t.equal(held.length, 5, 'and nothing was sent again')
})

t.test('a dialect that cannot be read is refused', async (t) => {
  for (const text of ['ids=roman', 'double=2', 'stat=', 'esm=300', 'nothing', 'any=1']) {
    t.throws(() => parseDialect(text), RangeError, text)
  }
})
