/**
 * How receipts find their message where ids alone do not tell: ids in another form, ids used again, early and late ones, after a
 * restart, for blocks that are closed; and answers that come after their time-out. Over a real store, with a scripted carrier.
 */
import t, { type Test } from 'tap'
import { numberTail } from '../src/engine/base/number-tail.js'
import { patternProblem } from '../src/engine/base/safe-pattern.js'
import { STATE } from '../src/engine/contract/message.js'
import { OUTCOME, type Receipt } from '../src/engine/contract/outcome.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { type DecodedState, decodeState } from '../src/engine/store/decoded-state.js'
import {
  appendMessages,
  type Harness,
  jobDispatch,
  type ScriptedChannel,
  type Sent,
  startDispatcher,
  tempDir,
} from './dispatch-harness.js'

// A busy machine takes its time.
t.setTimeout(580_000)
const JOB = 7
type Options = Partial<Parameters<typeof startDispatcher>[0]>

async function run(t: Test, count: number, options: Options = {}): Promise<Harness> {
  const harness = await startDispatcher({
    dataDir: tempDir(t),
    jobs: [],
    before: (store) => appendMessages(store, JOB, count),
    ...options,
  })
  return harness
}

async function stateOf(harness: Harness, block = 1): Promise<DecodedState> {
  const [bytes] = await new Promise<(Uint8Array | null)[]>((resolve) => harness.dispatcher.states([block], resolve))
  return decodeState(bytes!)
}

/** Everything so far is worked off and durable. */
async function turn(harness: Harness): Promise<void> {
  await new Promise<void>((resolve) => harness.dispatcher.states([], () => resolve()))
}

/** Waits until every report that was given is worked off. */
async function acknowledged(harness: Harness, count: number): Promise<void> {
  while (harness.channel.acknowledged < count) await turn(harness)
}

function from({ to }: Sent, change: Partial<Receipt> = {}): Partial<Receipt> {
  return { source: tailOf(to), destination: 0, ...change }
}
function tailOf(number: string): number {
  return numberTail(Buffer.from(number), 0, number.length)
}

/** Ids as this carrier writes them in responses. */
function hexIds(channel: ScriptedChannel): void {
  channel.idOf = (_sent, n) => (0xabc000 + n * 7919).toString(16).toUpperCase()
  channel.receipt = () => null
}
const decimal = (id: string) => BigInt(`0x${id}`).toString()

t.test('ids in another form are found out, nothing is lost meanwhile, and the next run knows', async (t) => {
  const dataDir = tempDir(t)
  const aheadMs = { value: 0 }
  const first = await run(t, 40, { dataDir, aheadMs })
  hexIds(first.channel)
  first.dispatcher.job(jobDispatch(JOB, 40))
  await first.until(JOB, ({ states }) => states[STATE.sent] === 40)
  const [one, ...rest] = first.channel.sent as [Sent, ...Sent[]]
  for (const sent of rest) first.channel.giveReceipt(decimal(sent.id), OUTCOME.delivered, from(sent))
  await acknowledged(first, 39)
  t.equal((await stateOf(first)).states[2], STATE.sent, 'nothing is decided at once: they could be early')
  t.equal([...first.environment.orphans.getKeys()].length, 39, 'they are durable')
  aheadMs.value = 3_000
  await first.until(JOB, ({ states }) => states[STATE.delivered] === 39)
  t.match(first.view(), { idFormat: 'decToHex', configured: 'auto', unmatched: 0 })
  t.ok(first.view().evidence.fitted >= 3)
  t.equal(first.view().evidence.example?.response, BigInt(first.view().evidence.example!.receipt).toString(16))
  await first.abandon()

  const second = await run(t, 0, { dataDir, jobs: [jobDispatch(JOB, 40)], before: () => {} })
  t.teardown(() => second.abandon())
  t.equal(second.view().idFormat, 'decToHex')
  second.channel.giveReceipt(decimal(one.id), OUTCOME.delivered, from(one))
  await second.until(JOB, ({ states }) => states[STATE.delivered] === 40)
})

