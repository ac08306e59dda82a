/**
 * P9, hours in the recipients' own zones, decided when a message is sent: a dispatcher with a clock that the test moves over
 * the turns of the clocks in forty zones, and what luxon reads there at each hand-over.
 */
import { DateTime } from 'luxon'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { type OutgoingMessage, STATE } from '../src/engine/contract/message.js'
import type { HoursRule } from '../src/engine/contract/sending-hours.js'
import { zoneSet, zonesOfNumber } from '../src/engine/phone/zones.js'
import { RecipientHours } from '../src/engine/schedule/recipient-hours.js'
import { hoursAt } from '../src/engine/schedule/sending-hours.js'
import { BlockBuilder } from '../src/engine/store/block.js'
import type { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { jobDispatch, record, ScriptedChannel, startDispatcher, tempDir } from './dispatch-harness.js'
import { seed } from './seed.js'
import { ZONES } from './zones.js'

t.setTimeout(580_000)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]

function rule(fromMinute: number, toMinute: number, days = EVERY_DAY): HoursRule {
  return { days, fromMinute, toMinute, timeZone: 'UTC', byRecipient: true }
}

/** Straight from the words of the setting. */
function isOpenBySight({ days, fromMinute, toMinute }: HoursRule, zone: string, atMs: number): boolean {
  const { hour, minute, weekday } = DateTime.fromMillis(atMs, { zone })
  const shown = hour * 60 + minute
  if (fromMinute < toMinute) return days.includes(weekday) && shown >= fromMinute && shown < toMinute
  const before = weekday === 1 ? 7 : weekday - 1
  return (days.includes(weekday) && shown >= fromMinute) || (days.includes(before) && shown < toMinute)
}

t.test('numbers are where their prefix says, in one of several zones, or nobody knows', async (t) => {
  for (const [number, zones] of [
    ['4915112345678', ['Europe/Berlin']],
    ['447712345678', ['Europe/London']],
    ['12125550123', ['America/New_York']],
    ['13105550123', ['America/Los_Angeles']],
    ['16025550123', ['America/Phoenix']],
    ['14165550123', ['America/Toronto']],
    ['819012345678', ['Asia/Tokyo']],
    ['919812345678', ['Asia/Kolkata']],
  ] as const) {
    t.same(zonesOfNumber(number).zones, zones, number)
  }
  for (const [number, first, last] of [
    ['79161234567', 'Europe/Kaliningrad', 'Asia/Anadyr'],
    ['61412345678', 'Australia/Perth', 'Australia/Sydney'],
    ['18005550123', 'Pacific/Honolulu', 'America/St_Johns'],
    ['34612345678', 'Atlantic/Canary', 'Europe/Madrid'],
  ] as const) {
    const { zones, isKnown } = zonesOfNumber(number)
    t.ok(isKnown && zones.includes(first) && zones.includes(last), `${number}: ${zones}`)
  }
  t.notOk(zonesOfNumber('881612345678').isKnown, 'a satellite phone may be anywhere')
  t.equal(zoneSet('Mars/Base'), null)
  t.equal(zoneSet('europe/berlin'), zoneSet('Europe/Berlin'), 'one set for one zone, however it is written')
})

t.test(`hours that several zones share; seed ${seed}`, async (t) => {
  const random = new Random(seed)
  let wrong = ''
  for (let n = 0; n < 60; n++) {
    const zones = Array.from({ length: 1 + random.below(4) }, () => ZONES[random.below(ZONES.length)]!)
    const set = { zones, isKnown: true }
    const own = rule(random.below(24) * 60, (random.below(24) + 1) * 60, n % 3 === 0 ? [1, 2, 3, 4, 5] : EVERY_DAY)
    if (own.fromMinute === own.toMinute) continue
    const hours = new RecipientHours(own)
    const isOpenAt = (atMs: number) => zones.every((timeZone) => hoursAt({ ...own, timeZone }, atMs).isOpen)
    let atMs = Date.UTC(2026, 2, 26) + random.below(400) * HOUR
    for (let step = 0; step < 12; step++) {
      const { isOpen, changesAtMs } = hours.at(set, atMs)
      if (isOpen !== zones.every((zone) => isOpenBySight(own, zone, atMs))) wrong ||= `${zones} ${atMs}`
      if (!Number.isFinite(changesAtMs)) break
      if (isOpenAt(changesAtMs) === isOpen || isOpenAt(changesAtMs - 1) !== isOpen) wrong ||= `${zones} ${changesAtMs}`
      const between = atMs + random.below(changesAtMs - atMs)
      if (hours.at(set, between).isOpen !== isOpen) wrong ||= `${zones} between ${between}`
      atMs = changesAtMs
    }
  }
  t.equal(wrong, '')
})

