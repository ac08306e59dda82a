/**
 * Septets packed into octets as they travel on the air, and as a few SMPP carriers want them: 3GPP TS 23.038 §6.1.2.1,
 * and behind a user data header the fill bits that bring the text to a septet boundary (TS 23.040 §9.2.3.24).
 */

const CARRIAGE_RETURN = 0x0d

/** Bits between a header of so many octets (its length octet counted) and the first septet: 0 to 6. */
export function fillBitsAfter(headerOctets: number): number {
  return (7 - ((headerOctets * 8) % 7)) % 7
}

/** Septets that stand whole in so many octets behind `fillBits`. */
export function septetsIn(octets: number, fillBits: number): number {
  return Math.max(0, Math.floor((octets * 8 - fillBits) / 7))
}

/**
 * Packs the septets at bytes[from, end), one an octet, in place behind `fillBits` and returns the place behind the last
 * octet. Spare bits are zero, but where a whole septet is spare it is CR, lest it read as '@' (§6.1.2.3.1).
 */
export function packSeptets(bytes: Uint8Array, from: number, end: number, fillBits: number): number {
  let held = fillBits
  let bits = 0
  let at = from
  for (let place = from; place < end; place++) {
    bits |= (bytes[place]! & 0x7f) << held
    held += 7
    if (held < 8) continue
    bytes[at++] = bits
    bits >>>= 8
    held -= 8
  }
  if (held === 0 || end === from) return at
  bytes[at++] = held === 1 ? bits | (CARRIAGE_RETURN << 1) : bits
  return at
}

/**
 * One septet an octet of the packed octets `start` to `end`. Where octets and septets end together nobody tells how many
 * septets there are (SMPP counts octets): a last one of zero bits, which are padding, or CR, which pads as well, is left
 * out.
 */
export function unpackSeptets(packed: Uint8Array, start: number, end: number, fillBits = 0): Buffer {
  let count = septetsIn(end - start, fillBits)
  const septets = Buffer.alloc(count)
  let bit = start * 8 + fillBits
  for (let index = 0; index < count; index++, bit += 7) {
    const octet = bit >> 3
    const wide = packed[octet]! | ((octet + 1 < end ? packed[octet + 1]! : 0) << 8)
    septets[index] = (wide >> (bit & 7)) & 0x7f
  }
  const endsTogether = count > 0 && (end - start) * 8 - fillBits === count * 7
  if (endsTogether && (septets[count - 1] === 0 || septets[count - 1] === CARRIAGE_RETURN)) count--
  return septets.subarray(0, count)
}
