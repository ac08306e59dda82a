/** When rules are due: durations, days on the clock of a zone against an independent calendar, and what is too late. */
import { DateTime } from 'luxon'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { RuleLate, RuleWhen } from '../src/engine/contract/rule-events.js'
import { type Due, dueOf } from '../src/engine/events/due.js'
import { parseDuration } from '../src/engine/events/duration.js'
import { seed } from './seed.js'

const HOUR = 3_600_000
const atMs = Date.UTC(2026, 11, 1, 9, 30)

function due(when: RuleWhen, knownMs: number, late: RuleLate = 'send', timeZone = 'Europe/London'): Due {
  return dueOf({ when, late }, { atMs, knownMs, timeZone })
}

t.test('durations are read as they are written', async (t) => {
  const read = {
    '90m': 90 * 60_000,
    '24h': 24 * HOUR,
    '2d': 48 * HOUR,
    '1h30m': 1.5 * HOUR,
    '1w 1s': 604_801_000,
    '0m': 0,
  }
  for (const [text, ms] of Object.entries(read)) t.equal(parseDuration(text), ms, text)
  for (const text of ['', '24', 'h', '-1h', '1.5h', '1h, 2m', '99999d', 'P1D']) t.equal(parseDuration(text), null, text)
})

t.test('spans are exact; at once is when the event becomes known', async (t) => {
  t.same(due({ before: '24h' }, 0), { nominalMs: atMs - 24 * HOUR, dueMs: atMs - 24 * HOUR })
  t.same(due({ after: '2h' }, 0), { nominalMs: atMs + 2 * HOUR, dueMs: atMs + 2 * HOUR })
  t.same(due('at once', 1_000), { nominalMs: 0, dueMs: 1_000 })
})

t.test(`a time of day before or after is that on the wall of 12 zones, all year; seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const zones = ['Europe/London', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'Africa/Casablanca']
  zones.push(
    'America/Sao_Paulo',
    'Pacific/Chatham',
    'Asia/Tehran',
    'America/St_Johns',
    'UTC',
    'Pacific/Apia',
    'Asia/Gaza',
  )
  let compared = 0
  for (let run = 0; run < 3_000; run++) {
    const timeZone = zones[random.below(zones.length)]!
    const moment = Date.UTC(2026, 0, 1) + random.below(365 * 24 * 60) * 60_000
    const days = random.below(4)
    const [hour, minute] = [random.below(24), random.below(60)]
    const at = `${hour}:${String(minute).padStart(2, '0')}`
    const when = run % 2 === 0 ? { daysBefore: days, at } : { daysAfter: days, at, timeZone }
    const { nominalMs } = dueOf({ when, late: 'send' }, { atMs: moment, knownMs: 0, timeZone })
    const day = DateTime.fromMillis(moment, { zone: timeZone }).startOf('day')
    const wanted = day.plus({ days: run % 2 === 0 ? -days : days }).set({ hour, minute })
    // What the clocks skip or show twice the two calendars may read differently, within the turn.
    const isPlain = wanted.hour === hour && wanted.minute === minute && wanted.getPossibleOffsets().length === 1
    if (!isPlain) continue
    compared++
    if (nominalMs !== wanted.toMillis())
      t.fail(`${timeZone} ${wanted.toISO()} is not ${new Date(nominalMs).toISOString()}`)
  }
  t.ok(compared > 2_900)
})

t.test('what is over is sent at once while that makes sense, or not, as the rule says', async (t) => {
  const before: RuleWhen = { before: '24h' }
  const known = atMs - 20 * HOUR
  t.equal(due(before, known).dueMs, known, 'the event has not begun')
  t.equal(due(before, known, 'skip').dueMs, null)
  t.equal(due(before, known, { within: '4h' }).dueMs, known)
  t.equal(due(before, known, { within: '3h' }).dueMs, null)
  t.equal(due(before, atMs + 1_000).dueMs, null, 'it has')
  t.equal(due(before, atMs + 1_000, { within: '9d' }).dueMs, null)
  t.equal(due(before, atMs - 24 * HOUR + 30_000, 'skip').dueMs, atMs - 24 * HOUR + 30_000, 'half a minute is in time')
  const after: RuleWhen = { after: '2h' }
  t.equal(due(after, atMs + 20 * HOUR).dueMs, atMs + 20 * HOUR)
  t.equal(due(after, atMs + 27 * HOUR).dueMs, null, 'more than a day late')
  t.equal(due(after, atMs + 27 * HOUR, { within: '2d' }).dueMs, atMs + 27 * HOUR)
  t.equal(due('at once', atMs + 99 * HOUR).dueMs, atMs + 99 * HOUR)
  t.equal(due('at once', atMs + 99 * HOUR, 'skip').dueMs, null)
  t.equal(due('at once', atMs - 99 * HOUR, 'skip').dueMs, atMs - 99 * HOUR, 'told of ahead')
})
