/** Sending hours against a second calculation: what Intl prints for each minute, over every turn of the clocks of a year. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { type HoursRule, type SendingWindow, WEEKDAYS } from '../src/engine/contract/sending-hours.js'
import { hoursAt, SendingHours } from '../src/engine/schedule/sending-hours.js'
import { hoursRule, hoursView, windowErrors } from '../src/engine/schedule/window-setting.js'
import { seed } from './seed.js'
import { ZONES } from './zones.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

class Wall {
  readonly #format: Intl.DateTimeFormat
  constructor(timeZone: string) {
    const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone, weekday: 'short', day: 'numeric', ...time })
  }
  /** `Mon 29 01:30` in words, as somebody there reads it. */
  at(ms: number): { weekday: string; minute: number } {
    const parts = Object.fromEntries(this.#format.formatToParts(ms).map(({ type, value }) => [type, value]))
    return { weekday: parts.weekday!.toLowerCase(), minute: Number(parts.hour) * 60 + Number(parts.minute) }
  }
}

/** Straight from the words of the setting. */
function isOpenBySight(
  { days, fromMinute, toMinute }: HoursRule,
  { weekday, minute }: ReturnType<Wall['at']>,
): boolean {
  const day = WEEKDAYS.indexOf(weekday as never) + 1
  const before = day === 1 ? 7 : day - 1
  if (fromMinute < toMinute) return days.includes(day) && minute >= fromMinute && minute < toMinute
  return (days.includes(day) && minute >= fromMinute) || (days.includes(before) && minute < toMinute)
}

function rulesOf(timeZone: string, random: Random): HoursRule[] {
  const rules: HoursRule[] = [
    { days: [1, 2, 3, 4, 5, 6, 7], fromMinute: 9 * 60, toMinute: 20 * 60, timeZone },
    // Over midnight, and with its edges in the hours that clocks skip or show twice.
    { days: [5, 6], fromMinute: 22 * 60, toMinute: 2 * 60 + 30, timeZone },
    { days: [6, 7], fromMinute: 90, toMinute: 150, timeZone },
  ]
  const days = [1, 2, 3, 4, 5, 6, 7].filter(() => random.below(2) === 0)
  const fromMinute = random.below(1_440)
  const toMinute = (fromMinute + 1 + random.below(1_439)) % 1_440
  rules.push({ days: days.length > 0 ? days : [7], fromMinute, toMinute: toMinute || 1_440, timeZone })
  return rules
}

/** Hours of the year in which the offset of the zone becomes another one. */
function turnsOf(wall: Wall, year: number): number[] {
  const turns: number[] = []
  const start = Date.UTC(year, 0, 1)
  let before = wall.at(start).minute
  for (let at = start + HOUR; at < start + 366 * DAY; at += HOUR) {
    const { minute } = wall.at(at)
    if ((minute - before + 1_440) % 1_440 !== 60) turns.push(at)
    before = minute
  }
  return turns
}

t.test('each minute about each turn of the clocks, in all zones', async (t) => {
  const random = new Random(seed)
  let turns = 0
  let wrong = ''
  for (const zone of ZONES) {
    const wall = new Wall(zone)
    const found = turnsOf(wall, 2026)
    turns += found.length
    for (const turn of [...found, Date.UTC(2026, 5, 27, 12)]) {
      const minutes = Array.from({ length: 8 * 60 }, (_, n) => turn - 5 * HOUR + n * MINUTE)
      const sights = minutes.map((at) => wall.at(at))
      for (const rule of rulesOf(zone, random)) wrong ||= firstWrong(rule, minutes, sights)
    }
  }
  t.equal(wrong, '')
  t.ok(ZONES.length >= 40 && turns >= 50, `${turns} turns in ${ZONES.length} zones`)
})

