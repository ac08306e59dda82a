/** The simulated carrier: npm smpp against it, and the channel under its faults; both ends are counted. */
import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { silentLog } from '../src/engine/contract/log.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { parseFaults } from '../src/smpp/simulator/faults.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import type { SmscOptions } from '../src/smpp/simulator/smsc-options.js'
import { carrierConfig, type Harness, outgoing, RecordingSink, seed, startChannel } from './smpp-support.js'

interface NpmPdu {
  [field: string]: unknown
  command_status: number
  message_id: string
  short_message: { message: string }
  receipted_message_id: string
  response(): NpmPdu
}
type Answered = (pdu: NpmPdu) => void
interface NpmSession {
  on(event: string, listener: (pdu: NpmPdu) => void): void
  send(pdu: NpmPdu): void
  bind_transceiver(fields: object, answered: Answered): void
  submit_sm(fields: object, answered: Answered): void
  enquire_link(answered: Answered): void
  unbind(answered: Answered): void
  query_sm(fields: object, answered: Answered): void
  destroy(): void
}
interface NpmSmpp {
  connect(options: object): NpmSession
}
const { default: smpp } = (await import('smpp' as string)) as { default: NpmSmpp }

t.comment(`seed ${seed}`)

async function startSmsc(t: Test, options: Partial<SmscOptions> = {}): Promise<{ smsc: Smsc; port: number }> {
  const smsc = new Smsc({ host: '127.0.0.1', port: 0, seed, countRepeats: true, ...options }, silentLog)
  const { port } = await smsc.listen()
  t.teardown(() => smsc.close())
  return { smsc, port }
}

function start(t: Test, change: Parameters<typeof carrierConfig>[0]): Harness<RecordingSink> {
  const harness = startChannel(carrierConfig(change), new RecordingSink())
  t.teardown(() => harness.channel.drain(0))
  return harness
}

/** Acknowledges each recorded receipt once. */
function acknowledger({ sink, channel }: Harness<RecordingSink>): () => void {
  let acknowledged = 0
  return () => {
    for (; acknowledged < sink.receipts.length; acknowledged++) {
      const { bind, session, sequence } = sink.receipts[acknowledged]!
      channel.acknowledge(bind, session, sequence, true)
    }
  }
}

/** Sends until every message is accepted, again what is to be tried again; acknowledges receipts. Returns attempts. */
async function deliverAll(
  harness: Harness<RecordingSink>,
  count: number,
  acknowledge = acknowledger(harness),
): Promise<number> {
  const { sink, channel } = harness
  const again: number[] = []
  let next = 1
  let attempts = 0
  let settled = 0
  let done = 0
  const settle = (): void => {
    for (; settled < sink.settlements.length; settled++) {
      const { ref, code, bind } = sink.settlements[settled]!
      channel.durable(bind, 1)
      if (code === OUTCOME.accepted || code === OUTCOME.rejected) done++
      else again.push(ref)
    }
    acknowledge()
  }
  await harness.run(
    () => {
      const ref = again.shift() ?? (next <= count ? next++ : 0)
      if (ref === 0) return null
      attempts++
      return outgoing(ref, `4477${10_000_000 + ref}`, [`message ${ref}`])
    },
    () => {
      settle()
      return done >= count
    },
  )
  return attempts
}