t.test('one receipt alone is joined in another form when nothing is unanswered and its number fits', async (t) => {
  const aheadMs = { value: 0 }
  const harness = await run(t, 1, { aheadMs })
  t.teardown(() => harness.abandon())
  hexIds(harness.channel)
  harness.dispatcher.job(jobDispatch(JOB, 1))
  await harness.until(JOB, ({ states }) => states[STATE.sent] === 1)
  const [sent] = harness.channel.sent as [Sent]
  harness.channel.giveReceipt(decimal(sent.id), OUTCOME.delivered, from(sent))
  await acknowledged(harness, 1)
  aheadMs.value = 3_000
  await harness.finished(JOB)
  t.equal(harness.view().idFormat, 'same', 'which proves nothing about the others')
})

t.test('receipts of strangers change nothing, however their digits read', async (t) => {
  const aheadMs = { value: 0 }
  const harness = await run(t, 60, { aheadMs })
  t.teardown(() => harness.abandon())
  harness.channel.idOf = (_sent, n) => String(1_000 + n)
  harness.channel.receipt = () => null
  harness.dispatcher.job(jobDispatch(JOB, 60))
  await harness.until(JOB, ({ states }) => states[STATE.sent] === 60)
  const { sent } = harness.channel
  // Read as hex these are ids of ours; their numbers are not.
  for (const { id } of sent) {
    harness.channel.giveReceipt(Number(id).toString(16), OUTCOME.undelivered, { source: tailOf('4915112345678') })
  }
  await acknowledged(harness, 60)
  aheadMs.value = 3_000
  for (const one of sent) harness.channel.giveReceipt(one.id, OUTCOME.delivered, from(one))
  await harness.finished(JOB)
  aheadMs.value = 6_000
  await turn(harness)
  t.equal(harness.progress.get(JOB)!.states[STATE.delivered], 60)
  t.match(harness.view(), { idFormat: 'same', unmatched: 60 })
})

t.test('an id that is used again: the number tells, else the newest message counts', async (t) => {
  const harness = await run(t, 4)
  t.teardown(() => harness.abandon())
  harness.channel.idOf = () => '77'
  harness.channel.receipt = () => null
  harness.dispatcher.job(jobDispatch(JOB, 4))
  await harness.until(JOB, ({ states }) => states[STATE.sent] === 4)
  const [oldest, , third] = harness.channel.sent as Sent[]
  harness.channel.giveReceipt('77', OUTCOME.undelivered, from(oldest!))
  harness.channel.giveReceipt('77', OUTCOME.expired, { destination: tailOf(`0${third!.to.slice(2)}`) })
  harness.channel.giveReceipt('77', OUTCOME.delivered)
  await acknowledged(harness, 3)
  const state = await stateOf(harness)
  t.same([...state.states], [STATE.undelivered, STATE.sent, STATE.expired, STATE.delivered])
})

t.test('a constant id costs no time and no memory', async (t) => {
  const harness = await run(t, 20_000)
  t.teardown(() => harness.abandon())
  harness.channel.keep = false
  harness.channel.idOf = () => 'OK'
  harness.channel.receipt = () => null
  harness.dispatcher.job(jobDispatch(JOB, 20_000))
  const { states } = await harness.until(JOB, (progress) => progress.states[STATE.sent] === 20_000)
  t.equal(states[STATE.sent], 20_000)
})

t.test('an old receipt under an id that is used now is not taken for an early one', async (t) => {
  const aheadMs = { value: 0 }
  const harness = await run(t, 2, { aheadMs })
  t.teardown(() => harness.abandon())
  harness.channel.receipt = () => null
  harness.channel.idOf = (_sent, n) => `again-${n}`
  harness.channel.giveReceipt('again-1', OUTCOME.undelivered)
  await acknowledged(harness, 1)
  aheadMs.value = 3_600_000
  harness.channel.giveReceipt('again-2', OUTCOME.delivered)
  await acknowledged(harness, 2)
  harness.dispatcher.job(jobDispatch(JOB, 2))
  await harness.until(JOB, ({ states }) => states[STATE.delivered] === 1)
  t.same([...(await stateOf(harness)).states], [STATE.sent, STATE.delivered])
})