/** '' when every minute is answered as it is seen, and each change is told to the minute before it comes. */
function firstWrong(rule: HoursRule, minutes: number[], sights: ReturnType<Wall['at']>[]): string {
  const hours = new SendingHours(rule)
  for (let n = 0; n + 1 < minutes.length; n++) {
    const at = minutes[n]! + (n % 60) * 1_000
    const { isOpen, changesAtMs } = hours.at(at)
    const seen = isOpenBySight(rule, sights[n]!)
    const next = isOpenBySight(rule, sights[n + 1]!)
    const about = `${JSON.stringify(rule)} at ${new Date(at).toISOString()}`
    if (isOpen !== seen) return `${about}: ${isOpen}`
    if (next !== seen && changesAtMs !== minutes[n + 1]) return `${about}: changes at ${changesAtMs}`
    if (next === seen && changesAtMs <= minutes[n + 1]!) return `${about}: does not change at ${changesAtMs}`
  }
  return ''
}

t.test('from change to change through a year, nothing is left out', async (t) => {
  const random = new Random(seed + 1)
  for (const zone of ZONES) {
    const wall = new Wall(zone)
    for (const rule of rulesOf(zone, random).slice(1)) {
      const end = Date.UTC(2027, 0, 1)
      let changes = 0
      for (let at = Date.UTC(2026, 0, 1); at < end; changes++) {
        const { isOpen, changesAtMs } = hoursAt(rule, at)
        const between = at + Math.floor((random.next() * (changesAtMs - at)) / 1000) * 1000
        const isRight =
          isOpenBySight(rule, wall.at(between)) === isOpen && isOpenBySight(rule, wall.at(changesAtMs)) !== isOpen
        if (!isRight) t.fail(`${JSON.stringify(rule)} from ${new Date(at).toISOString()}`)
        at = changesAtMs
      }
      if (changes < 100) t.fail(`${JSON.stringify(rule)}: ${changes} changes in a year`)
    }
  }
  t.pass('as seen')
})

t.test('hours that never end never change, and a day that the calendar left out is waited over', async (t) => {
  const always = hoursRule({ from: '00:00', to: '24:00' }, { job: 'Europe/London', account: 'UTC' })
  t.same(hoursAt(always, Date.UTC(2026, 9, 25)), { isOpen: true, changesAtMs: Number.POSITIVE_INFINITY })
  // Apia had no Friday 30 December 2011: the Friday before it is followed by that of the next year.
  const fridays = hoursRule({ days: ['fri'], from: '09:00', to: '10:00' }, { job: 'Pacific/Apia', account: 'UTC' })
  const after = hoursAt(fridays, Date.UTC(2011, 11, 24))
  t.same(after, { isOpen: false, changesAtMs: Date.UTC(2012, 0, 5, 19) })
})

t.test('a clock that is set back is asked anew', async (t) => {
  const hours = new SendingHours(hoursRule({ from: '09:00', to: '10:00' }, { job: 'UTC', account: 'UTC' }))
  const noon = Date.UTC(2026, 6, 1, 12)
  t.equal(hours.at(noon).isOpen, false)
  t.equal(hours.at(noon - 2.5 * HOUR).isOpen, true)
  t.equal(hours.at(noon).isOpen, false)
})

t.test('settings are read in all their forms, shown in one, and refused by field', async (t) => {
  const rule = hoursRule({ days: [0, 'fri', 5, 1], from: '9:05', to: '00:00' }, { job: 'Europe/Paris', account: 'UTC' })
  t.same(rule, { days: [1, 5, 7], fromMinute: 545, toMinute: 1_440, timeZone: 'Europe/Paris' })
  t.match(hoursView(rule, 'job', { nowMs: Date.UTC(2026, 6, 3, 10), whose: null }), {
    ...{ days: ['mon', 'fri', 'sun'], from: '09:05', to: '24:00', timeZone: 'Europe/Paris' },
    ...{ source: 'job', open: true, changesAt: '2026-07-03T22:00:00.000Z' },
  })
  const wrong: SendingWindow = { days: ['mon', 8, 'mo' as never], from: '24:00', to: '9', timeZone: 'Mars/Base' }
  t.same(
    [...windowErrors(wrong, '/window')].map(({ pointer }) => pointer),
    ['/window/from', '/window/to', '/window/days/1', '/window/days/2', '/window/timeZone'],
  )
  t.same(
    [...windowErrors({ from: '09:00', to: '09:00' }, '')].map(({ pointer }) => pointer),
    ['/to'],
  )
  t.same(
    [...windowErrors({ days: [], from: '09:00', to: '08:00' }, '')].map(({ pointer }) => pointer),
    ['/days'],
  )
})
