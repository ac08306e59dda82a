/** Time zones by their IANA names: whether there is such a one, and which instant a clock on the wall there means. */
const DAY = 86_400
/** Wrong names are remembered too: a column of free text must not fill the memory. */
const ZONES_MAX = 1_000

/** Before, some clocks were turned twice within a day. */
const EVEN_SINCE = Date.UTC(1990, 0, 1) / 1000
/** Days of a zone whose offset is kept: asking Intl costs a hundred times as much as looking it up. */
const DAYS_MAX = 400

const formats = new Map<string, Zone | null>()

/** A zone, and its offset on days on which the clocks were not turned. */
interface Zone {
  format: Intl.DateTimeFormat
  /** Day since 1970 in UTC → seconds; NaN: the clocks were turned on it. */
  offsets: Map<number, number>
}

export function isZone(zone: string): boolean {
  return formatOf(zone) !== null
}

/** As Intl writes it, whatever its case; null: there is no such zone. */
export function zoneName(zone: string): string | null {
  return formatOf(zone)?.format.resolvedOptions().timeZone ?? null
}

/**
 * `wanted`: what the clock on the wall shows, as epoch seconds of UTC. A time that the clocks skip is moved forward by what
 * they skip; of a time that they show twice the first counts. -1: no such zone.
 */
export function instantOf(wanted: number, zone: string): number {
  const format = formatOf(zone)
  if (format === null) return -1
  const before = wanted - (shown(wanted - DAY, format) - (wanted - DAY))
  const after = wanted - (shown(wanted + DAY, format) - (wanted + DAY))
  if (shown(before, format) === wanted || shown(after, format) !== wanted) return before
  return after
}

/** What the clocks of the zone do to a time that is shown on a wall: skip it (spring), show it twice (autumn), or nothing. */
export type ClockTurn = 'none' | 'skipped' | 'repeated'

/** `wanted` as for instantOf, in a zone that there is. */
export function turnAt(wanted: number, zone: string): ClockTurn {
  const format = formatOf(zone)
  const instant = instantOf(wanted, zone)
  if (format === null) return 'none'
  if (shown(instant, format) !== wanted) return 'skipped'
  const after = wanted - (shown(wanted + DAY, format) - (wanted + DAY))
  return after !== instant && shown(after, format) === wanted ? 'repeated' : 'none'
}

/** What the clock on the wall of a zone that there is shows at an instant, both as epoch seconds. */
export function wallClock(seconds: number, zone: string): number {
  return shown(seconds, formatOf(zone)!)
}

/** What the clock on the wall shows at an instant, as seconds of UTC. */
function shown(seconds: number, zone: Zone): number {
  const day = Math.floor(seconds / DAY)
  if (seconds < EVEN_SINCE || !Number.isFinite(seconds)) return reckoned(seconds, zone)
  let offset = zone.offsets.get(day)
  if (offset === undefined) {
    if (zone.offsets.size >= DAYS_MAX) zone.offsets.clear()
    offset = dayOffset(day * DAY, zone)
    zone.offsets.set(day, offset)
  }
  return Number.isNaN(offset) ? reckoned(seconds, zone) : seconds + offset
}

/** NaN: it changes within the day. */
function dayOffset(start: number, zone: Zone): number {
  const offset = reckoned(start, zone) - start
  return reckoned(start + DAY, zone) - (start + DAY) === offset ? offset : Number.NaN
}

function reckoned(seconds: number, { format }: Zone): number {
  const parts: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(seconds * 1000)) parts[type] = Number(value)
  return Date.UTC(parts.year!, parts.month! - 1, parts.day!, parts.hour!, parts.minute!, parts.second!) / 1000
}

function formatOf(zone: string): Zone | null {
  let format = formats.get(zone)
  if (format === undefined) {
    if (formats.size >= ZONES_MAX) formats.clear()
    const made = makeFormat(zone)
    format = made === null ? null : { format: made, offsets: new Map() }
    formats.set(zone, format)
  }
  return format
}

function makeFormat(timeZone: string): Intl.DateTimeFormat | null {
  const all = { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' } as const
  try {
    return new Intl.DateTimeFormat('en-GB', { ...all, second: 'numeric', hourCycle: 'h23', timeZone })
  } catch {
    return null
  }
}
