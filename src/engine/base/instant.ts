/** Moments as people write them: RFC 3339 with a zone, read into epoch milliseconds. */
import { EngineError } from '../contract/errors.js'

const RFC3339 = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/i
const LATEST_MS = 0xffffffff * 1000

/** What is said of a text that is none. */
export const NOT_A_TIME = 'must be a time with zone such as 2026-11-22T09:00:00Z'

/** Epoch milliseconds; null: not a time with a zone, or behind 2105 (stored times are u32 seconds). */
export function parseTime(text: string): number | null {
  if (!RFC3339.test(text)) return null
  const at = Date.parse(text.replace(' ', 'T'))
  return Number.isNaN(at) || at > LATEST_MS ? null : at
}

/** Of the filter `name` of a list; undefined: it was not given. @throws EngineError VALIDATION. */
export function timeAsked(name: string, text: string | undefined): number | undefined {
  const atMs = text === undefined ? undefined : parseTime(text)
  if (atMs !== null) return atMs
  const fields = [{ pointer: `/${name}`, message: NOT_A_TIME }]
  throw new EngineError('VALIDATION', `${name} is not a time with a zone.`, { fields })
}

/** RFC 3339 in UTC; null stays null: never. */
export function isoTime(atMs: number): string
export function isoTime(atMs: number | null): string | null
export function isoTime(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString()
}
