/** The address of an inbound message as people write it, by its type of number (SMPP 3.4 §5.2.5). Main thread. */
import { decodeGsm7 } from '../text/gsm7.js'
import { unpackSeptets } from '../text/septets.js'

const INTERNATIONAL = 1
const ALPHANUMERIC = 5
const PACKED_HEX = /^(?:[0-9A-Fa-f]{2}){3,}$/
const NAME = /^[A-Za-z0-9 .,&'+_-]+$/

/** International numbers with '+'; alphanumeric senders as text; everything else as it came. */
export function shownAddress(ton: number, address: string): string {
  const digits = address.trim()
  if (ton === INTERNATIONAL && /^[0-9]+$/.test(digits)) return `+${digits}`
  if (ton === ALPHANUMERIC) return nameOf(address)
  return digits
}

/**
 * Some carriers write an alphanumeric address as the hex digits of its packed septets (TS 23.040 §9.1.2.5), others as it
 * is. Hex digits are unpacked only where every character of the result is one of a name and no bits are left over.
 */
function nameOf(address: string): string {
  if (!PACKED_HEX.test(address) || /^[0-9]+$/.test(address)) return address
  const packed = Buffer.from(address, 'hex')
  const septets = unpackSeptets(packed, 0, packed.length)
  const spareBits = packed.length * 8 - septets.length * 7
  const isClean = spareBits >= 7 || packed[packed.length - 1]! >> (8 - spareBits) === 0
  const name = decodeGsm7(septets, 0, septets.length)
  return isClean && NAME.test(name) ? name : address
}
