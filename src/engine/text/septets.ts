/**
 * Septets packed into octets as they travel on the air, and as a few SMPP carriers want them: 3GPP TS 23.038 §6.1.2.1,
 * and behind a user data header the fill bits that bring the text to a septet boundary (TS 23.040 §9.2.3.24).
 */

/** Bits between a header of so many octets (its length octet counted) and the first septet: 0 to 6. */
export function fillBitsAfter(headerOctets: number): number {
  return (7 - ((headerOctets * 8) % 7)) % 7
}

/** Octets that so many septets take behind `fillBits`. */
export function packedOctets(septets: number, fillBits: number): number {
  return Math.ceil((fillBits + septets * 7) / 8)
}

/** Septets that stand whole in so many octets behind `fillBits`. */
export function septetsIn(octets: number, fillBits: number): number {
  return Math.max(0, Math.floor((octets * 8 - fillBits) / 7))
}

/**
 * Packs one septet an octet, `septets[start]` to `septets[end - 1]`, into `target` from `at`, and returns the octets
 * written. Spare bits are zero, but where a whole septet is spare it is CR, lest it read as '@' (§6.1.2.3.1).
 */
export function packSeptets(
  septets: Uint8Array,
  place: { start: number; end: number },
  target: Uint8Array,
  to: { at: number; fillBits: number },
): number {
  const { start, end } = place
  const octets = packedOctets(end - start, to.fillBits)
  const isPadded = octets * 8 - to.fillBits - (end - start) * 7 === 7
  target.fill(0, to.at, to.at + octets)
  let bit = to.at * 8 + to.fillBits
  for (let index = start; index < end + (isPadded ? 1 : 0); index++, bit += 7) {
    const septet = index < end ? septets[index]! & 0x7f : 0x0d
    const octet = bit >> 3
    const wide = septet << (bit & 7)
    target[octet]! |= wide & 0xff
    if (wide > 0xff) target[octet + 1]! |= wide >> 8
  }
  return octets
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
  if (endsTogether && (septets[count - 1] === 0 || septets[count - 1] === 0x0d)) count--
  return septets.subarray(0, count)
}
