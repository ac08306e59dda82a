/** The events that the dispatcher writes for webhooks: each state that a message can stay in, once, and only where wanted. */
import t, { type Test } from 'tap'
import { blockOf, STATE, STATES } from '../src/engine/contract/message.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { EventLog, type MessageEvent } from '../src/engine/store/event-log.js'
import { appendMessages, type Harness, jobDispatch, startDispatcher, tempDir } from './dispatch-harness.js'

const JOB = 7

async function run(test: Test, count: number, wanted: number[]): Promise<Harness> {
  const dataDir = tempDir(test)
  const harness = await startDispatcher({ dataDir, jobs: [], before: (store) => appendMessages(store, JOB, count) })
  harness.dispatcher.feed.use(wanted)
  test.teardown(() => harness.abandon())
  return harness
}

function eventsOf({ environment }: Harness, account = 1): MessageEvent[] {
  const log = new EventLog(environment)
  log.refresh()
  return log.read(account, 1, 1_000_000)
}

/** `state` or `state REASON`, with a dot where nothing more is expected, of each message in order. */
function stories(events: MessageEvent[]): Map<number, string> {
  const told = new Map<number, string>()
  for (const { ref, state, reason, isFinal } of events) {
    const story = `${STATES[state]}${reason === 0 ? '' : ` ${reasonCode(reason)}`}${isFinal ? '.' : ''}`
    const before = told.get(ref)
    told.set(ref, before === undefined ? story : `${before} ${story}`)
  }
  return told
}

t.test('sent, delivered, refused: every message tells its own story, and numbers have no gap', async (t) => {
  const harness = await run(t, 600, [1])
  harness.channel.answer = ({ to }) => (to.endsWith('5') ? OUTCOME.rejected : OUTCOME.accepted)
  harness.channel.receipt = ({ to }) => (to.endsWith('7') ? OUTCOME.undelivered : OUTCOME.delivered)
  harness.dispatcher.job(jobDispatch(JOB, 600))
  await harness.finished(JOB)
  const events = eventsOf(harness)
  t.strictSame(
    events.map(({ number }) => number),
    events.map((_, index) => index + 1),
  )
  const told = [...stories(events).values()]
  const count = (story: string) => told.filter((one) => one === story).length
  t.equal(told.length, 600)
  t.equal(count('failed CARRIER_REJECTED.'), 60)
  t.equal(count('sent undelivered RECEIPT_UNDELIVERED.'), 60)
  t.equal(count('sent delivered.'), 480)
  t.ok(events.filter(({ state }) => state === STATE.failed).every(({ status }) => status === 11))
  t.ok(events.filter(({ state }) => state !== STATE.failed).every(({ status }) => status === 0))
})

t.test('nobody who does not want events has any', async (t) => {
  const harness = await run(t, 100, [2])
  harness.dispatcher.job(jobDispatch(JOB, 100))
  await harness.finished(JOB)
  t.strictSame(eventsOf(harness), [])
  t.strictSame(eventsOf(harness, 2), [])
})

t.test('a receipt that comes when the job is long over is told of as well', async (t) => {
  const harness = await run(t, 3, [1])
  harness.channel.answer = () => OUTCOME.unanswered
  harness.dispatcher.job(jobDispatch(JOB, 3, { onUnanswered: 'hold' }))
  await harness.finished(JOB)
  t.same([...stories(eventsOf(harness)).values()], Array(3).fill('unknown UNANSWERED.'))
  const [first] = harness.channel.sent
  harness.channel.receipt = () => null
  harness.channel.answerLate(first!, OUTCOME.accepted)
  await harness.until(JOB, ({ states }) => states[STATE.sent] === 1)
  harness.channel.giveReceipt(first!.id, OUTCOME.delivered, { error: '001' })
  await harness.until(JOB, ({ states }) => states[STATE.delivered] === 1)
  t.equal(stories(eventsOf(harness)).get(first!.ref), 'unknown UNANSWERED. sent delivered.')
  t.equal(eventsOf(harness).at(-1)!.error, '001')
})

t.test('numbers go on after a restart', async (t) => {
  const dataDir = tempDir(t)
  const first = await startDispatcher({ dataDir, jobs: [], before: (store) => appendMessages(store, JOB, 20) })
  first.dispatcher.feed.use([1])
  first.dispatcher.job(jobDispatch(JOB, 20))
  await first.finished(JOB)
  const before = eventsOf(first).length
  await first.abandon()
  const second = await startDispatcher({ dataDir, jobs: [], before: (store) => appendMessages(store, JOB + 1, 20) })
  t.teardown(() => second.abandon())
  second.dispatcher.feed.use([1])
  second.dispatcher.job(jobDispatch(JOB + 1, 20))
  await second.finished(JOB + 1)
  const events = eventsOf(second)
  t.equal(events.length, before + 40)
  t.equal(events.at(-1)!.number, events.length)
  t.equal(new Set(events.map(({ ref }) => blockOf(ref))).size, 2)
})
