/**
 * Reads a row's time without an offset in a zone (IANA). A time that the clocks skip is moved forward by what they skip; of
 * a time that they show twice the first counts. Once per row that has one.
 */
import { wallSecondsOf } from '../engine/base/date-format.js'
import { instantOf, isZone } from '../engine/base/zone.js'

const PATTERN = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d))?$/

/** What a clock on the wall shows, as epoch seconds of UTC; NaN when the text is not such a time. */
export function isoWallSeconds(text: string): number {
  const match = PATTERN.exec(text.trim())
  if (match === null) return Number.NaN
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as number[]
  return wallSecondsOf([year!, month!, day!, hour!, minute!, second!])
}

/** Midnight of a date without a time, likewise; NaN when the text is not such a date. */
export function isoDaySeconds(text: string): number {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text.trim())
  if (match === null) return Number.NaN
  return wallSecondsOf([Number(match[1]), Number(match[2]), Number(match[3]), 0, 0, 0])
}

/** Epoch seconds; -1 when it cannot be read or lies outside 1970…2105 (stored times are u32). */
export function parseLocalTime(text: string, zone: string): number {
  const wanted = isoWallSeconds(text)
  return Number.isNaN(wanted) || !isZone(zone) ? -1 : storable(instantOf(wanted, zone))
}

/** -1 when it cannot be stored. */
export function storable(seconds: number): number {
  return seconds >= 0 && seconds <= 0xffffffff ? seconds : -1
}
