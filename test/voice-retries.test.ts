/**
 * Calls that are made again: a dispatcher over a real store whose clock the test moves, and a carrier whose calls end as the
 * test says. While a call waits its message is scheduled, with the reason, and the counts add up at every moment.
 */
import t, { type Test } from 'tap'
import { packCallFacts, readCallFacts } from '../src/engine/base/call-facts.js'
import { packCallStatus } from '../src/engine/base/call-status.js'
import type { CarrierView } from '../src/engine/contract/channel.js'
import type { JobDispatch } from '../src/engine/contract/lane.js'
import { limits } from '../src/engine/contract/limits.js'
import { type MessageRef, type OutgoingMessage, STATE } from '../src/engine/contract/message.js'
import { OUTCOME, type OutcomeCode, type OutcomeSink } from '../src/engine/contract/outcome.js'
import { type ReasonCode, reasonCode } from '../src/engine/contract/reasons.js'
import { decodeState } from '../src/engine/store/decoded-state.js'
import {
  appendMessages,
  type Harness,
  jobDispatch,
  ScriptedChannel,
  startDispatcher,
  tempDir,
} from './dispatch-harness.js'
import { until } from './until.js'

t.setTimeout(580_000)

const MINUTE = 60_000
const JOB = 7

interface End {
  code: OutcomeCode
  reason?: ReasonCode
  delayMs?: number
  heardPercent?: number | null
}

const HEARD: End = { code: OUTCOME.heard, heardPercent: 100 }
const BUSY: End = { code: OUTCOME.putOff, reason: 'BUSY', delayMs: 10 * MINUTE }

/** Each call ends between two ticks, as `end` says. */
class ScriptedCalls extends ScriptedChannel {
  readonly calls: { ref: MessageRef; attempt: number }[] = []
  end: (attempt: number, ref: MessageRef) => End | null = () => HEARD
  readonly #to: OutcomeSink
  #open: { ref: MessageRef; attempt: number }[] = []

  constructor(id: string, sink: OutcomeSink) {
    super(id, sink)
    this.#to = sink
  }
  override view(): CarrierView {
    return { ...super.view(), protocol: 'sip' }
  }
  override capacity(): number {
    return this.up ? this.window - this.#open.length : 0
  }
  override send({ ref, attempt, partsAccepted }: OutgoingMessage): boolean {
    if (partsAccepted !== 0) throw new Error('a call is one part, which goes again whole')
    this.calls.push({ ref, attempt })
    this.#open.push({ ref, attempt })
    return true
  }
  override tick(): void {
    const open = this.#open
    this.#open = []
    for (const call of open) {
      const end = this.end(call.attempt, call.ref)
      if (end === null) this.#open.push(call)
      else this.#settle(call.ref, end)
    }
  }
  #settle(ref: MessageRef, { code, reason = 'NONE', delayMs = -1, heardPercent = null }: End): void {
    const talkSeconds = heardPercent === null ? null : 3
    const facts = {
      reason,
      heardPercent,
      ringSeconds: 4.2,
      talkSeconds,
      digits: '',
      gateway: 'gw:5060',
      callId: 'a@b',
      words: '',
    }
    const id = Buffer.from(packCallFacts({ ...facts, againSeconds: 0 }))
    const about = { bind: 0, ref, part: 0, status: packCallStatus(486, 17), delayMs }
    this.#to.settled({ ...about, code, id, idStart: 0, idLength: id.length })
  }
  override async drain(): Promise<void> {
    for (const { ref } of this.#open.splice(0))
      this.#settle(ref, { code: OUTCOME.interrupted, reason: 'PARTLY_HEARD', heardPercent: 40, delayMs: 0 })
  }
}

interface Rig extends Harness {
  calls: ScriptedCalls
  clock: { value: number }
}

async function start(
  t: Test,
  options: {
    dataDir?: string
    count?: number
    job?: Partial<JobDispatch>
    clock?: { value: number }
    end?: ScriptedCalls['end']
    expiresSeconds?: number
    hold?: boolean
  } = {},
): Promise<Rig> {
  const { dataDir = tempDir(t), count = 0, clock = { value: 0 }, expiresSeconds = 0 } = options
  let calls: ScriptedCalls | null = null
  const harness = await startDispatcher({
    dataDir,
    aheadMs: clock,
    jobs: [jobDispatch(JOB, 3, options.job)],
    makeChannel: (sink) => {
      calls = new ScriptedCalls('test', sink)
      if (options.end !== undefined) calls.end = options.end
      return calls
    },
    before: (store) => {
      if (count > 0) appendMessages(store, JOB, count, { channel: 1, coding: 6, expiresSeconds })
    },
  })
  return Object.assign(harness, { calls: calls!, clock })
}

