/**
 * Whether the clock on the wall of a zone shows sending hours, and when that changes next. Pure; times are epoch milliseconds.
 *
 * The clock on the wall alone decides: hours that it skips in spring are not made up, and those that it shows twice in
 * autumn are open twice. Between two turns of the clocks the wall runs evenly, so the next change is found from boundary to
 * boundary of the day, and within a day at whose end the offset is another one by halving.
 */
import { wallClock } from '../base/zone.js'
import type { HoursRule } from '../contract/sending-hours.js'

const DAY = 86_400
const WEEK = 7
/** Longer than any rule is closed, also where a zone leaves out a day of the calendar (Apia, 2011). */
const DAYS_AHEAD = 16
/** 1970-01-01 was a Thursday: 4 of 1 (Monday) to 7. */
const EPOCH_WEEKDAY = 4

export interface HoursState {
  isOpen: boolean
  /** First moment after `nowMs` at which `isOpen` is another; Infinity: never. */
  changesAtMs: number
}

/** By the clock on the wall, as seconds since 1970 of it. */
function isOpenAt(rule: HoursRule, wall: number): boolean {
  const day = Math.floor(wall / DAY)
  const second = wall - day * DAY
  const from = rule.fromMinute * 60
  const to = rule.toMinute * 60
  if (from < to) return second >= from && second < to && rule.days.includes(weekdayOf(day))
  return (
    (second >= from && rule.days.includes(weekdayOf(day))) || (second < to && rule.days.includes(weekdayOf(day - 1)))
  )
}

function weekdayOf(day: number): number {
  return ((((day + EPOCH_WEEKDAY - 1) % WEEK) + WEEK) % WEEK) + 1
}

/** Seconds of the wall after `wall` at which the answer may become another one: the next boundary of its day. */
function nextBoundary(rule: HoursRule, wall: number): number {
  const midnight = Math.floor(wall / DAY) * DAY
  let next = midnight + DAY
  for (const minute of [rule.fromMinute, rule.toMinute]) {
    const at = midnight + minute * 60
    if (at > wall && at < next) next = at
  }
  return next
}

/** The zone must be one that there is. */
export function hoursAt(rule: HoursRule, nowMs: number): HoursState {
  const start = Math.floor(nowMs / 1000)
  const isOpen = isOpenAt(rule, wallClock(start, rule.timeZone))
  const horizon = start + DAYS_AHEAD * DAY
  for (let at = start; at < horizon; ) {
    const wall = wallClock(at, rule.timeZone)
    const offset = wall - at
    let next = at + nextBoundary(rule, wall) - wall
    if (wallClock(next, rule.timeZone) - next !== offset) next = turnAfter(at, next, rule.timeZone)
    if (isOpenAt(rule, wallClock(next, rule.timeZone)) !== isOpen) return { isOpen, changesAtMs: next * 1000 }
    at = next
  }
  return { isOpen, changesAtMs: Number.POSITIVE_INFINITY }
}

/** The first second after `from`, and at most `to`, at which the offset of `from` is over. */
function turnAfter(from: number, to: number, zone: string): number {
  const offset = wallClock(from, zone) - from
  let before = from
  let after = to
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (wallClock(middle, zone) - middle === offset) before = middle
    else after = middle
  }
  return after
}

/** A rule asked again and again: reckoned anew when its answer may have become another one, or the clock went back. */
export class SendingHours {
  readonly rule: HoursRule
  #fromMs = Number.POSITIVE_INFINITY
  #state: HoursState = { isOpen: false, changesAtMs: 0 }

  constructor(rule: HoursRule) {
    this.rule = rule
  }

  at(nowMs: number): HoursState {
    if (nowMs >= this.#fromMs && nowMs < this.#state.changesAtMs) return this.#state
    this.#state = hoursAt(this.rule, nowMs)
    this.#fromMs = nowMs
    return this.#state
  }
}
