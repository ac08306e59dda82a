/**
 * Telephone numbers as whoever wrote them wrote them, as one number each, so that two ways of writing one can be compared
 * without strings: +44…, 0044…, 44…, 07… and short codes.
 *
 * Above 0: all digits with the country code. Below 0: digits that may lack it (national, short code, unknown type), without
 * leading zeros. 0: no number that could be answered.
 */
const DIGITS_MAX = 15
/** Below this a number stands for itself alone: a short code is no end of a longer number. */
const TAIL_FROM = 1_000_000
const SEVEN = 10_000_000
const EIGHT = 100_000_000
const INTERNATIONAL = 1
const NUMBER = /^\+?[0-9]+$/

/** How well two numbers fit: 2 the same digits; 1 the same end, and one of them may lack the country code; 0 not at all. */
export type NumberFit = 0 | 1 | 2

/** `ton`: type of number (SMPP 3.4 §5.2.5); 0 where nothing says it. */
export function looseNumber(address: string, ton = 0): number {
  const trimmed = address.trim()
  if (!NUMBER.test(trimmed)) return 0
  const isMarked = trimmed.startsWith('+')
  const digits = isMarked ? trimmed.slice(1) : trimmed
  const bare = digits.replace(/^0+/, '')
  if (bare === '' || bare.length > DIGITS_MAX) return 0
  const isFull = digits.startsWith('00') || ((isMarked || ton === INTERNATIONAL) && !digits.startsWith('0'))
  return isFull ? Number(bare) : -Number(bare)
}

/** The same for the sender of a message: more than eight digits without a leading zero have their country code. */
export function looseSender(from: string): number {
  return looseNumber(from, /^[1-9][0-9]{8,}$/.test(from) ? INTERNATIONAL : 0)
}

/** Numbers that fit have the same tail; below 10,000,000. */
export function looseTail(number: number): number {
  const digits = number < 0 ? -number : number
  return digits - Math.floor(digits / SEVEN) * SEVEN
}

export function looseFit(one: number, other: number): NumberFit {
  const a = one < 0 ? -one : one
  const b = other < 0 ? -other : other
  if (a === b) return a === 0 ? 0 : 2
  if ((one > 0 && other > 0) || a < TAIL_FROM || b < TAIL_FROM) return 0
  const scale = a < SEVEN || b < SEVEN ? SEVEN : EIGHT
  return a % scale === b % scale ? 1 : 0
}
