/**
 * F16: the wall clock is set forward and back by an hour and a day, over a leap second and while it is slewed, with the monotonic
 * clock going on. 500 cases: 200 jobs through a dispatcher and a real store, 260 zones and turns of clocks, 40 kept answers.
 * argv[3]: how many jobs instead of 200.
 */
import t from 'tap'
import { Idempotency, type KeptAnswer, type KeptAnswers } from '../src/engine/accounts/idempotency.js'
import { Random } from '../src/engine/base/random.js'
import { OUTCOME } from '../src/engine/contract/outcome.js'
import { hoursAt, SendingHours } from '../src/engine/schedule/sending-hours.js'
import { timeout } from './acceptance-run.js'
import { appendMessages, type Harness, jobDispatch, startDispatcher, tempDir } from './dispatch-harness.js'
import { seed } from './seed.js'
import { ZONES } from './zones.js'

t.setTimeout(timeout)
const JOBS = Number(process.argv[3] ?? 200)
/** Under one step of the clock. */
const AT_ONCE = 20
const HOUR = 3_600_000
const DAY = 24 * HOUR
/** A leap second shown twice, and what NTP sets and slews. */
const STEPS = [HOUR, -HOUR, DAY, -DAY, -1_000, 1_000, 500, -500, 128, 0] as const

interface Stand {
  harness: Harness
  aheadMs: { value: number }
  /** Wall clock of the dispatcher. */
  nowMs(): number
}

async function standOf(t: Parameters<typeof tempDir>[0]): Promise<Stand> {
  const aheadMs = { value: 0 }
  const harness = await startDispatcher({ dataDir: tempDir(t), jobs: [], aheadMs, window: 10, seed })
  t.teardown(() => harness.abandon())
  return { harness, aheadMs, nowMs: () => Date.now() + aheadMs.value }
}

const seconds = (ms: number): number => Math.floor(ms / 1_000)

t.test(`${JOBS} jobs: what is due goes, what is not waits, what is over ends, each once`, async (t) => {
  const { harness, aheadMs, nowMs } = await standOf(t)
  const { channel, dispatcher, store } = harness
  const random = new Random(seed)
  const digits = (job: number, kind: number) => String(447_700_000_000 + job * 10 + kind)
  for (let first = 1; first <= JOBS; first += AT_ONCE) {
    aheadMs.value += STEPS[random.below(STEPS.length)]!
    const now = seconds(nowMs())
    const later = now + 1_800
    const jobs = Array.from({ length: AT_ONCE }, (_, n) => first + n)
    for (const job of jobs) {
      appendMessages(store, job, 1, { digits: digits(job, 1) })
      appendMessages(store, job, 1, { digits: digits(job, 2), dueSeconds: later })
      appendMessages(store, job, 1, { digits: digits(job, 3), expiresSeconds: now - 5 })
      appendMessages(store, job, 1, { digits: digits(job, 4), dueSeconds: now - 60, expiresSeconds: later })
      dispatcher.job(jobDispatch(job, 4))
    }
    // Between two steps, also while they are on their way.
    aheadMs.value += STEPS[random.below(STEPS.length)]! > 0 ? 900 : -900
    for (const job of jobs) await harness.until(job, ({ states }) => states[4] === 2 && states[7] === 1)
    const waiting = new Set(jobs.map((job) => digits(job, 2)))
    t.notOk(
      channel.sent.some(({ to }) => waiting.has(to)),
      `jobs from ${first}: nothing is sent before its time`,
    )
    aheadMs.value += 1_803_000
    dispatcher.wake()
    for (const job of jobs) await harness.finished(job)
  }
  const sent = channel.sent.map(({ to }) => to)
  t.equal(new Set(sent).size, sent.length, 'nothing is sent twice')
  t.equal(sent.length, JOBS * 3, 'and nothing whose validity was over')
  const refs = channel.sent.map(({ ref }) => ref)
  t.equal(new Set(refs).size, refs.length, 'ids are unique')
  const first = channel.sent.filter(({ to }) => to.endsWith('1')).map(({ ref }) => ref)
  t.same(
    first,
    [...first].sort((a, b) => a - b),
    'and rise in the order of acceptance, whatever the clock said',
  )
})