/** Counts of the job that were reported last add up to what was accepted; queued is what the others leave over. */
function states(rig: Rig): Record<string, number> {
  const counts = rig.progress.get(JOB)?.states ?? []
  return Object.fromEntries(Object.entries(STATE).map(([name, n]) => [name, counts[n] ?? 0]))
}

/** What the store says of a message, once it is durable. */
async function messageOf(rig: Rig, ref: MessageRef) {
  const block = Math.floor(ref / 256)
  const [bytes] = await new Promise<(Uint8Array | null)[]>((resolve) => rig.dispatcher.states([block], resolve))
  const state = decodeState(bytes!)
  const place = ref % 256
  return {
    state: state.states[place]!,
    reason: reasonCode(state.reasons[place]!),
    attempts: state.attempts[place]!,
    history: state.history(place),
  }
}

async function scheduled(rig: Rig, count: number): Promise<void> {
  await rig.until(JOB, ({ states }) => states[STATE.scheduled] === count)
}

t.test('a busy line: scheduled with the reason, called again when its minutes are over, delivered, once', async (t) => {
  const rig = await start(t, { count: 3, end: (attempt) => (attempt === 0 ? BUSY : HEARD) })
  await scheduled(rig, 3)
  const { ref } = rig.calls.calls[0]!
  t.match(await messageOf(rig, ref), { state: STATE.scheduled, reason: 'BUSY', attempts: 1 })
  const [wait] = rig.dispatcher.whyWaits.of(ref)
  t.match(wait, { code: 'CALLED_AGAIN', reason: 'BUSY', attempt: 1, carrier: 'test' })
  const facts = readCallFacts((await messageOf(rig, ref)).history[0]!.error)!
  t.equal(facts.againSeconds * 1000, wait!.untilMs, 'the log knows when')
  rig.clock.value = 9 * MINUTE
  rig.dispatcher.wake()
  await new Promise((resolve) => rig.dispatcher.states([0], resolve))
  t.equal(rig.calls.calls.length, 3, 'not before')
  rig.clock.value = 10 * MINUTE + 1_000
  await rig.finished(JOB)
  t.match(states(rig), { delivered: 3, scheduled: 0 })
  t.equal(rig.progress.get(JOB)!.partsSent, 3, 'answered calls count as sent')
  t.strictSame(
    rig.calls.calls.map(({ attempt }) => attempt),
    [0, 0, 0, 1, 1, 1],
  )
  await rig.abandon()
})

t.test('a wait survives a kill: not forgotten, not called at once, called when the log says', async (t) => {
  const dataDir = tempDir(t)
  const first = await start(t, {
    dataDir,
    count: 3,
    end: () => ({ ...BUSY, heardPercent: 20, reason: 'PARTLY_HEARD' }),
  })
  await scheduled(first, 3)
  const dueMs = first.dispatcher.whyWaits.of(first.calls.calls[0]!.ref)[0]!.untilMs!
  await first.abandon()
  const again = await start(t, { dataDir, clock: { value: 5 * MINUTE } })
  await scheduled(again, 3)
  t.equal(again.dispatcher.whyWaits.of(first.calls.calls[0]!.ref)[0]!.untilMs, dueMs)
  t.equal(again.calls.calls.length, 0)
  again.clock.value = 11 * MINUTE
  await again.finished(JOB)
  t.match(states(again), { delivered: 3, scheduled: 0 })
  t.equal(again.progress.get(JOB)!.partsSent, 3, 'a message that was answered twice counts once')
  t.strictSame(
    again.calls.calls.map(({ attempt }) => attempt),
    [1, 1, 1],
  )
  await again.abandon()
})

t.test('no attempt is left: undelivered with the reason; what no call can mend has failed', async (t) => {
  const reasons: ReasonCode[] = ['NO_ANSWER', 'INVALID_NUMBER', 'DECLINED']
  const rig = await start(t, {
    count: 3,
    end: (_attempt, ref) => ({ code: OUTCOME.unheard, reason: reasons[ref % 256]! }),
  })
  await rig.finished(JOB)
  t.match(states(rig), { undelivered: 2, failed: 1 })
  for (const { ref } of rig.calls.calls) {
    const { state, reason } = await messageOf(rig, ref)
    t.equal(reason, reasons[ref % 256])
    t.equal(state, reason === 'INVALID_NUMBER' ? STATE.failed : STATE.undelivered)
  }
  t.equal(rig.progress.get(JOB)!.partsSent, 0, 'nobody answered')
  await rig.abandon()
})

