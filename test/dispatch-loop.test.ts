import t, { type Test } from 'tap'
import { blockOf, STATE } from '../src/engine/contract/message.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import type { JobProgress } from '../src/engine/contract/thread.js'
import { decodeState } from '../src/engine/store/decoded-state.js'
import { appendMessages, type Harness, jobDispatch, startDispatcher, tempDir } from './dispatch-harness.js'

const JOB = 7
const now = () => Math.floor(Date.now() / 1000)

/** Messages of the job by state; the ones never claimed are the rest. */
function total(progress: JobProgress): number {
  return progress.states.slice(1).reduce((sum, count) => sum + count, 0)
}

async function run(
  test: Test,
  count: number,
  change: Parameters<typeof appendMessages>[3] = {},
  options: object = {},
): Promise<Harness> {
  const harness = await startDispatcher({
    dataDir: tempDir(test),
    jobs: [],
    before: (store) => appendMessages(store, JOB, count, change),
    ...options,
  })
  test.teardown(() => harness.abandon())
  return harness
}

t.test('every message is sent once, delivered by its receipt, and each receipt is acknowledged', async (t) => {
  const harness = await run(t, 1_000)
  harness.dispatcher.job(jobDispatch(JOB, 1_000))
  await harness.finished(JOB)
  const { states, partsSent } = harness.progress.get(JOB)!
  t.equal(states[STATE.delivered], 1_000)
  t.equal(partsSent, 1_000)
  t.equal(harness.channel.count, 1_000)
  t.equal(new Set(harness.channel.sent.map(({ ref }) => ref)).size, 1_000)
  t.equal(harness.channel.acknowledged, 1_000)
  t.ok(harness.channel.maxOutstanding <= 100, 'never more than the window')
})

t.test('a refusal for good fails the message with the carrier’s status; throttling never fails one', async (t) => {
  const harness = await run(t, 300)
  const throttledOnce = new Set<number>()
  harness.channel.answer = ({ ref, to }) => {
    if (to.endsWith('5')) return OUTCOME.rejected
    if (to.endsWith('7') && !throttledOnce.has(ref)) {
      throttledOnce.add(ref)
      return OUTCOME.throttled
    }
    return OUTCOME.accepted
  }
  harness.dispatcher.job(jobDispatch(JOB, 300))
  await harness.finished(JOB)
  const { states } = harness.progress.get(JOB)!
  t.equal(states[STATE.failed], 30)
  t.equal(states[STATE.delivered], 270)
  t.equal(throttledOnce.size, 30)
})

t.test('an unanswered message is sent again under resend, and is unknown under hold', async (t) => {
  for (const onUnanswered of ['resend', 'hold'] as const) {
    const harness = await run(t, 100)
    const lost = new Set<number>()
    harness.channel.answer = ({ ref }) => {
      if (ref % 10 !== 3 || lost.has(ref)) return OUTCOME.accepted
      lost.add(ref)
      return OUTCOME.unanswered
    }
    harness.dispatcher.job(jobDispatch(JOB, 100, { onUnanswered }))
    await harness.finished(JOB)
    const { states } = harness.progress.get(JOB)!
    t.equal(states[STATE.unknown], onUnanswered === 'hold' ? lost.size : 0)
    t.equal(states[STATE.delivered], onUnanswered === 'hold' ? 100 - lost.size : 100)
    t.equal(harness.channel.count, onUnanswered === 'hold' ? 100 : 100 + lost.size)
  }
})

t.test('a receipt that comes before the answer is kept and joined', async (t) => {
  const harness = await run(t, 200)
  harness.channel.receiptFirst = true
  harness.dispatcher.job(jobDispatch(JOB, 200))
  await harness.finished(JOB)
  t.equal(harness.progress.get(JOB)!.states[STATE.delivered], 200)
  t.equal([...harness.environment.orphans.getKeys()].length, 0)
})

t.test('a receipt that matches nothing is durable before it is acknowledged', async (t) => {
  const harness = await run(t, 1)
  harness.dispatcher.job(jobDispatch(JOB, 1))
  await harness.finished(JOB)
  harness.channel.giveReceipt('nobody-knows-me', OUTCOME.delivered)
  await new Promise<void>((resolve) => harness.dispatcher.states([1], () => resolve()))
  t.equal(harness.channel.acknowledged, 2)
  t.equal([...harness.environment.orphans.getKeys()].length, 1)
})

