/**
 * When a recurring job runs. Pure; times are epoch milliseconds.
 *
 * Minutes and hours are counted from the first run, whatever the clocks do. Days, weeks and cron lines are read off the clock
 * on the wall: a time that it skips in spring is moved forward by what it skips, one that it shows twice in autumn counts
 * once, at the first. Two times that fall together are one run.
 */
import { Cron } from 'croner'
import { instantOf, wallClock } from '../base/zone.js'
import type { RecurrenceRule } from '../contract/recurrence.js'

const DAY = 86_400
/** A cron line is not looked at further ahead: one that names only the 29th of February runs within 8 years of any day. */
const YEARS_AHEAD_MS = 9 * 366 * DAY * 1000
const CRONS_MAX = 256
/** Runs of a cron line that are counted one by one when many have passed. */
const COUNTED_MAX = 1_000

const crons = new Map<string, Cron>()

/** As if the clock on the wall were that of UTC: what it does to a zone is our own concern. null: not a cron line. */
export function cronOf(line: string): Cron | null {
  let cron = crons.get(line)
  if (cron !== undefined) return cron
  try {
    cron = new Cron(line, { timezone: 'Etc/UTC', mode: '5-part', paused: true })
  } catch {
    return null
  }
  if (crons.size >= CRONS_MAX) crons.clear()
  crons.set(line, cron)
  return cron
}

/** The first run after `afterMs`, and not before `anchorMs`; null: there is none. The count of runs is the caller's. */
export function nextInstant(rule: RecurrenceRule, anchorMs: number, afterMs: number): number | null {
  const next = nextOf(rule, anchorMs, afterMs)
  return next === null || next > rule.untilMs ? null : next
}

function nextOf({ step }: RecurrenceRule, anchorMs: number, afterMs: number): number | null {
  if (step.kind === 'cron') return nextByCron(step, Math.max(afterMs, anchorMs - 1))
  if (afterMs < anchorMs) return anchorMs
  if (step.kind === 'elapsed') {
    return anchorMs + (Math.floor((afterMs - anchorMs) / step.stepMs) + 1) * step.stepMs
  }
  return nextByDays(step, anchorMs, afterMs)
}

function nextByDays({ days, timeZone }: { days: number; timeZone: string }, anchorMs: number, afterMs: number): number {
  const anchor = Math.floor(anchorMs / 1000)
  const first = wallClock(anchor, timeZone)
  const passed = Math.floor((wallClock(Math.floor(afterMs / 1000), timeZone) - first) / (days * DAY))
  // The clocks may have gone back or forward since: one step before is sure to be too early.
  for (let n = Math.max(1, passed - 1); ; n++) {
    const atMs = instantOf(first + n * days * DAY, timeZone) * 1000 + (anchorMs - anchor * 1000)
    if (atMs > afterMs) return atMs
  }
}

function nextByCron({ cron, timeZone }: { cron: string; timeZone: string }, afterMs: number): number | null {
  const times = cronOf(cron)!
  const after = Math.floor(afterMs / 1000)
  let best: number | null = null
  // What was skipped within the last day stands later on the wall than where it is written.
  const turned = Math.abs(offsetAt(after, timeZone) - offsetAt(after - DAY, timeZone))
  for (let wall = wallClock(after, timeZone) - turned - 1; ; ) {
    const next = times.nextRun(new Date(wall * 1000))
    if (next === null || next.getTime() > afterMs + YEARS_AHEAD_MS) return best
    wall = Math.floor(next.getTime() / 1000)
    const at = instantOf(wall, timeZone)
    if (best !== null && wall > wallClock(best / 1000, timeZone)) return best
    if (at <= after) continue
    if (best === null || at * 1000 < best) best = at * 1000
    // It stands where it is written: nothing behind it can come before it.
    if (wallClock(at, timeZone) === wall) return best
  }
}

function offsetAt(seconds: number, timeZone: string): number {
  return wallClock(seconds, timeZone) - seconds
}

export interface Passed {
  /** How many there are; of a cron line at most 1,000 are counted. */
  count: number
  /** The last of them. */
  lastMs: number
}

/** The runs from `firstMs`, itself one of them, up to `nowMs`. */
export function passedBy(rule: RecurrenceRule, anchorMs: number, from: { firstMs: number; nowMs: number }): Passed {
  const { firstMs } = from
  const nowMs = Math.min(from.nowMs, rule.untilMs)
  if (rule.step.kind === 'elapsed') {
    const steps = Math.floor((nowMs - firstMs) / rule.step.stepMs)
    return { count: steps + 1, lastMs: firstMs + steps * rule.step.stepMs }
  }
  let count = 1
  let lastMs = firstMs
  for (let next = nextInstant(rule, anchorMs, lastMs); next !== null && next <= nowMs; count++) {
    lastMs = next
    if (count === COUNTED_MAX) return { count, lastMs: lastBefore(rule, anchorMs, { firstMs: next, nowMs }) }
    next = nextInstant(rule, anchorMs, next)
  }
  return { count, lastMs }
}

/** The last run up to `nowMs`, found from ever further back. `firstMs` is one of them. */
function lastBefore(
  rule: RecurrenceRule,
  anchorMs: number,
  { firstMs, nowMs }: { firstMs: number; nowMs: number },
): number {
  for (let backMs = 3_600_000; ; backMs *= 2) {
    const from = Math.max(firstMs - 1, nowMs - backMs)
    let next = nextInstant(rule, anchorMs, from)
    if (next === null || next > nowMs) continue
    let lastMs = next
    for (; next !== null && next <= nowMs; next = nextInstant(rule, anchorMs, next)) lastMs = next
    return lastMs
  }
}