t.test('a receipt finds its message after the block was closed, also after a restart', async (t) => {
  const dataDir = tempDir(t)
  const aheadMs = { value: 0 }
  const first = await run(t, 3, { dataDir, aheadMs, receiptTimeoutSeconds: 100 })
  first.channel.receipt = () => null
  first.dispatcher.job(jobDispatch(JOB, 3))
  await first.until(JOB, ({ states }) => states[STATE.sent] === 3)
  aheadMs.value = 110_000
  await first.finished(JOB)
  const { reasons } = await stateOf(first)
  t.equal(reasonCode(reasons[0]!), 'NO_RECEIPT')
  const { sent } = first.channel
  await first.abandon()

  const second = await run(t, 0, { dataDir, aheadMs, before: () => {} })
  t.equal([...second.environment.open.getKeys()].length, 0, 'the block is closed')
  second.channel.giveReceipt(sent[0]!.id, OUTCOME.delivered, from(sent[0]!))
  second.channel.giveReceipt(sent[1]!.id, OUTCOME.undelivered, from(sent[1]!))
  await second.until(JOB, ({ states }) => states[STATE.delivered] === 1 && states[STATE.undelivered] === 1)
  t.same([...(await stateOf(second)).states], [STATE.delivered, STATE.undelivered, STATE.sent])
  await second.abandon()

  aheadMs.value += 8 * 86_400_000
  const third = await run(t, 0, { dataDir, aheadMs, before: () => {} })
  t.teardown(() => third.abandon())
  while ([...third.environment.late.getKeys()].length > 0) await turn(third)
  t.pass('after a week it is not waited for any more')
})

t.test('failure receipts alone: sent is final at once, a failure still changes it, also after a restart', async (t) => {
  const dataDir = tempDir(t)
  const receiptTerms = { request: 'failure' } as const
  const first = await run(t, 3, { dataDir, receiptTerms })
  first.channel.receipt = () => null
  first.dispatcher.job(jobDispatch(JOB, 3))
  await first.finished(JOB)
  const { sent } = first.channel
  first.channel.giveReceipt(sent[0]!.id, OUTCOME.undelivered)
  await first.until(JOB, ({ states }) => states[STATE.undelivered] === 1)
  await first.abandon()
  const second = await run(t, 0, { dataDir, receiptTerms, before: () => {} })
  t.teardown(() => second.abandon())
  second.channel.giveReceipt(sent[1]!.id, OUTCOME.expired)
  await second.until(JOB, ({ states }) => states[STATE.expired] === 1)
  t.same([...(await stateOf(second)).states], [STATE.undelivered, STATE.expired, STATE.sent])
})

t.test('one receipt for the last of several parts ends the message where the carrier sends no more', async (t) => {
  for (const perMessage of ['first', 'last'] as const) {
    const three = { partCount: 3, partStarts: new Uint32Array([0, 40, 80]), partLengths: new Uint16Array([40, 40, 40]) }
    const harness = await run(t, 20, {
      receiptTerms: { perMessage },
      before: (store) => appendMessages(store, JOB, 20, three),
    })
    const speaker = perMessage === 'first' ? 0 : 2
    harness.channel.receiptFirst = true
    harness.channel.receipt = ({ part, ref }) => {
      if (part !== speaker) return null
      return ref % 256 === 5 ? OUTCOME.undelivered : OUTCOME.delivered
    }
    harness.dispatcher.job(jobDispatch(JOB, 20))
    await harness.finished(JOB)
    const { states } = harness.progress.get(JOB)!
    t.equal(states[STATE.delivered], 19, perMessage)
    t.equal(states[STATE.undelivered], 1)
    await harness.abandon()
  }
})

t.test('an OK response without an id: sent, and final when the time for receipts is over', async (t) => {
  const aheadMs = { value: 0 }
  const harness = await run(t, 5, { aheadMs, receiptTimeoutSeconds: 100 })
  t.teardown(() => harness.abandon())
  harness.channel.idOf = () => ''
  harness.channel.receipt = () => null
  harness.dispatcher.job(jobDispatch(JOB, 5))
  await harness.until(JOB, ({ states }) => states[STATE.sent] === 5)
  aheadMs.value = 110_000
  await harness.finished(JOB)
  t.equal(reasonCode((await stateOf(harness)).reasons[0]!), 'NO_RECEIPT')
})

