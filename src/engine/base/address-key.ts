/**
 * Email addresses as integers, where numbers of phones stand: in the runs of duplicates, in filters and tables, in the order
 * of a lane. An address is 2^52 and a hash of 52 bits, so it is an exact double and above every
 * E.164 number. Two addresses may have one key: whoever would lose a message by that compares the addresses themselves.
 */

/** No number of a phone is as large. */
const FIRST_KEY = 2 ** 52

export function isAddressKey(number: number): boolean {
  return number >= FIRST_KEY
}

/** Of an address in its one spelling, see email-address.ts. */
export function addressKey(address: string): number {
  let high = 0x811c9dc5
  let low = 0x2f7a4c1b
  for (let n = 0; n < address.length; n++) {
    const character = address.charCodeAt(n)
    high = Math.imul(high ^ character, 0x01000193)
    low = step(low, character)
  }
  return keyOf(high, low)
}

/** Another key of the same address: whoever compares both has compared the address. */
export function secondKey(address: string): number {
  return addressKey(`${address} 2`)
}

/** The same of Latin-1 octets. */
export function addressKeyAt(bytes: Uint8Array, start: number, length: number): number {
  let high = 0x811c9dc5
  let low = 0x2f7a4c1b
  for (let n = start; n < start + length; n++) {
    const character = bytes[n]!
    high = Math.imul(high ^ character, 0x01000193)
    low = step(low, character)
  }
  return keyOf(high, low)
}

/** Another mixing than that of the high half, so that what collides there does not here. */
function step(low: number, character: number): number {
  const mixed = Math.imul(low ^ character, 0x5bd1e995)
  return (mixed << 13) | (mixed >>> 19)
}

function keyOf(high: number, low: number): number {
  return FIRST_KEY + finished(high ^ (low >>> 7)) * 2 ** 20 + (finished(low) >>> 12)
}

/** Every bit of the result depends on every bit of the sum. */
function finished(sum: number): number {
  let mixed = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
