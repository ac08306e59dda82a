/**
 * How two values compare. The condition's value decides as what: a number as numbers, a time as times, true and false as
 * themselves, anything else as text without regard to case. A stored value that cannot be read so is neither equal, less nor
 * greater.
 */

import { parseTime } from '../base/instant.js'
import type { ConditionScalar } from '../contract/audience.js'
import type { AttributeValue } from '../contract/contacts.js'

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i
const DAY = /^(\d{4})-(\d\d)-(\d\d)$/

/** A condition's value, read once. */
export type Wanted =
  | { as: 'number'; value: number }
  | { as: 'time'; value: number }
  | { as: 'boolean'; value: boolean }
  | { as: 'text'; value: string }

export function fold(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

/** Milliseconds; a day begins at 0:00 UTC. null: not a time. */
export function timeOf(text: string): number | null {
  const day = DAY.exec(text)
  if (day === null) return parseTime(text)
  const ms = Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3]))
  return new Date(ms).toISOString().startsWith(text) ? ms : null
}

export function wantedOf(value: ConditionScalar, isTime: boolean): Wanted {
  if (typeof value === 'number') return { as: 'number', value }
  if (typeof value === 'boolean') return { as: 'boolean', value }
  const ms = timeOf(value)
  if (ms !== null || isTime) return { as: 'time', value: ms ?? Number.NaN }
  return { as: 'text', value: fold(value) }
}

/** Below 0, 0 or above 0, as stored is to wanted; NaN: they do not compare. `isMs`: the stored number is a time. */
export function compare(stored: AttributeValue, wanted: Wanted, isMs: boolean): number {
  switch (wanted.as) {
    case 'number':
      return isMs ? Number.NaN : difference(numberFrom(stored), wanted.value)
    case 'time':
      return difference(isMs ? (stored as number) : typeof stored === 'string' ? timeOf(stored) : null, wanted.value)
    case 'boolean':
      return booleanFrom(stored) === wanted.value ? 0 : Number.NaN
    case 'text':
      return isMs ? Number.NaN : order(fold(String(stored)), wanted.value)
  }
}

function difference(stored: number | null, wanted: number): number {
  return stored === null ? Number.NaN : stored - wanted
}

function order(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}

function numberFrom(stored: AttributeValue): number | null {
  if (typeof stored === 'number') return stored
  if (typeof stored !== 'string') return null
  const text = stored.trim()
  return NUMBER.test(text) ? Number(text) : null
}

function booleanFrom(stored: AttributeValue): boolean | null {
  if (typeof stored === 'boolean') return stored
  if (typeof stored !== 'string') return null
  const text = stored.trim().toLowerCase()
  return text === 'true' ? true : text === 'false' ? false : null
}
