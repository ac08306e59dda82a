/**
 * Guesses how the dates and times of a column are written, and says where a sample leaves it open: 01/02/2026 is in January
 * for some and in February for others. Pure; once a column of a sample.
 */
import { DateFormat, wallSecondsOf } from '../../engine/base/date-format.js'
import { monthByName } from '../../engine/base/month-name.js'
import { timeOfDay } from '../../engine/base/time-of-day.js'
import { isoDaySeconds, isoWallSeconds } from '../local-time.js'
import { parseSendTime } from '../send-time.js'

export interface DateGuess {
  kind: 'dateTime' | 'date' | 'time'
  /** For columns.sendAtFormat; null: RFC 3339, ISO 8601, or a time of day, which need none. */
  format: string | null
  /** Filled cells, and those that can be read so. */
  filled: number
  read: number
  /** Of the cells that were read: what a clock on the wall shows, as epoch seconds of UTC, or seconds since midnight. */
  seconds: number[]
  /** Day and month could be the other way round. */
  isOrderOpen: boolean
  /** Some cells speak for one order and some for the other. */
  isOrderMixed: boolean
  hasShortYear: boolean
  /** Times with an offset. */
  hasZone: boolean
}

export interface DateHabits {
  /** Where the month is written first. */
  monthFirst: boolean
  /** What people send is mostly to come: it decides where nothing else does. Epoch seconds. */
  nowSeconds: number
}

type Shape = 'zoned' | 'iso' | 'isoDay' | 'time' | 'numeric' | 'yearFirst' | 'dayName' | 'nameDay'

/** Of the cells that are filled, so many must be of one shape. */
const SHARE = 0.6
const DAY = 86_400
const TIME = '(?:(?<joint>,?[ T]+)(?<clock>\\d{1,2}[:.]\\d{2}(?:[:.]\\d{2})?)(?<half>\\s?[AaPp]\\.?[Mm]\\.?)?)?'
const PATTERNS: readonly (readonly [Shape, RegExp])[] = [
  ['numeric', new RegExp(`^(?<one>\\d{1,2})(?<mark>[./-])(?<two>\\d{1,2})\\k<mark>(?<year>\\d{4}|\\d{2})${TIME}$`)],
  ['yearFirst', new RegExp(`^(?<year>\\d{4})(?<mark>[./])(?<one>\\d{1,2})\\k<mark>(?<two>\\d{1,2})${TIME}$`)],
  [
    'dayName',
    new RegExp(
      `^(?<one>\\d{1,2})(?<mark>\\.? |-)(?<name>\\p{L}{3,10})(?<dot>\\.?)(?<gap>[ -])(?<year>\\d{4}|\\d{2})${TIME}$`,
      'u',
    ),
  ],
  ['nameDay', new RegExp(`^(?<name>\\p{L}{3,10})(?<dot>\\.?) (?<one>\\d{1,2})(?<gap>,? )(?<year>\\d{4})${TIME}$`, 'u')],
]

interface Seen {
  shape: Shape
  groups: Record<string, string | undefined>
  cell: string
}

/** null: the column holds no dates or times. */
export function guessDates(cells: readonly string[], habits: DateHabits): DateGuess | null {
  const filled = cells.map((cell) => cell.trim()).filter((cell) => cell !== '')
  const seen = filled.map(look).filter((one) => one !== null)
  const shape = commonest(seen.map((one) => one.shape))
  if (shape === null) return null
  const fitting = seen.filter((one) => one.shape === shape)
  if (fitting.length < filled.length * SHARE) return null
  const order = shape === 'numeric' ? orderOf(fitting, habits) : null
  const format = formatOf(shape, fitting, order?.isMonthFirst ?? false)
  const read = filled.map(readerOf(shape, format)).filter((seconds) => !Number.isNaN(seconds))
  if (read.length < filled.length * SHARE) return null
  return {
    kind: kindOf(shape, format),
    format,
    filled: filled.length,
    read: read.length,
    seconds: read,
    isOrderOpen: order?.isOpen ?? false,
    isOrderMixed: order?.isMixed ?? false,
    hasShortYear: format !== null && /(?<!Y)YY(?!Y)/.test(format),
    hasZone: shape === 'zoned',
  }
}

/** A cell that is a date or a time by itself, whatever it means. */
export function isDateLike(cell: string): boolean {
  return look(cell.trim()) !== null
}

function look(cell: string): Seen | null {
  const known = (shape: Shape): Seen => ({ shape, groups: {}, cell })
  if (parseSendTime(cell) >= 0) return known('zoned')
  if (!Number.isNaN(isoWallSeconds(cell))) return known('iso')
  if (!Number.isNaN(isoDaySeconds(cell))) return known('isoDay')
  if (!Number.isNaN(timeOfDay(cell))) return known('time')
  for (const [shape, pattern] of PATTERNS) {
    const groups = pattern.exec(cell)?.groups
    if (groups === undefined) continue
    if (groups.name === undefined || !Number.isNaN(monthByName(groups.name))) return { shape, groups, cell }
  }
  return null
}

function commonest<T>(values: readonly T[]): T | null {
  const counts = new Map<T, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null
}