t.test('under hold a late answer settles the unknown message, and its receipt finds it', async (t) => {
  const harness = await run(t, 4)
  t.teardown(() => harness.abandon())
  harness.channel.answer = () => OUTCOME.unanswered
  harness.channel.receipt = () => null
  harness.dispatcher.job(jobDispatch(JOB, 4, { onUnanswered: 'hold' }))
  await harness.finished(JOB)
  t.equal(harness.progress.get(JOB)!.states[STATE.unknown], 4)
  const [one, two, three] = harness.channel.sent as [Sent, Sent, Sent]
  harness.channel.answerLate(one, OUTCOME.accepted)
  harness.channel.answerLate(two, OUTCOME.throttled)
  await harness.until(JOB, ({ states }) => states[STATE.sent] === 1 && states[STATE.failed] === 1)
  t.same([...harness.environment.open.getKeys()], [1], 'the block is open again')
  harness.channel.giveReceipt(one.id, OUTCOME.delivered, from(one))
  harness.channel.giveReceipt(three.id, OUTCOME.delivered, from(three))
  harness.channel.answerLate(three, OUTCOME.accepted)
  const { states } = await harness.until(JOB, (progress) => progress.states[STATE.delivered] === 2)
  t.equal(states[STATE.unknown], 1)
  const state = await stateOf(harness)
  t.equal(reasonCode(state.reasons[1]!), 'CARRIER_REJECTED')
  t.equal(state.statuses[1], 0x58)
  t.equal([...harness.environment.open.getKeys()].length, 0, 'and closed')
})

t.test('under resend a late answer spares the second attempt, or its id finds the message too', async (t) => {
  const aheadMs = { value: 0 }
  const harness = await run(t, 2, { aheadMs })
  t.teardown(() => harness.abandon())
  harness.channel.receipt = () => null
  harness.channel.answer = () => OUTCOME.unanswered
  harness.dispatcher.job(jobDispatch(JOB, 2))
  await harness.until(JOB, ({ states }) => states[STATE.sending] === 0 && harness.channel.count >= 2)
  harness.channel.answer = () => 'silence'
  const attempts = harness.channel.sent.filter(({ ref }) => ref % 256 === 0)
  harness.channel.answerLate(attempts[0]!, OUTCOME.accepted)
  await harness.until(JOB, ({ states }) => states[STATE.sent] === 1)
  harness.channel.answer = () => OUTCOME.rejected
  harness.channel.giveReceipt(attempts[0]!.id, OUTCOME.delivered, from(attempts[0]!))
  await harness.until(JOB, ({ states }) => states[STATE.delivered] === 1)
  await harness.finished(JOB)
  const state = await stateOf(harness)
  t.same([...state.states], [STATE.delivered, STATE.failed], 'a refusal of the second attempt does not undo the first')
})

t.test('a pattern that could run for ever is refused', async (t) => {
  for (const source of ['(?<id>a+)+', '(?<id>(a|a)*)', '(?<id>\\w)\\1', '(?<id>(', 'nothing', '(?=(?<id>x))']) {
    t.ok(patternProblem(source, ['id', 'stat']), source)
  }
  for (const source of [
    'id=(?<id>[^ ]+) (?:state|stat)=(?<stat>\\w+)',
    '^(?<id>[0-9a-f]{1,20});(?<stat>[^;]*)(?:;x)?',
  ]) {
    t.equal(patternProblem(source, ['id', 'stat']), null, source)
  }
})

t.test('numbers that fit are believed, until too many do not; then what was parked is matched after all', async (t) => {
  const harness = await run(t, 40)
  t.teardown(() => harness.abandon())
  harness.channel.receipt = () => null
  harness.dispatcher.job(jobDispatch(JOB, 40))
  await harness.until(JOB, ({ states }) => states[STATE.sent] === 40)
  const { sent } = harness.channel
  for (const one of sent.slice(0, 10)) harness.channel.giveReceipt(one.id, OUTCOME.delivered, from(one))
  const strange = { source: tailOf('4915112345678') }
  harness.channel.giveReceipt(sent[10]!.id, OUTCOME.undelivered, strange)
  await acknowledged(harness, 11)
  t.equal((await stateOf(harness)).states[10], STATE.sent, 'a receipt of another number is another’s')
  t.equal(harness.view().unmatched, 1)
  for (const one of sent.slice(11)) harness.channel.giveReceipt(one.id, OUTCOME.delivered, strange)
  const { states } = await harness.until(JOB, (progress) => progress.states[STATE.delivered] === 39)
  t.equal(states[STATE.undelivered], 1, 'this carrier makes numbers up')
  t.equal(harness.view().unmatched, 0)
})
