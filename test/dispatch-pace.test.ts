/** Rates of jobs and accounts, and sending hours, by the stamps of the hand-over: what must not leave, and who must not wait. */
import t from 'tap'
import type { JobDispatch } from '../src/engine/contract/lane.js'
import { type OutgoingMessage, STATE } from '../src/engine/contract/message.js'
import type { OutcomeSink } from '../src/engine/contract/outcome.js'
import type { HoursRule } from '../src/engine/contract/sending-hours.js'
import {
  appendMessages,
  type Harness,
  jobDispatch,
  ScriptedChannel,
  startDispatcher,
  tempDir,
} from './dispatch-harness.js'

interface Stamp {
  /** The monotonic moment that limiters were asked about. */
  atMs: number
  /** By the clock on the wall. */
  nowMs: number
  account: string
  parts: number
}

t.setTimeout(580_000)

/** Notes when each message was handed over; its sender names its account or job. */
class StampingChannel extends ScriptedChannel {
  readonly stamps: Stamp[] = []
  ticks = 0
  readonly #now: () => number

  constructor(sink: OutcomeSink, now: () => number) {
    super('test', sink)
    this.#now = now
  }
  override send(message: OutgoingMessage, atMs?: number): boolean {
    const isSent = super.send(message)
    const { from, partCount } = message
    if (isSent) this.stamps.push({ atMs: atMs!, nowMs: this.#now(), account: from, parts: partCount })
    return isSent
  }
  override tick(): void {
    this.ticks++
    super.tick()
  }
  of(account: string): Stamp[] {
    return this.stamps.filter((stamp) => stamp.account === account)
  }
}

/** Most parts in any closed second. */
function mostInAnySecond(stamps: readonly Stamp[]): number {
  let most = 0
  let first = 0
  let within = 0
  for (const { atMs, parts } of stamps) {
    within += parts
    while (atMs - stamps[first]!.atMs > 1_000) within -= stamps[first++]!.parts
    most = Math.max(most, within)
  }
  return most
}

interface Stand extends Harness {
  stamping: StampingChannel
}

async function start(
  t: Parameters<typeof tempDir>[0],
  jobs: JobDispatch[],
  before: Parameters<typeof startDispatcher>[0]['before'],
  aheadMs = { value: 0 },
): Promise<Stand> {
  let stamping!: StampingChannel
  const harness = await startDispatcher({
    dataDir: tempDir(t),
    jobs,
    aheadMs,
    before,
    makeChannel: (sink) => {
      stamping = new StampingChannel(sink, () => Date.now() + aheadMs.value)
      return stamping
    },
  })
  t.teardown(() => harness.abandon())
  return { ...harness, stamping }
}

t.test(
  'an account never exceeds its rate over all its jobs, which share it; another account waits for none of it',
  async (t) => {
    const limited = { account: 7, accountRatePerSecond: 50 }
    const jobs = [jobDispatch(1, 100, limited), jobDispatch(2, 100, limited), jobDispatch(3, 400, { account: 8 })]
    const { stamping, finished } = await start(t, jobs, (store) => {
      appendMessages(store, 1, 100, { account: 7, from: 'ONE' })
      appendMessages(store, 2, 100, { account: 7, from: 'TWO' })
      appendMessages(store, 3, 400, { account: 8, from: 'OTHER' })
    })
    await finished(3)
    const sentBefore = stamping.of('ONE').length + stamping.of('TWO').length
    t.ok(sentBefore < 200, `${sentBefore} of the limited account when the other was done`)
    await Promise.all([finished(1), finished(2)])
    const both = stamping.stamps.filter(({ account }) => account !== 'OTHER')
    t.equal(both.length, 200)
    t.ok(mostInAnySecond(both) <= 50, `${mostInAnySecond(both)} in a second`)
    // Beside what is ahead of one job at the start, they take turns.
    let ahead = 0
    let most = 0
    for (const { account } of both.slice(0, 150)) {
      ahead += account === 'ONE' ? 1 : -1
      most = Math.max(most, Math.abs(ahead))
    }
    t.ok(most <= 40, `one job was ${most} ahead of the other`)
  },
)

t.test('a job keeps its own rate below that of its account, and takes a new one at once', async (t) => {
  const both = { account: 7, accountRatePerSecond: 400, ratePerSecond: 20 }
  const { stamping, finished, dispatcher, until } = await start(t, [jobDispatch(1, 300, both)], (store) => {
    appendMessages(store, 1, 300, { account: 7 })
  })
  await until(1, ({ partsSent }) => partsSent >= 25)
  t.ok(mostInAnySecond(stamping.stamps) <= 20, `${mostInAnySecond(stamping.stamps)} in a second`)
  // At 20 a second the rest would take the time of this test and more.
  dispatcher.job(jobDispatch(1, 300, { ...both, ratePerSecond: 0, accountRatePerSecond: 300 }))
  await finished(1)
  t.ok(mostInAnySecond(stamping.stamps) <= 300)
  t.equal(stamping.stamps.length, 300)
})

t.test(
  'little is let in ahead of a rate, and it leaves at the rate however long it waited for the carrier',
  async (t) => {
    const jobs = [jobDispatch(1, 90, { ratePerSecond: 30 })]
    const { stamping, finished, until, dispatcher } = await start(t, jobs, (store, channel) => {
      channel.window = 0
      appendMessages(store, 1, 90)
    })
    const { states } = await until(1, (progress) => progress.states[STATE.sending]! >= 5)
    t.ok(states[STATE.sending]! <= 10, `${states[STATE.sending]} let in`)
    stamping.window = 100
    dispatcher.wake()
    await finished(1)
    t.ok(mostInAnySecond(stamping.stamps) <= 30, `${mostInAnySecond(stamping.stamps)} in a second`)
  },
)

t.test('long messages get their turn among short ones, within the rate by parts', async (t) => {
  const limited = { account: 7, accountRatePerSecond: 12 }
  const long = {
    partCount: 5,
    partStarts: new Uint32Array([0, 20, 40, 60, 80]),
    partLengths: new Uint16Array(5).fill(20),
  }
  const jobs = [jobDispatch(1, 30, limited), jobDispatch(2, 3, limited)]
  const { stamping, finished } = await start(t, jobs, (store) => {
    appendMessages(store, 1, 30, { account: 7, from: 'SHORT' })
    appendMessages(store, 2, 3, { account: 7, from: 'LONG', ...long })
  })
  await finished(2)
  t.ok(stamping.of('SHORT').length < 30, `${stamping.of('SHORT').length} short ones before the last long one`)
  await finished(1)
  t.ok(mostInAnySecond(stamping.stamps) <= 12, `${mostInAnySecond(stamping.stamps)} in a second`)
})

t.test('the loop is at rest while rates hold everything back', async (t) => {
  const jobs = [
    jobDispatch(1, 1_000, { account: 7, accountRatePerSecond: 5 }),
    jobDispatch(2, 1_000, { ratePerSecond: 5 }),
  ]
  const { stamping, until } = await start(t, jobs, (store) => {
    appendMessages(store, 1, 1_000, { account: 7 })
    appendMessages(store, 2, 1_000)
  })
  await until(1, ({ partsSent }) => partsSent >= 3)
  const { ticks } = stamping
  const startedAt = performance.now()
  await until(1, ({ partsSent }) => partsSent >= 10)
  const perSecond = ((stamping.ticks - ticks) * 1000) / (performance.now() - startedAt)
  t.ok(perSecond < 400, `${perSecond.toFixed(0)} ticks a second`)
})

/** One minute a day, in UTC. */
function minuteOf(atMs: number): HoursRule {
  const minute = Math.floor(atMs / 60_000) % 1_440
  return { days: [1, 2, 3, 4, 5, 6, 7], fromMinute: minute, toMinute: minute + 1, timeZone: 'UTC' }
}
const DAY = 86_400_000
/** 12:00 of some day to come, so that a minute later is the same day. */
const noon = Math.ceil(Date.now() / DAY) * DAY + DAY / 2

t.test(
  'nothing leaves before the hours begin, and then at once; what was let in goes back when they end',
  async (t) => {
    const hours = minuteOf(noon)
    const aheadMs = { value: noon - 300 - Date.now() }
    const jobs = [jobDispatch(1, 400, { hours, ratePerSecond: 100 }), jobDispatch(2, 5, { account: 2 })]
    const { stamping, finished, until, dispatcher } = await start(
      t,
      jobs,
      (store) => {
        appendMessages(store, 1, 400, { from: 'GATED' })
        appendMessages(store, 2, 5, { from: 'FREE', account: 2 })
      },
      aheadMs,
    )
    await finished(2)
    await until(1, ({ partsSent }) => partsSent >= 20)
    const first = stamping.of('GATED')[0]!
    t.ok(first.nowMs >= noon, `the first left ${first.nowMs - noon} ms after the hours began`)
    // The clock jumps to the end of the minute: what is let in and not handed over goes back.
    aheadMs.value += 60_000
    dispatcher.wake()
    const closed = await until(1, ({ states }) => states[STATE.sending] === 0 && states[STATE.delivered]! > 0)
    const sent = stamping.of('GATED').length
    t.ok(sent < 400, `${sent} left in the minute`)
    t.equal(closed.states[STATE.sending], 0)
    aheadMs.value += DAY - 60_000 - 10_000
    dispatcher.wake()
    t.equal(stamping.of('GATED').filter(({ nowMs }) => nowMs >= noon + 60_000).length, 0, 'nothing after the hours')
    // The next day, and no limit that would keep the test waiting.
    aheadMs.value = noon + DAY + 1_000 - Date.now()
    dispatcher.job(jobDispatch(1, 400, { hours }))
    await finished(1)
    t.equal(stamping.of('GATED').length, 400)
  },
)

t.test('hours that are taken away, or changed, hold at once', async (t) => {
  const hours = minuteOf(noon)
  const aheadMs = { value: noon + 3_600_000 - Date.now() }
  const { stamping, finished, dispatcher } = await start(
    t,
    [jobDispatch(1, 20, { hours }), jobDispatch(2, 1, { account: 2 })],
    (store) => {
      appendMessages(store, 1, 20, { from: 'GATED' })
      appendMessages(store, 2, 1, { from: 'FREE', account: 2 })
    },
    aheadMs,
  )
  await finished(2)
  t.equal(stamping.of('GATED').length, 0)
  dispatcher.job(jobDispatch(1, 20, { hours: null }))
  await finished(1)
  t.equal(stamping.of('GATED').length, 20)
})
