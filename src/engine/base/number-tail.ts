/**
 * The last digits of a telephone number as one integer, to compare numbers that are written with and without country code,
 * plus sign or trunk zero. Per message and per receipt: no strings.
 *
 * count × 100,000,000 + the last `count` digits, count at most 8; 0: no number (letters, or too few digits to tell anything).
 */
const DIGITS_MAX = 8
const DIGITS_LEAST = 5
const SCALE = 100_000_000
const POWERS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, SCALE]

/** Anything but digits in front of them (a plus sign, zeros of a prefix) does not matter; letters make it no number. */
export function numberTail(bytes: Buffer, start: number, length: number): number {
  let value = 0
  let count = 0
  for (let at = start + length - 1; at >= start && count < DIGITS_MAX; at--) {
    const digit = bytes[at]! - 0x30
    if (digit >= 0 && digit <= 9) value += digit * POWERS[count++]!
    else if ((bytes[at]! | 0x20) >= 0x61) return 0
  }
  return count < DIGITS_LEAST ? 0 : count * SCALE + value
}

/** True when both may be the same number by the digits that both have; false where either is 0. */
export function sameTail(one: number, other: number): boolean {
  if (one === 0 || other === 0) return false
  const count = Math.min(Math.floor(one / SCALE), Math.floor(other / SCALE))
  const power = POWERS[count]!
  return (one % SCALE) % power === (other % SCALE) % power
}