t.test('npm smpp binds, submits, gets receipts, is asked for its manners and leaves', async (t) => {
  const { smsc, port } = await startSmsc(t, { systemId: 'me', password: 'pw', maxBinds: 1 })
  const connect = async (system_id: string, password: string): Promise<{ session: NpmSession; status: number }> => {
    const session = smpp.connect({ host: '127.0.0.1', port })
    session.on('error', () => {})
    t.teardown(() => session.destroy())
    const pdu = await new Promise<NpmPdu>((resolve) => session.bind_transceiver({ system_id, password }, resolve))
    return { session, status: pdu.command_status }
  }
  t.equal((await connect('you', 'pw')).status, 0x0f)
  t.equal((await connect('me', 'no')).status, 0x0e)
  const { session, status } = await connect('me', 'pw')
  t.equal(status, 0)
  t.equal((await connect('me', 'pw')).status, 0x05)
  const receipt = new Promise<NpmPdu>((resolve) => session.on('deliver_sm', resolve))
  const submit = { source_addr: 'ME', destination_addr: '447700900001', short_message: 'hi', registered_delivery: 1 }
  const response = await new Promise<NpmPdu>((resolve) => session.submit_sm(submit, resolve))
  t.equal(response.command_status, 0)
  t.match(response.message_id, /^\d{16}$/)
  const delivered = await receipt
  t.match(delivered, {
    source_addr: '447700900001',
    destination_addr: 'ME',
    esm_class: 4,
    message_state: 2,
    receipted_message_id: response.message_id,
  })
  t.match(delivered.short_message.message, `id:${response.message_id} sub:001 dlvrd:001 submit date:`)
  session.send(delivered.response())
  await smsc.waitFor(({ receiptsAcknowledged }) => receiptsAcknowledged === 1)
  const enquired = await new Promise<NpmPdu>((resolve) => session.enquire_link(resolve))
  t.equal(enquired.command, 'enquire_link_resp')
  const unbound = await new Promise<NpmPdu>((resolve) => session.unbind(resolve))
  t.equal(unbound.command, 'unbind_resp')
  t.match(smsc.stats(), { binds: 1, unbinds: 1, submits: 1, distinct: 1, repeats: 0, protocolErrors: 0 })
})

t.test('5,000 messages over two binds: all accepted once, all receipts back, nothing repeated', async (t) => {
  const ledgerPath = `${t.testdir()}/ledger.ndjson`
  const { smsc, port } = await startSmsc(t, { ledgerPath, window: 50, faults: 'undeliv=0.1' })
  const harness = start(t, { port, binds: 2, window: 50 })
  await harness.until(() => harness.channel.view().binds.every(({ state }) => state === 'bound'))
  const acknowledge = acknowledger(harness)
  t.equal(await deliverAll(harness, 5_000, acknowledge), 5_000)
  const { sink } = harness
  await harness.until(() => sink.receipts.length === 5_000)
  acknowledge()
  await harness.until(() => smsc.stats().receiptsAcknowledged === 5_000)
  t.match(smsc.stats(), { submits: 5_000, distinct: 5_000, repeats: 0, windowViolations: 0, protocolErrors: 0 })
  const ids = new Set(sink.settlements.map(({ id }) => id))
  t.ok(ids.size === 5_000 && sink.receipts.every(({ id }) => ids.has(id)))
  t.ok(Math.abs(sink.receipts.filter(({ code }) => code === OUTCOME.undelivered).length - 500) < 150)
  const byBind = sink.settlements.filter(({ bind }) => bind === 0).length
  t.ok(byBind > 1_500 && byBind < 3_500, `bind 0 carried ${byBind}: filled evenly`)
  smsc.flushLedger()
  const lines = readFileSync(ledgerPath, 'utf8').trim().split('\n')
  const events = lines.map((line) => JSON.parse(line) as { event: string; hash?: string; status: number; to?: string })
  t.equal(new Set(events.filter(({ event }) => event === 'submit').map(({ hash }) => hash)).size, 5_000)
  t.equal(events.filter(({ event, status }) => event === 'receipt' && status === 0).length, 5_000)
})

t.test(
  'with drops, lost and doubled answers, refusals and throttling every part settles, repeats are the unanswered',
  async (t) => {
    const faults = 'throttle=0.002,reject=0.01:0x0b,drop=0.0003,noresp=0.002,dupresp=0.02,early=0.05'
    const { smsc, port } = await startSmsc(t, { faults })
    const harness = start(t, { port, window: 20, responseTimeoutMs: 200 })
    const attempts = await deliverAll(harness, 3_000)
    const { sink } = harness
    t.equal(sink.settlements.length, attempts, 'each attempt settled exactly once')
    t.equal(sink.count(OUTCOME.accepted) + sink.count(OUTCOME.rejected), 3_000)
    const { repeats, protocolErrors } = smsc.stats()
    t.ok(repeats <= sink.count(OUTCOME.unanswered), `${repeats} repeats, ${sink.count(OUTCOME.unanswered)} unanswered`)
    t.equal(protocolErrors, 0)
  },
)