interface Stamp {
  from: string
  digits: string
  atMs: number
}

/** Notes when each message was handed over; its sender names the job. */
class StampingChannel extends ScriptedChannel {
  readonly stamps: Stamp[] = []
  now: () => number = Date.now
  override send(message: OutgoingMessage): boolean {
    const { from, bytes, toStart, toLength } = message
    const isSent = super.send(message)
    if (isSent) this.stamps.push({ from, digits: bytes.latin1Slice(toStart, toStart + toLength), atMs: this.now() })
    return isSent
  }
}

const PER_BLOCK = 3

function append(store: LmdbStore, job: number, from: string, groups: { zone: string; digits: string[] }[]): number {
  const blocks = groups.map(({ zone, digits }) => {
    const builder = new BlockBuilder({ job, account: 1, route: 1, from, zone, createdSeconds: 1, range: null })
    for (const [n, one] of digits.entries()) builder.add(record(n, { digits: one }))
    return builder.seal(store.numbers.take())
  })
  store.append({ job, blocks, range: null })
  return groups.reduce((sum, { digits }) => sum + digits.length, 0)
}

/** Numbers that tell of which zone they are, where the zone is named. */
const named = ZONES.map((zone, index) => ({
  zone,
  digits: Array.from({ length: PER_BLOCK }, (_, n) => `4477000${String(index).padStart(2, '0')}${n}`),
}))
/** All in one block, and what must be open for each. */
const NUMBERS: Record<string, string[]> = {
  '12125550101': ['America/New_York'],
  '13105550102': ['America/Los_Angeles'],
  '4915112345603': ['Europe/Berlin'],
  '819012345604': ['Asia/Tokyo'],
  '61412345605': ['Australia/Perth', 'Australia/Sydney', 'Australia/Darwin'],
  '34612345606': ['Europe/Madrid', 'Atlantic/Canary'],
  '6421123457': ['Pacific/Auckland', 'Pacific/Chatham'],
  '56912345608': ['America/Santiago', 'Pacific/Easter'],
}

