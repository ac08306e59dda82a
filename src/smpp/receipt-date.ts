/**
 * Dates of receipts by their length (carriers.md 8): YYMMDDhhmm, YYMMDDhhmmss, YYYYMMDDhhmm, YYYYMMDDhhmmss, or the absolute
 * time of SMPP 3.4 §7.1.1. They are kept as they stand and never reckoned with: handsets and SMSCs have wrong clocks (9).
 */
import type { Span } from './decode.js'

/** What the clock shows, as epoch seconds of UTC; 0: no date, or one that is none. */
export function dateSeconds(bytes: Buffer, { start, length }: Span): number {
  let digits = 0
  while (digits < length && isDigit(bytes[start + digits]!)) digits++
  if (digits === 10 || digits === 15) return shortYear(bytes, start, Math.min(digits, 12))
  if (digits === 12) return shortYear(bytes, start, 12) || longYear(bytes, start, 12)
  return digits === 14 ? longYear(bytes, start, 14) : 0
}

function shortYear(bytes: Buffer, at: number, digits: number): number {
  return secondsOf(2000 + pair(bytes, at), bytes, at + 2, digits === 12)
}

function longYear(bytes: Buffer, at: number, digits: number): number {
  return secondsOf(pair(bytes, at) * 100 + pair(bytes, at + 2), bytes, at + 4, digits === 14)
}

/** `at`: MMDDhhmm and, where there are any, the seconds. */
function secondsOf(year: number, bytes: Buffer, at: number, hasSeconds: boolean): number {
  const month = pair(bytes, at)
  const day = pair(bytes, at + 2)
  const hour = pair(bytes, at + 4)
  const minute = pair(bytes, at + 6)
  const second = hasSeconds ? pair(bytes, at + 8) : 0
  if (year < 1970 || year > 2105 || month < 1 || month > 12 || day < 1 || day > 31) return 0
  if (hour > 23 || minute > 59 || second > 60) return 0
  return daysBefore(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
}

/** Days since 1970-01-01 in the Gregorian calendar, counted in years that begin with March. */
function daysBefore(year: number, month: number, day: number): number {
  const from = month > 2 ? year : year - 1
  const monthDays = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5)
  const yearDays = from * 365 + Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400)
  return yearDays + monthDays + day - 719_469
}

function pair(bytes: Buffer, at: number): number {
  return (bytes[at]! - 0x30) * 10 + bytes[at + 1]! - 0x30
}

function isDigit(octet: number): boolean {
  return octet >= 0x30 && octet <= 0x39
}
