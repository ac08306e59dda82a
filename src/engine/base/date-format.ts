/**
 * Dates in a format that the customer names, such as DD/MM/YYYY HH:mm: nothing about them is guessed. Compiled once per
 * job, run once per row that has a date.
 */
import { monthByName } from './month-name.js'
import { hourOfDay } from './time-of-day.js'

/** Token → pattern; longer tokens first, since D begins DD. */
const TOKENS: readonly (readonly [string, string])[] = [
  ['YYYY', '(?<year>\\d{4})'],
  ['YY', '(?<year>\\d{2})'],
  ['MMM', '(?<month>\\p{L}{3,10})\\.?'],
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
const DATE_PARTS = ['year', 'month', 'day']
/** Of a year that is written with two digits. */
const CENTURY = 2_000

interface Piece {
  source: string
  /** undefined: characters between the parts. */
  part?: string
}

export class DateFormat {
  readonly #whole: RegExp
  /** null: time stands amid the date. */
  readonly #date: RegExp | null
  /** It names hour and minute. */
  readonly hasTime: boolean

  private constructor(pieces: readonly Piece[], hasTime: boolean) {
    this.#whole = patternOf(pieces)
    this.hasTime = hasTime
    const isDate = pieces.map(({ part }) => part !== undefined && DATE_PARTS.includes(part))
    const dates = pieces.slice(isDate.indexOf(true), isDate.lastIndexOf(true) + 1)
    this.#date = dates.every(({ part }) => part === undefined || DATE_PARTS.includes(part)) ? patternOf(dates) : null
  }

  /** The format, or in words what is wrong with it. Of the time it names hour and minute, or nothing. */
  static compile(format: string): DateFormat | string {
    const pieces: Piece[] = []
    const seen = new Set<string>()
    for (let at = 0; at < format.length; ) {
      const token = TOKENS.find(([name]) => format.startsWith(name, at))
      if (token === undefined && /[A-Za-z]/.test(format[at]!)) return `has ${format[at]}, which stands for nothing`
      const piece =
        token === undefined ? { source: literal(format[at]!) } : { source: token[1], part: partOf(token[1]) }
      if (piece.part !== undefined && seen.has(piece.part)) return `names the ${piece.part} twice`
      if (piece.part !== undefined) seen.add(piece.part)
      pieces.push(piece)
      at += token?.[0].length ?? 1
    }
    const missing = missingPart(seen)
    return missing === null ? new DateFormat(pieces, seen.has('minute')) : `does not name ${missing}`
  }

  /** What a clock on the wall shows, as epoch seconds of UTC; NaN when the text is not of this format. */
  wallSeconds(text: string): number {
    const groups = this.#whole.exec(text.trim())?.groups
    if (groups === undefined || !this.hasTime) return Number.NaN
    const hour = groups.half === undefined ? Number(groups.hour) : hourOfDay(Number(groups.half), groups.meridiem!)
    return wallSecondsOf([...dayOf(groups), hour, Number(groups.minute), Number(groups.second ?? 0)])
  }

  /** Midnight of a date without a time, as epoch seconds of UTC; NaN when the text is not the date of this format. */
  daySeconds(text: string): number {
    const groups = this.#date?.exec(text.trim())?.groups
    return groups === undefined ? Number.NaN : wallSecondsOf([...dayOf(groups), 0, 0, 0])
  }
}

function patternOf(pieces: readonly Piece[]): RegExp {
  return new RegExp(`^${pieces.map(({ source }) => source).join('')}$`, 'u')
}

function partOf(source: string): string {
  return /<(\w+)>/.exec(source)![1]!
}

function literal(char: string): string {
  if (/\s/.test(char)) return '\\s+'
  return /[\^$\\.*+?()[\]{}|/]/.test(char) ? `\\${char}` : char
}

function missingPart(seen: ReadonlySet<string>): string | null {
  for (const part of DATE_PARTS) if (!seen.has(part)) return `the ${part}`
  const hasTime = ['minute', 'hour', 'half', 'second', 'meridiem'].some((part) => seen.has(part))
  if (!hasTime) return null
  if (!seen.has('minute')) return 'the minute'
  if (seen.has('half')) return seen.has('meridiem') ? null : 'A, for AM and PM'
  return seen.has('hour') ? null : 'the hour'
}

function dayOf(groups: Record<string, string>): [number, number, number] {
  const { year, month, day } = groups as { year: string; month: string; day: string }
  const isNumber = /^\d/.test(month)
  return [
    year.length === 2 ? CENTURY + Number(year) : Number(year),
    isNumber ? Number(month) : monthByName(month),
    Number(day),
  ]
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
