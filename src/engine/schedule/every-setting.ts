/** How often a job runs, as customers write it: checked, and brought into the form that is reckoned with. Pure. */
import { NOT_A_TIME, parseTime } from '../base/instant.js'
import { dayOf } from '../base/local-day.js'
import { instantOf, isZone } from '../base/zone.js'
import type { FieldError } from '../contract/errors.js'
import { type Every, type EverySetting, MISSED_POLICIES, type RecurrenceRule } from '../contract/recurrence.js'
import { cronOf, nextInstant } from './recurrence.js'

const MINUTE_MS = 60_000
const DAY_SECONDS = 86_400
const SHORT = /^(\d{1,6})\s*([mhdw])$/
const UNITS = { m: 'minutes', h: 'hours', d: 'days', w: 'weeks' } as const
const STEPS = ['minutes', 'hours', 'days', 'weeks', 'cron'] as const
/** Ten years. */
const STEP_MINUTES_MAX = 10 * 366 * 24 * 60
const MINUTES = { minutes: 1, hours: 60, days: 1_440, weeks: 10_080 } as const
const COUNT_MAX = 1_000_000
const INFINITE = Number.POSITIVE_INFINITY

/** `1d` and a cron line as the whole form; null: neither. */
export function wholeEvery(every: EverySetting): Every | null {
  if (typeof every !== 'string') return every
  const text = every.trim()
  const short = SHORT.exec(text)
  if (short !== null) return { [UNITS[short[2] as keyof typeof UNITS]]: Number(short[1]) }
  return cronOf(text) === null ? null : { cron: text }
}

/** What is wrong with it, by pointers below `pointer`. */
export function* everyErrors(setting: EverySetting, pointer: string): Iterable<FieldError> {
  const every = wholeEvery(setting)
  if (every === null) {
    yield { pointer, message: 'must be a step such as 15m, 2h, 1d or 1w, or a cron line of five fields' }
    return
  }
  yield* stepErrors(every, pointer)
  const { timeZone, until, count, missed } = every
  if (timeZone !== undefined && !isZone(timeZone)) {
    yield { pointer: `${pointer}/timeZone`, message: 'must be an IANA zone such as Europe/London' }
  }
  if (until !== undefined && dayOf(until) === null && parseTime(until) === null) {
    yield { pointer: `${pointer}/until`, message: `must be a day such as 2026-12-31, or ${NOT_A_TIME.slice(8)}` }
  }
  if (count !== undefined && !(Number.isInteger(count) && count >= 1 && count <= COUNT_MAX)) {
    yield { pointer: `${pointer}/count`, message: `must be from 1 to ${COUNT_MAX}` }
  }
  if (missed !== undefined && !MISSED_POLICIES.includes(missed)) {
    yield { pointer: `${pointer}/missed`, message: `must be one of ${MISSED_POLICIES.join(', ')}` }
  }
}

function* stepErrors(every: Every, pointer: string): Iterable<FieldError> {
  const given = STEPS.filter((step) => every[step] !== undefined)
  if (given.length !== 1) {
    yield { pointer, message: `must name one of ${STEPS.join(', ')}` }
    return
  }
  const name = given[0]!
  if (name === 'cron') {
    if (cronOf(every.cron!) === null) {
      const message = 'must be five fields: minute, hour, day of month, month, day of week'
      yield { pointer: `${pointer}/cron`, message }
    }
    return
  }
  const most = Math.floor(STEP_MINUTES_MAX / MINUTES[name])
  const steps = every[name]!
  if (!(Number.isInteger(steps) && steps >= 1 && steps <= most)) {
    yield { pointer: `${pointer}/${name}`, message: `must be a whole number from 1 to ${most}` }
  }
}

/** `timeZone`: where it names none. It must be free of errors. */
export function recurrenceRule(setting: EverySetting, timeZone: string): RecurrenceRule {
  const every = wholeEvery(setting)!
  const zone = every.timeZone ?? timeZone
  return {
    step: stepOf(every, zone),
    untilMs: every.until === undefined ? INFINITE : endOf(every.until, zone),
    count: every.count ?? INFINITE,
    missed: every.missed ?? 'once',
  }
}

function stepOf(every: Every, timeZone: string): RecurrenceRule['step'] {
  const { minutes, hours, days, weeks, cron } = every
  if (cron !== undefined) return { kind: 'cron', cron, timeZone }
  if (minutes !== undefined) return { kind: 'elapsed', stepMs: minutes * MINUTE_MS }
  if (hours !== undefined) return { kind: 'elapsed', stepMs: hours * 60 * MINUTE_MS }
  return { kind: 'days', days: days ?? weeks! * 7, timeZone }
}

/** A day counts to its end. */
function endOf(until: string, timeZone: string): number {
  if (dayOf(until) === null) return parseTime(until)!
  return instantOf(Date.parse(`${until}T00:00:00Z`) / 1000 + DAY_SECONDS, timeZone) * 1000 - 1
}

/** False: it has no run from `fromMs` on, so a job of it would never do anything. */
export function hasRuns(rule: RecurrenceRule, fromMs: number): boolean {
  return nextInstant(rule, fromMs, fromMs - 1) !== null
}
