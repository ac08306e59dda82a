/** Sending hours as customers write them: checked, brought into the form that is reckoned with, and shown again. Pure. */
import { isZone } from '../base/zone.js'
import type { FieldError } from '../contract/errors.js'
import {
  ACCOUNT_ZONE,
  type HoursRule,
  RECIPIENT_ZONE,
  type SendingHoursView,
  type SendingWindow,
  WEEKDAYS,
  type Weekday,
} from '../contract/sending-hours.js'
import { recipientHours, type WhoseHours } from './recipient-hours.js'
import { hoursAt } from './sending-hours.js'

const TIME = /^(\d{1,2}):(\d\d)$/
const DAY_MINUTES = 1_440

/** Minutes from midnight; -1: no time of day. */
function minutesOf(text: string): number {
  const found = TIME.exec(text)
  if (found === null) return -1
  const minutes = Number(found[1]) * 60 + Number(found[2])
  return Number(found[2]) < 60 && minutes <= DAY_MINUTES ? minutes : -1
}

/** 1 Monday … 7 Sunday; 0: no day. */
function dayOf(day: Weekday | number): number {
  if (typeof day === 'string') return WEEKDAYS.indexOf(day) + 1
  if (day === 0) return 7
  return Number.isInteger(day) && day >= 1 && day <= 7 ? day : 0
}

/** What is wrong with a window, by pointers below `pointer`. */
export function* windowErrors(window: SendingWindow, pointer: string): Iterable<FieldError> {
  const from = minutesOf(window.from)
  const to = minutesOf(window.to)
  if (from < 0 || from === DAY_MINUTES) yield { pointer: `${pointer}/from`, message: 'must be a time such as 09:00' }
  if (to < 0) yield { pointer: `${pointer}/to`, message: 'must be a time such as 20:00, at most 24:00' }
  if (from >= 0 && from === to) yield { pointer: `${pointer}/to`, message: 'must not be the same as from' }
  if (window.days?.length === 0) yield { pointer: `${pointer}/days`, message: 'must name a day, or be left out' }
  for (const [index, day] of (window.days ?? []).entries()) {
    if (dayOf(day) > 0) continue
    yield { pointer: `${pointer}/days/${index}`, message: `must be one of ${WEEKDAYS.join(', ')}, or 1 (Monday) to 7` }
  }
  const { timeZone } = window
  if (timeZone !== undefined && timeZone !== RECIPIENT_ZONE && timeZone !== ACCOUNT_ZONE && !isZone(timeZone)) {
    yield {
      pointer: `${pointer}/timeZone`,
      message: 'must be an IANA zone such as Europe/London, recipient or account',
    }
  }
}

/** `zones`: of the job, where the window names none, and of the account. The window must be free of errors. */
export function hoursRule(window: SendingWindow, zones: { job: string; account: string }): HoursRule {
  const { timeZone = zones.job } = window
  const byRecipient = timeZone === RECIPIENT_ZONE
  const days = (window.days ?? [...WEEKDAYS]).map(dayOf)
  return {
    days: [...new Set(days)].sort((a, b) => a - b),
    fromMinute: minutesOf(window.from),
    // Midnight as an end is the end of the day on which the span begins.
    toMinute: minutesOf(window.to) === 0 ? DAY_MINUTES : minutesOf(window.to),
    timeZone: byRecipient || timeZone === ACCOUNT_ZONE ? zones.account : timeZone,
    ...(byRecipient ? { byRecipient } : {}),
  }
}

/** `whose`: the recipient, where one is asked about; hours by recipient are neither open nor shut without. */
export function hoursView(
  rule: HoursRule,
  source: SendingHoursView['source'],
  { nowMs, whose }: { nowMs: number; whose: WhoseHours | null },
): SendingHoursView {
  const hours = whose === null ? null : recipientHours(rule)
  const set = hours === null ? null : hours.zonesOf(whose!)
  const { isOpen, changesAtMs } = set === null ? hoursAt(rule, nowMs) : hours!.at(set, nowMs)
  return {
    days: rule.days.map((day) => WEEKDAYS[day - 1]!),
    from: clockTime(rule.fromMinute),
    to: clockTime(rule.toMinute),
    timeZone: rule.byRecipient ? RECIPIENT_ZONE : rule.timeZone,
    ...(set === null ? {} : { zones: [...set.zones] }),
    source,
    open: isOpen,
    changesAt: Number.isFinite(changesAtMs) ? new Date(changesAtMs).toISOString() : null,
  }
}

function clockTime(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}