function dayOf({ groups }: Seen, isMonthFirst: boolean): number {
  const [month, day] = isMonthFirst ? [groups.one, groups.two] : [groups.two, groups.one]
  const year = Number(groups.year!.length === 2 ? `20${groups.year}` : groups.year)
  return wallSecondsOf([year, Number(month), Number(day), 0, 0, 0])
}

interface Order {
  isMonthFirst: boolean
  isOpen: boolean
  isMixed: boolean
}

/** A part above 12 is a day. A dot stands behind the day everywhere. */
function orderOf(seen: readonly Seen[], { monthFirst, nowSeconds }: DateHabits): Order {
  const dayFirst = seen.filter(({ groups }) => Number(groups.one) > 12).length
  const daySecond = seen.filter(({ groups }) => Number(groups.two) > 12).length
  if (dayFirst > 0 || daySecond > 0) {
    return { isMonthFirst: daySecond > dayFirst, isOpen: false, isMixed: dayFirst > 0 && daySecond > 0 }
  }
  if (commonest(seen.map(({ groups }) => groups.mark)) === '.')
    return { isMonthFirst: false, isOpen: false, isMixed: false }
  const coming = (isMonthFirst: boolean) => seen.filter((one) => dayOf(one, isMonthFirst) >= nowSeconds - DAY).length
  const [monthly, daily] = [coming(true), coming(false)]
  const hasHalves = seen.some(({ groups }) => groups.half !== undefined)
  return { isMonthFirst: monthly === daily ? monthFirst || hasHalves : monthly > daily, isOpen: true, isMixed: false }
}

function formatOf(shape: Shape, seen: readonly Seen[], isMonthFirst: boolean): string | null {
  const group = (name: string) => commonest(seen.map(({ groups }) => groups[name] ?? '')) ?? ''
  const mark = group('mark')
  const year = group('year').length === 2 ? 'YY' : 'YYYY'
  const [month, day] = isMonthFirst || shape === 'yearFirst' ? ['one', 'two'] : ['two', 'one']
  const [MM, DD] = isPadded(seen, [month, day]) ? ['MM', 'DD'] : ['M', 'D']
  const time = timeFormat(seen)
  switch (shape) {
    case 'numeric':
      return `${(isMonthFirst ? [MM, DD, year] : [DD, MM, year]).join(mark)}${time}`
    case 'yearFirst':
      return `${[year, MM, DD].join(mark)}${time}`
    case 'dayName':
      return `${isPadded(seen, ['one']) ? 'DD' : 'D'}${mark}MMM${group('gap')}${year}${time}`
    case 'nameDay':
      return `MMM ${isPadded(seen, ['one']) ? 'DD' : 'D'}${group('gap')}${year}${time}`
    default:
      return null
  }
}

/**
 * 05/12, and so in every cell. Who writes 5/12 or 30/11 may write 12/5 as well, though no cell of the sample shows it; a
 * format with one letter takes both.
 */
function isPadded(seen: readonly Seen[], names: readonly string[]): boolean {
  const parts = seen.flatMap(({ groups }) => names.map((name) => groups[name] ?? ''))
  return parts.every((part) => part.length === 2) && parts.some((part) => part.startsWith('0'))
}

/** With what stands before it; '' when most cells have none. */
function timeFormat(seen: readonly Seen[]): string {
  const timed = seen.filter(({ groups }) => groups.clock !== undefined)
  if (timed.length * 2 < seen.length) return ''
  const { joint = ' ', clock = '', half } = timed[0]!.groups
  const letter = half === undefined ? 'H' : 'h'
  const hours = timed.map(({ groups }) => groups.clock!.split(/[:.]/)[0]!)
  const hasZero = hours.every((digits) => digits.length === 2) && hours.some((digits) => digits.startsWith('0'))
  const hour = hasZero ? letter + letter : letter
  const mark = clock.includes(':') ? ':' : '.'
  const seconds = clock.split(/[:.]/).length === 3 ? `${mark}ss` : ''
  const behind = half === undefined ? '' : /^\s/.test(half) ? ' A' : 'A'
  // The T between a date and a time is a letter that a format cannot have.
  return `${joint.replace('T', ' ')}${hour}${mark}mm${seconds}${behind}`
}

function readerOf(shape: Shape, format: string | null): (cell: string) => number {
  if (shape === 'zoned') return (cell) => (parseSendTime(cell) < 0 ? Number.NaN : parseSendTime(cell))
  if (shape === 'iso') return isoWallSeconds
  if (shape === 'isoDay') return isoDaySeconds
  if (shape === 'time') return timeOfDay
  const compiled = DateFormat.compile(format!)
  if (typeof compiled === 'string') return () => Number.NaN
  return (cell) => (compiled.hasTime ? compiled.wallSeconds(cell) : compiled.daySeconds(cell))
}

function kindOf(shape: Shape, format: string | null): DateGuess['kind'] {
  if (shape === 'time') return 'time'
  if (shape === 'zoned' || shape === 'iso') return 'dateTime'
  return format?.includes('mm') ? 'dateTime' : 'date'
}
