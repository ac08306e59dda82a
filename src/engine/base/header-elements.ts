/**
 * The user data header that a message of 8-bit data may bring (3GPP TS 23.040 §9.2.3.24): a length octet, then elements of
 * identifier, length and value. Main thread, once per such message.
 */
import { limits } from '../contract/limits.js'

/** Concatenation with a reference of 8 and of 16 bits: parts are joined by the engine. */
const CONCATENATION = [0x00, 0x08]

/** Why a user data header in hex, its length octet first, cannot be sent; null: it can. */
export function headerProblem(udh: string): string | null {
  if (!/^(?:[0-9a-f]{2})+$/i.test(udh)) return 'must be pairs of hex digits'
  const bytes = Buffer.from(udh, 'hex')
  if (bytes[0] !== bytes.length - 1) return 'must begin with the number of octets that follow'
  if (bytes.length > limits.userDataHeaderBytes) return `must have at most ${limits.userDataHeaderBytes} octets`
  for (let at = 1; at < bytes.length; at += 2 + bytes[at + 1]!) {
    const length = bytes[at + 1]
    if (length === undefined || at + 2 + length > bytes.length)
      return 'must hold whole elements: identifier, length, value'
    if (CONCATENATION.includes(bytes[at]!)) return 'must not join parts: the engine does that itself'
  }
  return null
}
