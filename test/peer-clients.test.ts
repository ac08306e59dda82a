/** Clients that are not ours (npm smpp as ESME) against `trunkline smsc`. */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../src/smpp/simulator/smsc-options.js'
import { type NpmPdu, type NpmSession, smpp } from './peer-support.js'

async function startSmsc(t: Test, options: Partial<SmscOptions>): Promise<{ smsc: Smsc; port: number }> {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, ...options }, silentLog)
  const { port } = await smsc.listen()
  t.teardown(() => smsc.close())
  return { smsc, port }
}

type Request = 'bind_transceiver' | 'submit_sm'
function ask(session: NpmSession, request: Request, fields: object): Promise<NpmPdu> {
  return new Promise((resolve) => session[request](fields, resolve))
}

/** `onReceipt` is there before the first PDU can be. */
async function bound(t: Test, port: number, onReceipt: (pdu: NpmPdu) => void = () => {}): Promise<NpmSession> {
  const session = smpp.connect({ host: '127.0.0.1', port })
  session.on('error', () => {})
  session.on('deliver_sm', onReceipt)
  t.teardown(() => session.destroy())
  t.equal((await ask(session, 'bind_transceiver', { system_id: 'me', password: 'pw' })).command_status, 0)
  return session
}

function submit(session: NpmSession, n: number): Promise<NpmPdu> {
  const destination_addr = `4477100${String(n).padStart(5, '0')}`
  return ask(session, 'submit_sm', { destination_addr, registered_delivery: 1, short_message: `text ${n}` })
}

t.test('a receipt that was not acknowledged comes again after the next bind', async (t) => {
  const { smsc, port } = await startSmsc(t, {})
  const first = await bound(t, port)
  const unanswered = new Promise<NpmPdu>((resolve) => first.on('deliver_sm', resolve))
  const { message_id } = await submit(first, 1)
  t.match((await unanswered).short_message.message, `id:${message_id} `)
  first.destroy()
  let second!: Promise<NpmSession>
  const again = await new Promise<NpmPdu>((resolve) => {
    second = bound(t, port, resolve)
  })
  t.match(again.short_message.message, new RegExp(`^id:${message_id} sub:001 dlvrd:001 submit date:\\d{10} done date:`))
  ;(await second).send(again.response())
  t.match(await smsc.waitFor(({ receiptsAcknowledged }) => receiptsAcknowledged === 1), { receiptsWaiting: 0 })
})

t.test('above its rate it answers ESME_RTHROTTLED', async (t) => {
  const { port } = await startSmsc(t, { ratePerSecond: 5 })
  const session = await bound(t, port)
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => submit(session, n)))
  const taken = answers.filter(({ command_status }) => command_status === 0).length
  t.ok(taken >= 5 && taken < 20, `${taken} taken of 20 at 5/s`)
  t.equal(answers.filter(({ command_status }) => command_status === 0x58).length, 20 - taken)
})

/** Statuses of 300 submits on one connection, and what the ledger says of them. */
async function statuses(t: Test, seed: number, ledgerPath: string): Promise<{ seen: number[]; noted: number[] }> {
  const { smsc, port } = await startSmsc(t, { seed, faults: 'throttle=0.1,reject=0.1:0x14,undeliv=0.5', ledgerPath })
  const session = await bound(t, port)
  session.on('deliver_sm', (pdu) => session.send(pdu.response()))
  const answers = await Promise.all(Array.from({ length: 300 }, (_, n) => submit(session, n)))
  const seen = answers.map(({ command_status }) => command_status)
  await smsc.waitFor(
    ({ receiptsAcknowledged }) => receiptsAcknowledged === seen.filter((status) => status === 0).length,
  )
  smsc.flushLedger()
  const lines = readFileSync(ledgerPath, 'utf8').trimEnd().split('\n')
  const events = lines.map((line) => JSON.parse(line) as { event: string; status: number })
  t.equal(events.filter(({ event }) => event === 'receipt').length, seen.filter((status) => status === 0).length)
  return { seen, noted: events.filter(({ event }) => event === 'submit').map(({ status }) => status) }
}

t.test('faults come again with their seed, and the ledger tells what was answered', async (t) => {
  const folder = t.testdir()
  const one = await statuses(t, 7, `${folder}/one`)
  const same = await statuses(t, 7, `${folder}/same`)
  const other = await statuses(t, 8, `${folder}/other`)
  t.strictSame(one.seen, same.seen)
  t.notSame(one.seen, other.seen)
  t.strictSame(one.noted, one.seen)
  t.strictSame([...new Set(one.seen)].sort(), [0, 0x14, 0x58].sort())
})

t.test(
  'enquire_link is answered before and after the bind, submits before it are refused, unbind ends it',
  async (t) => {
    const { smsc, port } = await startSmsc(t, {})
    const early = smpp.connect({ host: '127.0.0.1', port })
    t.teardown(() => early.destroy())
    await new Promise<void>((resolve) => early.enquire_link(() => resolve()))
    t.equal((await submit(early, 1)).command_status, 0x04, 'ESME_RINVBNDSTS')
    const session = await bound(t, port)
    await new Promise<void>((resolve) => session.enquire_link(() => resolve()))
    const closed = new Promise<void>((resolve) => session.on('close', () => resolve()))
    await new Promise<void>((resolve) => session.unbind(() => resolve()))
    await closed
    t.match(smsc.stats(), { unbinds: 1, protocolErrors: 1 })
  },
)
