/** A year of recurrences in 40 zones against luxon and rrule, which know nothing of each other's or our calendar. */
import { DateTime } from 'luxon'
import rrule from 'rrule'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { Every, RecurrenceRule } from '../src/engine/contract/recurrence.js'
import { everyErrors, hasRuns, recurrenceRule, wholeEvery } from '../src/engine/schedule/every-setting.js'
import { nextInstant, passedBy } from '../src/engine/schedule/recurrence.js'
import { seed } from './seed.js'
import { ZONES } from './zones.js'

const { RRule } = rrule
t.setTimeout(580_000)
const MINUTE = 60_000
const DAY = 86_400_000
const YEAR = 2026

/** By luxon: a wall time that clocks show twice is the first of the two, one that they skip moves forward by the gap. */
function instantBySight(wall: Date, zone: string): number {
  const [year, month, day] = [wall.getUTCFullYear(), wall.getUTCMonth() + 1, wall.getUTCDate()]
  const shown = { year, month, day, hour: wall.getUTCHours(), minute: wall.getUTCMinutes() }
  const local = DateTime.fromObject(shown, { zone })
  const twins = local.getPossibleOffsets().map((one) => one.toMillis())
  return Math.min(...twins)
}

function allRuns(rule: RecurrenceRule, anchorMs: number, endMs: number): number[] {
  const found: number[] = []
  for (let at = nextInstant(rule, anchorMs, anchorMs - 1); at !== null && at < endMs; ) {
    found.push(at)
    at = nextInstant(rule, anchorMs, at)
  }
  return found
}

/** In order, and where two fall together one. */
function distinct(instants: number[]): number[] {
  return [...new Set(instants)].sort((a, b) => a - b)
}

/** Wall times as rrule lists them: it reckons in UTC alone. */
function wallsByRule(options: object, from: Date, to: Date): Date[] {
  return new RRule({ dtstart: from, bysecond: [0], ...options }).between(from, to, true)
}

const [JAN, END] = [Date.UTC(YEAR, 0, 1), Date.UTC(YEAR + 1, 0, 1)]
const TIMES = [9 * 60, 0, 30, 90, 120, 121, 150, 179, 180, 23 * 60 + 45]

t.test('days and weeks: a year of them, in every zone, at hours that clocks skip and show twice', async (t) => {
  let turn = 0
  let runs = 0
  let wrong = ''
  for (const zone of ZONES) {
    // Each zone takes every other time of day.
    for (const [index, minute] of TIMES.entries()) {
      if (++turn % 3 !== 0) continue
      const every: Every = index % 2 === 0 ? { days: 1 + (index % 3) } : { weeks: 1 }
      const days = every.days ?? 7
      const begin = new Date(JAN + minute * MINUTE)
      const rule = recurrenceRule(every, zone)
      const anchorMs = instantBySight(begin, zone)
      const walls = wallsByRule({ freq: RRule.DAILY, interval: days }, begin, new Date(END + 2 * DAY))
      const expected = distinct(walls.map((wall) => instantBySight(wall, zone))).filter((at) => at < END)
      const found = allRuns(rule, anchorMs, END)
      runs += found.length
      wrong ||= difference(`${zone} ${minute} ${days}`, found, expected)
    }
  }
  t.equal(wrong, '')
  t.ok(ZONES.length >= 40 && runs > 40 * 200, `${runs} runs in ${ZONES.length} zones`)
})

const LINES: [cron: string, options: object][] = [
  ['0 9 * * 1-5', { freq: RRule.WEEKLY, byweekday: [0, 1, 2, 3, 4], byhour: [9], byminute: [0] }],
  ['30 1 * * *', { freq: RRule.DAILY, byhour: [1], byminute: [30] }],
  ['30 2 * * 0', { freq: RRule.WEEKLY, byweekday: [6], byhour: [2], byminute: [30] }],
  ['15,45 0-3 * * 0', { freq: RRule.WEEKLY, byweekday: [6], byhour: [0, 1, 2, 3], byminute: [15, 45] }],
  ['0 0 1 * *', { freq: RRule.MONTHLY, bymonthday: [1], byhour: [0], byminute: [0] }],
  ['0 12 29-31 * *', { freq: RRule.DAILY, bymonthday: [29, 30, 31], byhour: [12], byminute: [0] }],
]

