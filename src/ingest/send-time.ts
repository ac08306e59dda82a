/**
 * Reads the times that rows bring: RFC 3339 with a zone and nothing else, because 01/02/2026 has two meanings.
 * Once per row that has one.
 */
const PATTERN = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:[Zz]|([+-])(\d\d):?(\d\d))$/

/** Epoch seconds; -1 when it cannot be read or lies outside 1970…2105 (stored times are u32). */
export function parseSendTime(text: string): number {
  const match = PATTERN.exec(text.trim())
  if (match === null) return -1
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0)) as number[]
  if (hour! > 23 || minute! > 59 || second! > 59) return -1
  const utc = Date.UTC(year!, month! - 1, day!, hour!, minute!, second!)
  const date = new Date(utc)
  // Date.UTC carries a 31 February over into March.
  if (date.getUTCMonth() !== month! - 1 || date.getUTCDate() !== day!) return -1
  const offset = match[7] === undefined ? 0 : zoneSeconds(match[7], Number(match[8]), Number(match[9]))
  const seconds = Math.floor(utc / 1000) - offset
  return Number.isFinite(offset) && seconds >= 0 && seconds <= 0xffffffff ? seconds : -1
}

function zoneSeconds(sign: string, hours: number, minutes: number): number {
  if (hours > 23 || minutes > 59) return Number.NaN
  return (sign === '-' ? -1 : 1) * (hours * 3600 + minutes * 60)
}
