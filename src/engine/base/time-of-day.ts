/** Times of day as people write them in a column of their own: 9:00, 09:00:00, 9.30, 9h30, 9 Uhr, 9:30 pm. Any thread. */

const TIME =
  /^(?<hour>\d{1,2})(?:\s*(?:[:.]|h)\s*(?<minute>\d{2}))?(?::(?<second>\d{2}))?(?:\s*(?<unit>uhr|h|hs|hrs))?(?:\s*(?<half>[ap])\.?\s?m\.?)?$/i
const NOON = 12

/** Seconds since midnight; NaN: not a time of day. 24:00 is none: it is 00:00 of the next day. */
export function timeOfDay(text: string): number {
  const groups = TIME.exec(text.trim())?.groups
  if (groups === undefined) return Number.NaN
  // A bare 9 may be anything.
  if (groups.minute === undefined && groups.unit === undefined && groups.half === undefined) return Number.NaN
  const hour = groups.half === undefined ? Number(groups.hour) : hourOfDay(Number(groups.hour), groups.half)
  const minute = Number(groups.minute ?? 0)
  const second = Number(groups.second ?? 0)
  return hour <= 23 && minute <= 59 && second <= 59 ? hour * 3_600 + minute * 60 + second : Number.NaN
}

/** `meridiem`: begins with A or P. NaN: a clock of twelve hours does not show it. */
export function hourOfDay(half: number, meridiem: string): number {
  if (half < 1 || half > NOON) return Number.NaN
  return (half % NOON) + (/^p/i.test(meridiem) ? NOON : 0)
}
