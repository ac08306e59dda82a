/**
 * Dates in a format that the customer names, such as DD/MM/YYYY HH:mm: nothing about them is guessed. Compiled once per
 * job, run once per row that has a date.
 */

/** Token → pattern; longer tokens first, since D begins DD. */
const TOKENS: readonly (readonly [string, string])[] = [
  ['YYYY', '(?<year>\\d{4})'],
  ['MM', '(?<month>\\d{2})'],
  ['M', '(?<month>\\d{1,2})'],
  ['DD', '(?<day>\\d{2})'],
  ['D', '(?<day>\\d{1,2})'],
  ['HH', '(?<hour>\\d{2})'],
  ['H', '(?<hour>\\d{1,2})'],
  ['hh', '(?<half>\\d{2})'],
  ['h', '(?<half>\\d{1,2})'],
  ['mm', '(?<minute>\\d{2})'],
  ['ss', '(?<second>\\d{2})'],
  ['A', '(?<meridiem>[AaPp]\\.?[Mm]\\.?)'],
]
const NOON = 12

export class DateFormat {
  readonly #pattern: RegExp

  private constructor(pattern: RegExp) {
    this.#pattern = pattern
  }

  /** The format, or in words what is wrong with it. */
  static compile(format: string): DateFormat | string {
    let source = ''
    const seen = new Set<string>()
    for (let at = 0; at < format.length; ) {
      const token = TOKENS.find(([name]) => format.startsWith(name, at))
      if (token === undefined && /[A-Za-z]/.test(format[at]!)) return `has ${format[at]}, which stands for nothing`
      const [name, pattern] = token ?? [format[at]!, format[at]!.replace(/[^\w\s]/, '\\$&').replace(/\s/, '\\s+')]
      if (token !== undefined) {
        const part = /<(\w+)>/.exec(pattern)![1]!
        if (seen.has(part)) return `names the ${part} twice`
        seen.add(part)
      }
      source += pattern
      at += name.length
    }
    const missing = missingPart(seen)
    return missing === null ? new DateFormat(new RegExp(`^${source}$`)) : `does not name ${missing}`
  }

  /** What a clock on the wall shows, as epoch seconds of UTC; NaN when the text is not of this format. */
  wallSeconds(text: string): number {
    const groups = this.#pattern.exec(text.trim())?.groups
    if (groups === undefined) return Number.NaN
    const hour = groups.half === undefined ? Number(groups.hour) : hourOfDay(Number(groups.half), groups.meridiem!)
    return wallSecondsOf([
      Number(groups.year),
      Number(groups.month),
      Number(groups.day),
      hour,
      Number(groups.minute),
      Number(groups.second ?? 0),
    ])
  }
}

function missingPart(seen: ReadonlySet<string>): string | null {
  for (const part of ['year', 'month', 'day', 'minute']) if (!seen.has(part)) return `the ${part}`
  if (seen.has('half')) return seen.has('meridiem') ? null : 'A, for AM and PM'
  return seen.has('hour') ? null : 'the hour'
}

function hourOfDay(half: number, meridiem: string): number {
  if (half < 1 || half > NOON) return Number.NaN
  return (half % NOON) + (/^p/i.test(meridiem) ? NOON : 0)
}

/** Year, month from 1, day, hour, minute, second as epoch seconds of UTC; NaN: there is no such time. */
export function wallSecondsOf(parts: readonly [number, number, number, number, number, number]): number {
  const [year, month, day, hour, minute, second] = parts
  if (!(hour <= 23 && minute <= 59 && second <= 59)) return Number.NaN
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  const date = new Date(ms)
  // Date.UTC carries a 31 February over into March.
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? ms / 1000 : Number.NaN
}
