/** Time zones by their IANA names: whether there is such a one, and which instant a clock on the wall there means. */
const DAY = 86_400
/** Wrong names are remembered too: a column of free text must not fill the memory. */
const ZONES_MAX = 1_000

const formats = new Map<string, Intl.DateTimeFormat | null>()

export function isZone(zone: string): boolean {
  return formatOf(zone) !== null
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
function shown(seconds: number, format: Intl.DateTimeFormat): number {
  const parts: Record<string, number> = {}
  for (const { type, value } of format.formatToParts(seconds * 1000)) parts[type] = Number(value)
  return Date.UTC(parts.year!, parts.month! - 1, parts.day!, parts.hour!, parts.minute!, parts.second!) / 1000
}

function formatOf(zone: string): Intl.DateTimeFormat | null {
  let format = formats.get(zone)
  if (format === undefined) {
    if (formats.size >= ZONES_MAX) formats.clear()
    format = makeFormat(zone)
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
