/** Days as people of a time zone count them: 20261122, and when the next one begins. */
import { instantOf, wallClock } from './zone.js'

export interface LocalDay {
  /** 20261122. */
  day: number
  /** Epoch ms: [start, end). */
  startMs: number
  endMs: number
}

const DAY_SECONDS = 86_400
const ZONES_MAX = 1_000
const days = new Map<string, LocalDay>()

/** `zone`: one that there is. The day of each zone is kept, so that asking again costs a look-up. */
export function localDay(nowMs: number, zone: string): LocalDay {
  const known = days.get(zone)
  if (known !== undefined && nowMs >= known.startMs && nowMs < known.endMs) return known
  const wall = wallClock(Math.floor(nowMs / 1000), zone)
  const midnight = Math.floor(wall / DAY_SECONDS) * DAY_SECONDS
  const day = {
    day: dayNumber(midnight),
    startMs: instantOf(midnight, zone) * 1000,
    endMs: instantOf(midnight + DAY_SECONDS, zone) * 1000,
  }
  if (days.size >= ZONES_MAX) days.clear()
  days.set(zone, day)
  return day
}

function dayNumber(seconds: number): number {
  return Number(new Date(seconds * 1000).toISOString().slice(0, 10).replaceAll('-', ''))
}

/** 20261122 → 2026-11-22. */
export function dayText(day: number): string {
  const text = String(day).padStart(8, '0')
  return `${text.slice(0, 4)}-${text.slice(4, 6)}-${text.slice(6)}`
}

/** 2026-11-22 → 20261122; null: not a day of the calendar. */
export function dayOf(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return null
  const ms = Date.parse(`${text}T00:00:00Z`)
  if (Number.isNaN(ms) || dayText(dayNumber(ms / 1000)) !== text) return null
  return dayNumber(ms / 1000)
}