t.test('a retry does not wait a day longer because the clock was set back by one', async (t) => {
  const { harness, aheadMs } = await standOf(t)
  let tries = 0
  harness.channel.answer = () => (tries++ === 0 ? OUTCOME.unavailable : OUTCOME.accepted)
  appendMessages(harness.store, 1, 1, { digits: '447700900001' })
  const { dispatcher } = harness
  dispatcher.job(jobDispatch(1, 1))
  await harness.until(1, () => tries === 1)
  aheadMs.value -= DAY
  dispatcher.wake()
  await harness.finished(1)
  t.equal(tries, 2)
})

t.test('a job that is paced sends no faster while the clock is set about', async (t) => {
  const { harness, aheadMs } = await standOf(t)
  const { channel, store, dispatcher } = harness
  const random = new Random(seed + 1)
  const stamps: number[] = []
  channel.answer = () => {
    stamps.push(performance.now())
    aheadMs.value += STEPS[random.below(STEPS.length)]!
    return OUTCOME.accepted
  }
  const rate = 40
  appendMessages(store, 1, 100)
  dispatcher.job(jobDispatch(1, 100, { ratePerSecond: rate }))
  await harness.finished(1)
  t.equal(stamps.length, 100)
  // By the time at which the carrier's answer was made, in the same turn or the one after the sending.
  const span = stamps.at(-1)! - stamps[0]!
  t.ok(span >= ((100 - 1) / rate) * 1_000 * 0.95, `100 messages took ${Math.round(span)} ms`)
})

t.test('each zone and turn: sending hours follow the clock on the wall, forward and back', async (t) => {
  let cases = 0
  let wrong = ''
  const random = new Random(seed + 2)
  for (const timeZone of ZONES) {
    const rule = { days: [1, 2, 3, 4, 5, 6, 7], fromMinute: 8 * 60, toMinute: 21 * 60, timeZone }
    const hours = new SendingHours(rule)
    // Late in March and October, early in April and November: somewhere the clocks are turned there.
    for (const month of [1, 2, 3, 5, 8, 9, 10]) {
      cases++
      let at = Date.UTC(2026, month, 1) + random.below(30 * DAY)
      for (const step of [...STEPS, -DAY, HOUR, -HOUR, 2 * DAY]) {
        at += step
        const asked = hours.at(at)
        const fresh = hoursAt(rule, at)
        if (asked.isOpen !== fresh.isOpen) wrong ||= `${timeZone} at ${new Date(at).toISOString()}`
        if (asked.changesAtMs <= at) wrong ||= `${timeZone}: a change that is over, at ${new Date(at).toISOString()}`
      }
    }
  }
  t.equal(wrong, '')
  t.ok(cases >= 260, `${cases} cases`)
})

/** Answers in memory, as the stores keep them. */
class Answers implements KeptAnswers {
  readonly #kept = new Map<string, KeptAnswer>()
  get(account: string, key: string): KeptAnswer | null {
    return this.#kept.get(`${account} ${key}`) ?? null
  }
  async put(account: string, key: string, kept: KeptAnswer): Promise<void> {
    this.#kept.set(`${account} ${key}`, kept)
  }
  async remove(account: string, key: string): Promise<void> {
    this.#kept.delete(`${account} ${key}`)
  }
  async sweep(): Promise<void> {}
}

t.test('40 kept answers: a key holds for 72 hours, and a clock that goes back loses none', async (t) => {
  let nowMs = Date.UTC(2026, 10, 22)
  const clock = { now: () => nowMs, monotonic: () => 0 }
  const parts = { answers: new Answers(), clock, seal: null as never, revive: async () => null }
  const idempotency = new Idempotency(parts)
  let works = 0
  const ask = (key: string) =>
    idempotency.once({ account: '1', key, fingerprint: 'f' }, async () => ({ work: ++works }))
  for (let n = 0; n < 40; n++) {
    const key = `k${n}`
    const { value } = await ask(key)
    for (const step of [HOUR, -HOUR, -DAY, DAY, 71 * HOUR]) {
      nowMs += step
      t.match(await ask(key), { replayed: true, value }, `${key} after ${step / HOUR} h`)
    }
    nowMs += 2 * HOUR
    t.match(await ask(key), { replayed: false }, 'and is forgotten then')
    nowMs -= 100 * HOUR
  }
})