t.test(
  'of a long message only the parts that were not accepted go again; it is delivered when all parts are',
  async (t) => {
    const three = { partCount: 3, partStarts: new Uint32Array([0, 40, 80]), partLengths: new Uint16Array([40, 40, 40]) }
    const harness = await run(t, 50, three)
    const refused = new Set<number>()
    harness.channel.answer = ({ ref, part }) => {
      if (part !== 1 || refused.has(ref)) return OUTCOME.accepted
      refused.add(ref)
      return OUTCOME.throttled
    }
    harness.dispatcher.job(jobDispatch(JOB, 50))
    await harness.finished(JOB)
    const { states, partsSent } = harness.progress.get(JOB)!
    t.equal(states[STATE.delivered], 50)
    t.equal(partsSent, 150)
    t.equal(harness.channel.count, 200, 'three parts and the one that came back')
  },
)

t.test('an undelivered part makes the message undelivered, and a later word does not change it', async (t) => {
  const harness = await run(t, 20)
  harness.channel.receipt = () => OUTCOME.undelivered
  harness.dispatcher.job(jobDispatch(JOB, 20))
  await harness.finished(JOB)
  t.equal(harness.progress.get(JOB)!.states[STATE.undelivered], 20)
  harness.channel.giveReceipt(harness.channel.sent[0]!.id, OUTCOME.delivered)
  const states = await new Promise<(Uint8Array | null)[]>((resolve) => harness.dispatcher.states([1], resolve))
  t.equal(decodeState(states[0]!).states[0], STATE.undelivered)
})

t.test('pause stops what is queued, resume goes on, cancel ends it; the counts add up', async (t) => {
  const harness = await run(t, 40_000, {}, { window: 20 })
  harness.channel.receipt = () => null
  harness.dispatcher.job(jobDispatch(JOB, 40_000))
  await harness.until(JOB, ({ states }) => states[STATE.sent]! >= 200)
  harness.dispatcher.job(jobDispatch(JOB, 40_000, { state: 'paused' }))
  const paused = await harness.until(JOB, ({ states }) => states[STATE.sending] === 0)
  t.ok(paused.states[STATE.sent]! < 40_000)
  harness.dispatcher.job(jobDispatch(JOB, 40_000, { state: 'running' }))
  await harness.until(JOB, ({ states }) => states[STATE.sent]! >= paused.states[STATE.sent]! + 200)
  harness.dispatcher.job(jobDispatch(JOB, 40_000, { state: 'canceled' }))
  const end = await harness.until(JOB, (progress) => progress.states[STATE.sending] === 0 && total(progress) === 40_000)
  t.ok(end.states[STATE.canceled]! > 0)
  t.equal(end.states[STATE.sent]! + end.states[STATE.canceled]!, 40_000)
  t.equal(harness.channel.count, end.states[STATE.sent])
  t.equal([...harness.environment.queue.getKeys()].length, 0)
})

t.test('accounts share a carrier by weight, and a higher priority goes first', async (t) => {
  const harness = await run(t, 4_000, { account: 1 }, { window: 20 })
  appendMessages(harness.store, 8, 4_000, { account: 2 })
  appendMessages(harness.store, 9, 200, { account: 3 })
  harness.channel.receipt = () => null
  harness.dispatcher.job(jobDispatch(JOB, 4_000, { account: 1, weight: 1 }))
  harness.dispatcher.job(jobDispatch(8, 4_000, { account: 2, weight: 3 }))
  await harness.until(8, ({ states }) => states[STATE.sent]! >= 1_500)
  const light = harness.progress.get(JOB)!.states[STATE.sent]!
  const heavy = harness.progress.get(8)!.states[STATE.sent]!
  t.ok(heavy / light > 2 && heavy / light < 4.5, `3 to 1, saw ${heavy} to ${light}`)
  const before = harness.channel.count
  const urgent = new Set(harness.store.looseBlocks(9))
  harness.dispatcher.job(jobDispatch(9, 200, { account: 3, priority: 0 }))
  await harness.until(9, ({ states }) => states[STATE.sent] === 200)
  const since = harness.channel.sent.slice(before).map(({ ref }) => urgent.has(blockOf(ref)))
  const others = since.slice(since.indexOf(true), since.lastIndexOf(true)).filter((isUrgent) => !isUrgent).length
  t.ok(others < 20, `the urgent job does not let others in between, saw ${others}`)
})

t.test('nothing is sent before its time or after its validity', async (t) => {
  const aheadMs = { value: 0 }
  const harness = await run(t, 100, { dueSeconds: now() + 60 }, { aheadMs })
  appendMessages(harness.store, 8, 100, { expiresSeconds: now() - 1 })
  harness.dispatcher.job(jobDispatch(JOB, 100))
  harness.dispatcher.job(jobDispatch(8, 100))
  await harness.finished(8)
  t.equal(harness.progress.get(8)!.states[STATE.expired], 100)
  const waiting = await harness.until(JOB, ({ states }) => states[STATE.scheduled] === 100)
  t.equal(waiting.states[STATE.scheduled], 100)
  t.equal(harness.channel.count, 0)
  aheadMs.value = 61_000
  await harness.finished(JOB)
  t.equal(harness.progress.get(JOB)!.states[STATE.delivered], 100)
})