t.test('cron lines: a year of them, in every zone', async (t) => {
  let turn = 0
  let runs = 0
  let wrong = ''
  for (const zone of ZONES) {
    // Working days in each zone, and one of the other lines.
    for (const [index, [cron, options]] of LINES.entries()) {
      if (index > 0 && ++turn % 6 !== 0) continue
      const anchorMs = instantBySight(new Date(JAN), zone)
      const walls = wallsByRule(options, new Date(JAN - DAY), new Date(END + 2 * DAY))
      const expected = distinct(walls.map((wall) => instantBySight(wall, zone))).filter(
        (at) => at >= anchorMs && at < END,
      )
      const found = allRuns(recurrenceRule(cron, zone), anchorMs, END)
      runs += found.length
      wrong ||= difference(`${zone} ${cron}`, found, expected)
    }
  }
  t.equal(wrong, '')
  t.ok(runs > 40 * 261, `${runs} runs`)
})

function difference(about: string, found: number[], expected: number[]): string {
  const at = expected.findIndex((one, index) => one !== found[index])
  if (at < 0 && found.length === expected.length) return ''
  const text = (ms: number | undefined) => (ms === undefined ? 'none' : new Date(ms).toISOString())
  const n = at < 0 ? expected.length : at
  return `${about}: run ${n} is ${text(found[n])}, expected ${text(expected[n])}`
}

t.test('what people asked for: nine in the morning in Berlin stays nine, two thirty comes when it can', async (t) => {
  const daily = recurrenceRule('1d', 'Europe/Berlin')
  const nine = allRuns(daily, Date.parse('2026-03-27T09:00:00+01:00'), Date.parse('2026-03-31T00:00:00Z'))
  t.same(
    nine.map((at) => new Date(at).toISOString()),
    ['2026-03-27T08:00:00.000Z', '2026-03-28T08:00:00.000Z', '2026-03-29T07:00:00.000Z', '2026-03-30T07:00:00.000Z'],
  )
  const skipped = nextInstant(recurrenceRule('30 2 * * *', 'Europe/Berlin'), 0, Date.parse('2026-03-28T12:00:00Z'))
  t.equal(new Date(skipped!).toISOString(), '2026-03-29T01:30:00.000Z', 'half past two is skipped: half past three')
  const twice = recurrenceRule('30 2 * * *', 'Europe/Berlin')
  const first = nextInstant(twice, 0, Date.parse('2026-10-24T12:00:00Z'))!
  t.equal(new Date(first).toISOString(), '2026-10-25T00:30:00.000Z', 'shown twice: the first counts')
  t.equal(new Date(nextInstant(twice, 0, first)!).toISOString(), '2026-10-26T01:30:00.000Z', 'and only the first')
  const hourly = allRuns(
    recurrenceRule('1h', 'Europe/Berlin'),
    Date.parse('2026-10-24T22:00:00Z'),
    Date.parse('2026-10-25T04:00:00Z'),
  )
  t.equal(hourly.length, 6, 'hours are hours, whatever the clocks do')
})

