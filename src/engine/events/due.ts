/** When a rule's message of an event is due, and what becomes of it when that moment is over. Pure; times are epoch ms. */
import { instantOf, wallClock } from '../base/zone.js'
import type { RuleLate, RuleWhen } from '../contract/rule-events.js'
import { parseDuration } from './duration.js'

const DAY_SECONDS = 86_400
const DAY_MS = DAY_SECONDS * 1_000
/** What comes so little too late is in time: requests and clocks take their while. */
const IN_TIME_MS = 60_000

export interface DueFacts {
  atMs: number
  /** When the event, as it is now, became known. */
  knownMs: number
  /** Of the account. */
  timeZone: string
}

export interface Due {
  /** When it would be due if the event had been known all along; 0: as soon as it is known. */
  nominalMs: number
  /** When it is to be sent; null: it is too late for that. */
  dueMs: number | null
}

/** `when` and `late` were checked. */
export function dueOf({ when, late }: { when: RuleWhen; late: RuleLate }, facts: DueFacts): Due {
  const { atMs, knownMs } = facts
  if (when === 'at once') {
    return { nominalMs: 0, dueMs: isTimely(knownMs - atMs, late, Number.POSITIVE_INFINITY) ? knownMs : null }
  }
  const nominalMs = nominal(when, facts)
  const behindMs = knownMs - nominalMs
  if (behindMs <= 0) return { nominalMs, dueMs: nominalMs }
  // Of what is sent ahead of an event nothing is sent once the event has begun; what follows one is a day late at most.
  const isAhead = 'before' in when || 'daysBefore' in when
  const longestMs = isAhead ? Math.max(0, atMs - nominalMs) : DAY_MS
  const isOver = isAhead && knownMs >= Math.max(atMs, nominalMs + IN_TIME_MS)
  return { nominalMs, dueMs: !isOver && isTimely(behindMs, late, longestMs) ? knownMs : null }
}

function isTimely(behindMs: number, late: RuleLate, longestMs: number): boolean {
  if (behindMs <= IN_TIME_MS) return true
  if (late === 'skip') return false
  return behindMs <= (late === 'send' ? longestMs : parseDuration(late.within)!)
}

function nominal(when: Exclude<RuleWhen, 'at once'>, { atMs, timeZone }: DueFacts): number {
  if ('before' in when) return atMs - parseDuration(when.before)!
  if ('after' in when) return atMs + parseDuration(when.after)!
  const days = 'daysBefore' in when ? -when.daysBefore : when.daysAfter
  const zone = when.timeZone ?? timeZone
  const wall = wallClock(Math.floor(atMs / 1_000), zone)
  const midnight = Math.floor(wall / DAY_SECONDS) * DAY_SECONDS
  return instantOf(midnight + days * DAY_SECONDS + secondsOf(when.at), zone) * 1_000
}

/** HH:MM */
function secondsOf(time: string): number {
  const [hours, minutes] = time.split(':')
  return Number(hours) * 3_600 + Number(minutes) * 60
}
