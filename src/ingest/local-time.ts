/**
 * Reads a row's time without an offset in the zone that its time zone column names (IANA). A time that the clocks skip is
 * moved forward by what they skip; of a time that they show twice the first counts. Once per row that has one.
 */
const PATTERN = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d))?$/
const DAY = 86_400
/** Wrong names are remembered too: a column of free text must not fill the memory. */
const ZONES_MAX = 1_000

const formats = new Map<string, Intl.DateTimeFormat | null>()

export function isZone(zone: string): boolean {
  return formatOf(zone) !== null
}

/** Epoch seconds; -1 when it cannot be read or lies outside 1970…2105 (stored times are u32). */
export function parseLocalTime(text: string, zone: string): number {
  const match = PATTERN.exec(text.trim())
  const format = formatOf(zone)
  if (match === null || format === null) return -1
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as number[]
  if (hour! > 23 || minute! > 59 || second! > 59) return -1
  const wanted = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!) / 1000
  const date = new Date(wanted * 1000)
  // Date.UTC carries a 31 February over into March.
  if (date.getUTCMonth() !== month! - 1 || date.getUTCDate() !== day!) return -1
  const seconds = instantOf(wanted, format)
  return seconds >= 0 && seconds <= 0xffffffff ? seconds : -1
}

/** `wanted`: what the clock on the wall shows, as seconds of UTC. */
function instantOf(wanted: number, format: Intl.DateTimeFormat): number {
  const before = wanted - (shown(wanted - DAY, format) - (wanted - DAY))
  const after = wanted - (shown(wanted + DAY, format) - (wanted + DAY))
  if (shown(before, format) === wanted || shown(after, format) !== wanted) return before
  return after
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