t.test(`what is next is next, wherever it is asked from; seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const settings: (string | Every)[] = ['7m', '5h', '1d', '2w', '*/20 1-3 * * *', '0 9 * * 1-5', { days: 3 }]
  let wrong = ''
  for (let n = 0; n < 300; n++) {
    const zone = ZONES[random.below(ZONES.length)]!
    const anchorMs = JAN + random.below(365 * 1_440) * MINUTE + random.below(60_000)
    const rule = recurrenceRule(settings[random.below(settings.length)]!, zone)
    const afterMs = anchorMs + random.below(20 * 1_440) * MINUTE
    const next = nextInstant(rule, anchorMs, afterMs)!
    const again = nextInstant(rule, anchorMs, next - 1)
    const { count, lastMs } = passedBy(rule, anchorMs, { firstMs: next, nowMs: next + 3 * DAY })
    const all = allRuns(rule, anchorMs, next + 3 * DAY + 1).filter((at) => at >= next)
    if (next <= afterMs || again !== next)
      wrong ||= `${zone} ${JSON.stringify(rule)} after ${afterMs}: ${next} ${again}`
    if (all.length !== count || all.at(-1) !== lastMs)
      wrong ||= `${zone} ${JSON.stringify(rule)}: ${count} of ${all.length} passed`
  }
  t.equal(wrong, '')
})

t.test('many times that passed are counted to a thousand, and the last of them is found', async (t) => {
  const rule = recurrenceRule('*/5 * * * *', 'Europe/Berlin')
  const firstMs = nextInstant(rule, JAN, JAN - 1)!
  const passed = passedBy(rule, JAN, { firstMs, nowMs: END + 61_000 })
  t.same(passed, { count: 1_000, lastMs: END })
})

t.test('a rule ends with its day, its time or never begins', async (t) => {
  const at = (text: string) => Date.parse(text)
  const until = recurrenceRule({ days: 1, until: '2026-03-29' }, 'Europe/Berlin')
  const runs = allRuns(until, at('2026-03-28T23:30:00+01:00'), END)
  t.same(runs, [at('2026-03-28T23:30:00+01:00'), at('2026-03-29T23:30:00+02:00')], 'the day counts to its end there')
  const exact = recurrenceRule({ hours: 1, until: '2026-01-01T02:00:00Z' }, 'UTC')
  t.equal(allRuns(exact, JAN, END).length, 3, 'a time is inclusive')
  t.notOk(hasRuns(recurrenceRule('0 9 31 2 *', 'UTC'), JAN), 'the 31st of February')
  t.ok(hasRuns(recurrenceRule('0 9 29 2 *', 'UTC'), JAN))
  t.notOk(hasRuns(recurrenceRule({ days: 1, until: '2025-12-31' }, 'UTC'), JAN))
})

t.test('what is written in another way is refused where it is wrong', async (t) => {
  const pointers = (every: unknown) => [...everyErrors(every as Every, '/every')].map(({ pointer }) => pointer)
  t.same(wholeEvery('15m'), { minutes: 15 })
  t.same(wholeEvery(' 2 w '), { weeks: 2 })
  t.same(wholeEvery('0 9 * * 1-5'), { cron: '0 9 * * 1-5' })
  for (const good of [
    '1d',
    { hours: 24 },
    { cron: '@daily' },
    { weeks: 1, until: '2026-12-31', count: 5, missed: 'skip' },
  ]) {
    t.same(pointers(good), [], JSON.stringify(good))
  }
  for (const [bad, pointer] of [
    ['soon', '/every'],
    ['0 0 9 * * 1', '/every'],
    [{}, '/every'],
    [{ days: 1, hours: 1 }, '/every'],
    [{ minutes: 0 }, '/every/minutes'],
    [{ minutes: 1.5 }, '/every/minutes'],
    [{ cron: '61 * * * *' }, '/every/cron'],
    [{ days: 1, timeZone: 'Mars/Base' }, '/every/timeZone'],
    [{ days: 1, until: '2026-02-30' }, '/every/until'],
    [{ days: 1, until: 'tomorrow' }, '/every/until'],
    [{ days: 1, count: 0 }, '/every/count'],
    [{ days: 1, missed: 'all' }, '/every/missed'],
  ] as const) {
    t.same(pointers(bad), [pointer], JSON.stringify(bad))
  }
})