t.test('congestion uses no attempt, waits longer each time, and ends some day', async (t) => {
  const rig = await start(t, {
    count: 1,
    job: { accepted: 1 },
    end: () => ({ code: OUTCOME.congested, reason: 'CONGESTION' }),
  })
  await until(
    async () => rig.calls.calls.length,
    (made) => made === 1,
  )
  const { ref } = rig.calls.calls[0]!
  const waits: number[] = []
  for (let made = 1; ; made++) {
    const message = await until(
      () => messageOf(rig, ref),
      ({ history }) => history.length === made,
    )
    t.equal(message.reason, 'CONGESTION')
    if (message.state !== STATE.scheduled) break
    t.equal(message.attempts, 0)
    const { againSeconds } = readCallFacts(message.history.at(-1)!.error)!
    waits.push(againSeconds * 1000 - message.history.at(-1)!.atMs)
    rig.clock.value += waits.at(-1)! + 1_000
  }
  await rig.finished(JOB)
  t.match(states(rig), { undelivered: 1, scheduled: 0 })
  t.strictSame(new Set(rig.calls.calls.map(({ attempt }) => attempt)), new Set([0]))
  t.equal(rig.calls.calls.length, limits.callReturns + 1)
  t.ok(waits[0]! >= 30_000 && waits[0]! <= 37_000, `${waits[0]} ms at first`)
  t.ok(waits.at(-1)! >= 1_800_000 && waits.at(-1)! <= 2_161_000, `${waits.at(-1)} ms in the end`)
  await rig.abandon()
})

t.test('while a call waits its message can be canceled, and so can its job', async (t) => {
  const rig = await start(t, { count: 3, end: () => BUSY })
  await scheduled(rig, 3)
  const { ref } = rig.calls.calls[0]!
  const canceled = await new Promise<number>((resolve) => rig.dispatcher.settling.cancel([ref], resolve))
  t.equal(canceled, 1)
  await rig.until(JOB, ({ states }) => states[STATE.canceled] === 1 && states[STATE.scheduled] === 2)
  t.match(await messageOf(rig, ref), { state: STATE.canceled, reason: 'CANCELED_BY_CUSTOMER' })
  rig.dispatcher.job(jobDispatch(JOB, 3, { state: 'canceled' }))
  await rig.finished(JOB)
  t.match(states(rig), { canceled: 3, scheduled: 0 })
  rig.clock.value = 20 * MINUTE
  await new Promise((resolve) => rig.dispatcher.states([0], resolve))
  t.equal(rig.calls.calls.length, 3)
  await rig.abandon()
})

t.test('a paused job calls nobody again until it goes on; validity that is over ends the wait', async (t) => {
  const expiresSeconds = Math.floor(Date.now() / 1000) + 15 * 60
  const rig = await start(t, {
    count: 3,
    expiresSeconds,
    end: (attempt, ref) => (attempt === 0 || ref % 256 === 0 ? BUSY : HEARD),
  })
  await scheduled(rig, 3)
  rig.dispatcher.job(jobDispatch(JOB, 3, { state: 'paused' }))
  rig.clock.value = 11 * MINUTE
  await rig.until(JOB, ({ states }) => states[STATE.scheduled] === 0)
  t.equal(rig.calls.calls.length, 3)
  rig.dispatcher.job(jobDispatch(JOB, 3))
  await rig.until(JOB, ({ states }) => states[STATE.delivered] === 2 && states[STATE.scheduled] === 1)
  rig.clock.value = 16 * MINUTE
  await rig.finished(JOB)
  t.match(states(rig), { delivered: 2, expired: 1 })
  await rig.abandon()
})

t.test('a call that is due outside the sending hours waits for the next opening', async (t) => {
  const minute = Math.floor(Date.now() / MINUTE) % 1_440
  const day = (of: number): number => (of + 1_440) % 1_440
  const hours = {
    days: [1, 2, 3, 4, 5, 6, 7],
    fromMinute: day(minute - 60),
    toMinute: day(minute + 5),
    timeZone: 'UTC',
  }
  const rig = await start(t, { count: 3, job: { hours }, end: (attempt) => (attempt === 0 ? BUSY : HEARD) })
  await scheduled(rig, 3)
  rig.clock.value = 11 * MINUTE
  await rig.until(JOB, ({ states }) => states[STATE.scheduled] === 0)
  const { ref } = rig.calls.calls[0]!
  t.equal(rig.dispatcher.whyWaits.of(ref)[0]?.code, 'SENDING_HOURS')
  t.equal(rig.calls.calls.length, 3)
  rig.clock.value = 23 * 60 * MINUTE + MINUTE
  await rig.finished(JOB)
  t.match(states(rig), { delivered: 3 })
  await rig.abandon()
})

t.test(
  'a call that was cut by the end of the process goes back without an attempt, and is made after the next start',
  async (t) => {
    const dataDir = tempDir(t)
    const first = await start(t, { dataDir, count: 3, end: () => null })
    await until(
      async () => first.calls.calls.length,
      (calls) => calls === 3,
    )
    await first.abandon()
    const again = await start(t, { dataDir })
    await again.finished(JOB)
    t.match(states(again), { delivered: 3 })
    t.strictSame(
      again.calls.calls.map(({ attempt }) => attempt),
      [0, 0, 0],
    )
    await again.abandon()
  },
)