/** Days on which clocks turn somewhere: forward and back, north and south. */
for (const [about, start] of [
  ['clocks go forward in Europe', '2026-03-28T12:00:00Z'],
  ['and back', '2026-10-24T12:00:00Z'],
  ['forward in America', '2026-03-07T12:00:00Z'],
  ['back in America', '2026-10-31T12:00:00Z'],
  ['back in the south', '2026-04-04T00:00:00Z'],
] as const) {
  t.test(`nothing leaves outside the recipients' hours where ${about}`, async (t) => {
    const morning = rule(9 * 60, 20 * 60)
    const night = rule(90, 210)
    const startMs = Date.parse(start)
    const aheadMs = { value: startMs - Date.now() }
    const laterMs = { value: 0 }
    let channel!: StampingChannel
    const total = ZONES.length * PER_BLOCK
    const harness = await startDispatcher({
      dataDir: tempDir(t),
      aheadMs,
      laterMs,
      jobs: [
        jobDispatch(1, total, { hours: morning }),
        jobDispatch(2, total, { hours: night }),
        jobDispatch(3, Object.keys(NUMBERS).length, { hours: morning }),
      ],
      before: (store) => {
        append(store, 1, 'MORNING', named)
        append(store, 2, 'NIGHT', named)
        append(store, 3, 'NUMBERS', [{ zone: '', digits: Object.keys(NUMBERS) }])
      },
      makeChannel: (sink) => {
        channel = new StampingChannel('test', sink)
        channel.now = () => Date.now() + aheadMs.value
        return channel
      },
    })
    const { dispatcher } = harness
    const done = Promise.all([1, 2, 3].map((job) => harness.finished(job)))
    let isDone = false
    done.then(() => {
      isDone = true
    })
    for (let step = 1; !isDone && step <= 4 * 60; step++) {
      aheadMs.value = startMs + step * 15 * MINUTE - Date.now()
      // What waits for a turn of its own gets one.
      for (let turn = 0; turn < 6; turn++) {
        laterMs.value += 60
        dispatcher.wake()
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    aheadMs.value += 2 * DAY
    while (!isDone) {
      aheadMs.value += 15 * MINUTE
      dispatcher.wake()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const zonesOf = ({ digits }: Stamp): string[] => NUMBERS[digits] ?? [ZONES[Number(digits.slice(7, 9))]!]
    const hours = { MORNING: morning, NIGHT: night, NUMBERS: morning }
    const wrong = channel.stamps.find((stamp) =>
      zonesOf(stamp).some((zone) => !isOpenBySight(hours[stamp.from as keyof typeof hours], zone, stamp.atMs)),
    )
    t.equal(wrong && `${JSON.stringify(wrong)} ${new Date(wrong.atMs).toISOString()} ${zonesOf(wrong)}`, undefined)
    t.equal(channel.stamps.length, 2 * total + Object.keys(NUMBERS).length, 'each once')
    t.equal(new Set(channel.stamps.map(({ from, digits }) => from + digits)).size, channel.stamps.length)
    await harness.abandon()
  })
}

t.test(
  'what waits for a far morning lies in the queue as scheduled, also after a restart, and heeds a change',
  async (t) => {
    const dataDir = tempDir(t)
    const noon = Math.ceil(Date.now() / DAY) * DAY + DAY / 2
    const aheadMs = { value: noon - Date.now() }
    // Noon in UTC: ten at night in Auckland or later, and never the same hour in London.
    const hours = rule(8 * 60, 18 * 60)
    const groups = [
      { zone: 'Pacific/Auckland', digits: ['6421000001', '6421000002'] },
      { zone: 'Europe/London', digits: ['447700000001'] },
    ]
    const job = (change = {}) => jobDispatch(1, 3, { hours, ...change })
    const first = await startDispatcher({
      dataDir,
      aheadMs,
      jobs: [job()],
      before: (store) => {
        append(store, 1, 'TEST', groups)
      },
    })
    await first.until(1, ({ states }) => states[STATE.delivered] === 1 && states[STATE.scheduled] === 2)
    t.same(
      first.channel.sent.map(({ to }) => to),
      ['447700000001'],
    )
    await first.abandon()

    const second = await startDispatcher({ dataDir, aheadMs, jobs: [job()], firstId: 100 })
    await second.until(1, ({ states }) => states[STATE.scheduled] === 2)
    t.equal(second.channel.count, 0)
    second.dispatcher.job(job({ hours: { ...hours, byRecipient: undefined, fromMinute: 0, toMinute: 1_440 } }))
    await second.finished(1)
    t.same(
      second.channel.sent.map(({ to }) => to).sort(),
      groups[0]!.digits,
      'hours of no recipient let them go at once',
    )
    await second.abandon()
  },
)

t.test('what waits for a far morning is canceled with its job', async (t) => {
  const noon = Math.ceil(Date.now() / DAY) * DAY + DAY / 2
  const aheadMs = { value: noon - Date.now() }
  const hours = rule(8 * 60, 18 * 60)
  const harness = await startDispatcher({
    dataDir: tempDir(t),
    aheadMs,
    jobs: [jobDispatch(1, 2, { hours })],
    before: (store) => {
      append(store, 1, 'TEST', [{ zone: 'Pacific/Auckland', digits: ['6421000001', '6421000002'] }])
    },
  })
  await harness.until(1, ({ states }) => states[STATE.scheduled] === 2)
  harness.dispatcher.job(jobDispatch(1, 2, { hours, state: 'canceled' }))
  await harness.finished(1)
  const { states } = harness.progress.get(1)!
  t.equal(states[STATE.canceled], 2)
  t.equal(harness.channel.count, 0)
  t.same([...harness.environment.queue.getKeys({})], [], 'nothing is left in the queue')
  await harness.abandon()
})

t.test('a message whose validity ends before its morning expires', async (t) => {
  const noon = Math.ceil(Date.now() / DAY) * DAY + DAY / 2
  const aheadMs = { value: noon - Date.now() }
  const harness = await startDispatcher({
    dataDir: tempDir(t),
    aheadMs,
    jobs: [jobDispatch(1, 2, { hours: rule(8 * 60, 18 * 60) })],
    before: (store) => {
      const head = { job: 1, account: 1, route: 1, from: 'TEST', zone: 'Pacific/Auckland', createdSeconds: 1 }
      const builder = new BlockBuilder({ ...head, range: null })
      const expiresSeconds = Math.floor((noon + HOUR) / 1000)
      builder.add(record(1, { expiresSeconds }))
      builder.add(record(2, { expiresSeconds: expiresSeconds + 30 }))
      store.append({ job: 1, blocks: [builder.seal(store.numbers.take())], range: null })
    },
  })
  await harness.until(1, ({ states }) => states[STATE.scheduled] === 2)
  aheadMs.value += HOUR + MINUTE
  harness.dispatcher.wake()
  await harness.finished(1)
  t.equal(harness.progress.get(1)!.states[STATE.expired], 2)
  await harness.abandon()
})