t.test('validity also runs out while the carrier is down', async (t) => {
  const aheadMs = { value: 0 }
  const harness = await run(t, 300, { expiresSeconds: now() + 30 }, { aheadMs })
  harness.channel.up = false
  harness.dispatcher.inbox.sink(0).bindChanged()
  harness.dispatcher.job(jobDispatch(JOB, 300))
  aheadMs.value = 31_000
  await harness.finished(JOB)
  t.equal(harness.progress.get(JOB)!.states[STATE.expired], 300)
})

t.test('a message whose receipt never comes stays sent and is final, with the reason NO_RECEIPT', async (t) => {
  const aheadMs = { value: 0 }
  const harness = await run(t, 40, {}, { aheadMs, receiptTimeoutSeconds: 100 })
  harness.channel.receipt = () => null
  harness.dispatcher.job(jobDispatch(JOB, 40))
  await harness.until(JOB, ({ states }) => states[STATE.sent] === 40)
  aheadMs.value = 110_000
  await harness.finished(JOB)
  const [bytes] = await new Promise<(Uint8Array | null)[]>((resolve) => harness.dispatcher.states([1], resolve))
  const state = decodeState(bytes!)
  t.equal(state.states[0], STATE.sent)
  t.equal(reasonCode(state.reasons[0]!), 'NO_RECEIPT')
  harness.channel.giveReceipt(harness.channel.sent[0]!.id, OUTCOME.delivered)
  await harness.until(JOB, ({ states }) => states[STATE.delivered] === 1)
})

t.test('after a restart nothing is lost or sent twice, and receipts of before still match', async (t) => {
  const dataDir = tempDir(t)
  const first = await startDispatcher({
    dataDir,
    jobs: [],
    window: 20,
    before: (store) => appendMessages(store, JOB, 20_000),
  })
  first.channel.receipt = () => null
  first.dispatcher.job(jobDispatch(JOB, 20_000))
  await first.until(JOB, ({ states }) => states[STATE.sent]! >= 500)
  await first.abandon()
  const sent = first.channel.sent
  t.ok(sent.length < 20_000, 'stopped in the middle')

  const second = await startDispatcher({ dataDir, jobs: [jobDispatch(JOB, 20_000)], firstId: 1_000_000 })
  t.teardown(() => second.abandon())
  for (const { id } of sent) second.channel.giveReceipt(id, OUTCOME.delivered)
  await second.finished(JOB)
  t.equal(second.progress.get(JOB)!.states[STATE.delivered], 20_000)
  t.equal(new Set([...sent, ...second.channel.sent].map(({ ref }) => ref)).size, 20_000)
  t.equal(sent.length + second.channel.sent.length, 20_000)
})

t.test('a damaged record fails with its own reason and costs no other message', async (t) => {
  const harness = await run(t, 256)
  const bytes = harness.store.block(1)!
  bytes[bytes.length - 10]! ^= 1
  harness.environment.blocks.putSync(1, bytes)
  harness.dispatcher.job(jobDispatch(JOB, 256))
  await harness.finished(JOB)
  const { states } = harness.progress.get(JOB)!
  t.equal(states[STATE.failed], 1)
  t.equal(states[STATE.delivered], 255)
})

t.test('the history tells each attempt, answer and receipt of a message', async (t) => {
  const harness = await run(t, 1)
  let answers = 0
  harness.channel.answer = () => (answers++ === 0 ? OUTCOME.throttled : OUTCOME.accepted)
  harness.dispatcher.job(jobDispatch(JOB, 1))
  await harness.finished(JOB)
  const [bytes] = await new Promise<(Uint8Array | null)[]>((resolve) => harness.dispatcher.states([1], resolve))
  const history = decodeState(bytes!).history(0)
  t.same(
    history.map(({ code }) => code),
    [OUTCOME.throttled, OUTCOME.accepted, OUTCOME.delivered],
  )
  t.equal(history[1]!.id, harness.channel.sent[1]!.id)
})