t.test('a receipt that was refused or not answered is delivered again, also after the next bind', async (t) => {
  const { smsc, port } = await startSmsc(t)
  const harness = start(t, { port })
  const { sink, channel } = harness
  let next = 1
  await harness.run(
    () => (next > 20 ? null : outgoing(next++, '447700900001', [`n ${next}`])),
    () => sink.receipts.length === 20,
  )
  const stale = [...sink.receipts]
  smsc.dropAll()
  await harness.until(() => sink.receipts.length === 40)
  const before = smsc.stats().receiptsAcknowledged
  for (const { bind, session, sequence } of stale) channel.acknowledge(bind, session, sequence, true)
  channel.flush()
  t.equal(before, 0, 'an answer to the old session is not written to the new one')
  for (const [n, { bind, session, sequence }] of sink.receipts.slice(20).entries()) {
    channel.acknowledge(bind, session, sequence, n > 0)
  }
  await harness.until(() => sink.receipts.length === 41)
  const { bind, session, sequence } = sink.receipts[40]!
  channel.acknowledge(bind, session, sequence, true)
  await harness.until(() => smsc.stats().receiptsAcknowledged === 20)
  t.match(smsc.stats(), { protocolErrors: 0, receiptsRefused: 1, receiptsWaiting: 0 })
})

t.test('a rate of 200 a second is kept on two binds', async (t) => {
  // Code that runs for the first time is slow, and the delay of the first part would count as jitter here.
  await deliverAll(start(t, { port: (await startSmsc(t)).port }), 500)
  const { smsc, port } = await startSmsc(t)
  const harness = start(t, { port, ratePerSecond: 200, window: 50, binds: 2 })
  await harness.until(() => harness.channel.up)
  const startedAt = performance.now()
  await deliverAll(harness, 500)
  const seconds = (performance.now() - startedAt) / 1000
  const { maxPerSecond, throttled } = smsc.stats()
  // Without a limit all 500 come at once. The exact bound is held by base-rate and acceptance-rate: here a machine that
  // is busy with other things stamps late what was sent in time.
  t.ok(maxPerSecond <= 300, `${maxPerSecond} in the fullest second`)
  t.comment(`${(500 / seconds).toFixed(1)} a second on average`)
  t.equal(throttled, 0)
})

t.test('a carrier that throttles is slowed down for and recovers without loss', async (t) => {
  const { smsc, port } = await startSmsc(t, { ratePerSecond: 300 })
  const harness = start(t, { port, window: 50 })
  const attempts = await deliverAll(harness, 450)
  t.equal(harness.sink.count(OUTCOME.accepted), 450)
  t.ok(smsc.stats().throttled > 0)
  t.ok(attempts < 1_500, `${attempts} attempts for 450 messages`)
})

t.test('latency: the window is kept full and never overrun', async (t) => {
  const { smsc, port } = await startSmsc(t, { latencyMs: 20, window: 100 })
  const harness = start(t, { port, window: 100 })
  await deliverAll(harness, 1_000)
  t.match(smsc.stats(), { windowViolations: 0, maxInFlight: 100 })
})

t.test('pause, rate, window and number of binds change while it runs', async (t) => {
  const { smsc, port } = await startSmsc(t)
  const harness = start(t, { port, window: 10 })
  const { channel } = harness
  await harness.until(() => channel.up)
  channel.patch({ paused: true })
  t.notOk(channel.up)
  t.equal(channel.capacity(performance.now()), 0)
  channel.patch({ paused: false, window: 500, binds: 3, ratePerSecond: 10_000 })
  await harness.until(() => channel.view().binds.filter(({ state }) => state === 'bound').length === 3)
  t.equal(channel.windowTotal, 1_500)
  await deliverAll(harness, 2_000)
  channel.patch({ binds: 1, ratePerSecond: null })
  await harness.until(() => smsc.stats().sessions === 1)
  t.equal(smsc.stats().unbinds, 2)
  await deliverAll(harness, 100)
  t.match(channel.view(), { ratePerSecond: null, binds: [{ index: 0, state: 'bound', window: 500 }] })
})

t.test('a fault that cannot be read is an error that names it', async (t) => {
  t.throws(() => parseFaults('thottle=0.1'), /thottle/)
  t.throws(() => parseFaults('drop=2'), /drop=2/)
  t.match(parseFaults('reject=0.5:0x0b, noresp=0.1'), { shares: { reject: 0.5, noresp: 0.1 }, rejectStatus: 11 })
})