t.test('a sender that must wait for its own rate has its next messages ready, and holds up nobody', async (t) => {
  const slow = { room: 5, waits: true }
  const harness = await run(
    t,
    0,
    {},
    {
      before(store: Parameters<typeof appendMessages>[0], channel: Harness['channel']) {
        channel.slowSenders.set('SLOW', slow)
        appendMessages(store, JOB, 40, { from: 'SLOW' })
        appendMessages(store, 8, 300, { from: 'FREE' })
      },
    },
  )
  harness.dispatcher.job(jobDispatch(JOB, 40))
  await harness.until(JOB, ({ states }) => states[STATE.sending] === 5)
  harness.dispatcher.job(jobDispatch(8, 300))
  await harness.finished(8)
  t.equal(harness.channel.count, 300, 'all of the other sender')
  t.equal(harness.progress.get(JOB)!.states[STATE.sending], 5, 'no more than its rate lets go soon')
  slow.waits = false
  await harness.finished(JOB)
  t.equal(harness.progress.get(JOB)!.states[STATE.delivered], 40)
  t.equal(harness.channel.count, 340, 'each once')
})

t.test('two hundred small jobs at once all finish', async (t) => {
  const harness = await run(t, 1)
  const JOBS = 200
  for (let job = 100; job < 100 + JOBS; job++) appendMessages(harness.store, job, 3, { account: job % 7 })
  for (let job = 100; job < 100 + JOBS; job++) harness.dispatcher.job(jobDispatch(job, 3, { account: job % 7 }))
  for (let job = 100; job < 100 + JOBS; job++) await harness.finished(job)
  const delivered = [...harness.progress.values()].reduce((sum, { states }) => sum + states[STATE.delivered]!, 0)
  t.equal(delivered, 3 * JOBS)
  t.equal(harness.channel.count, 3 * JOBS)
})

t.test('single messages that come while others are sent are picked up, each once', async (t) => {
  const harness = await run(t, 1)
  harness.dispatcher.job(jobDispatch(50, -1, { openEnded: true }))
  for (let n = 0; n < 100; n++) {
    appendMessages(harness.store, 50, 1, { digits: String(447_400_000_000 + n) })
    harness.dispatcher.appended(50, 1)
    if (n % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  await harness.until(50, ({ states }) => states[STATE.delivered] === 100)
  t.equal(new Set(harness.channel.sent.map(({ to }) => to)).size, 100)
  t.equal(harness.channel.count, 100)
})

t.test('under hold a stop with answers outstanding makes unknown only these, and nothing is sent again', async (t) => {
  const dataDir = tempDir(t)
  const hold = jobDispatch(JOB, 1_000, { onUnanswered: 'hold' })
  const first = await startDispatcher({
    dataDir,
    jobs: [],
    window: 20,
    before: (store) => appendMessages(store, JOB, 1_000),
  })
  first.channel.receipt = () => null
  first.channel.answer = () => (first.channel.count > 300 ? 'silence' : OUTCOME.accepted)
  first.dispatcher.job(hold)
  await first.until(JOB, ({ states }) => states[STATE.sending]! > 0 && states[STATE.sent]! >= 280)
  await first.abandon()
  const sent = new Set(first.channel.sent.map(({ ref }) => ref))

  const second = await startDispatcher({ dataDir, jobs: [hold], window: 20, firstId: 1_000_000 })
  t.teardown(() => second.abandon())
  await second.until(JOB, (progress) => progress.states[STATE.sending] === 0 && total(progress) === 1_000)
  const { states } = second.progress.get(JOB)!
  t.equal(second.channel.sent.filter(({ ref }) => sent.has(ref)).length, 0)
  t.ok(states[STATE.unknown]! <= 40, `at most what was in the window, saw ${states[STATE.unknown]}`)
  t.equal(second.channel.count + first.channel.count, 1_000)
})

t.test('a message of high priority goes before all that others have had authorised', async (t) => {
  const [URGENT, AHEAD] = [JOB + 1, 512]
  const harness = await run(t, 2_000)
  const { channel, dispatcher, store } = harness
  let isAnswering = false
  channel.answer = () => (isAnswering ? OUTCOME.accepted : 'silence')
  dispatcher.job(jobDispatch(JOB, 2_000))
  await harness.until(JOB, ({ states }) => states[STATE.sending] === channel.window + AHEAD)
  appendMessages(store, URGENT, 1, { digits: '447999999999' })
  dispatcher.job(jobDispatch(URGENT, 1, { priority: 0 }))
  await harness.until(URGENT, ({ states }) => states[STATE.sending] === 1)
  isAnswering = true
  await harness.finished(URGENT)
  const urgent = channel.sent.findIndex(({ to }) => to === '447999999999')
  t.equal(urgent, channel.window, 'it is the first that is sent then')
  await harness.finished(JOB)
})
