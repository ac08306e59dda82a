/**
 * The user data header in front of a text (3GPP TS 23.040 §9.2.3.24): a length, then information elements of identifier,
 * length and value. Elements are walked by their length, whatever they are (carriers.md 48, 51); of two of a kind the
 * later one counts, and one that does not fit ends the walk.
 */
import { type ShiftTables, shiftTables } from '../contract/language.js'
import type { PartPlace } from '../contract/outcome.js'

export interface UserDataHeader {
  /** Octets that it takes, its length octet counted. */
  octets: number
  /** null: no concatenation, or one that makes no sense (part 0, part above total), which a receiver ignores. */
  place: PartPlace | null
  shift: ShiftTables
  /** Application ports of 8 or 16 bits. */
  ports: { source: number | null; destination: number | null } | null
}

const CONCATENATED_8 = 0x00
const PORTS_8 = 0x04
const PORTS_16 = 0x05
const CONCATENATED_16 = 0x08
const SINGLE_SHIFT = 0x24
const LOCKING_SHIFT = 0x25

/** null: the header would reach beyond the user data, so it is none. */
export function readUserDataHeader(bytes: Uint8Array): UserDataHeader | null {
  const octets = (bytes[0] ?? 0) + 1
  if (bytes.length === 0 || octets > bytes.length) return null
  const header: UserDataHeader = { octets, place: null, shift: 0, ports: null }
  let single = 0
  let locking = 0
  for (let at = 1; at + 2 <= octets; ) {
    const value = bytes.subarray(at + 2, at + 2 + bytes[at + 1]!)
    if (at + 2 + bytes[at + 1]! > octets) break
    if (bytes[at] === SINGLE_SHIFT && value.length === 1) single = value[0]!
    else if (bytes[at] === LOCKING_SHIFT && value.length === 1) locking = value[0]!
    else readElement(bytes[at]!, value, header)
    at += 2 + value.length
  }
  header.shift = shiftTables(locking, single)
  return header
}

function readElement(identifier: number, value: Uint8Array, header: UserDataHeader): void {
  const [a, b, c, d] = value as unknown as [number, number, number, number]
  if (identifier === CONCATENATED_8 && value.length === 3) header.place = placeOf(a, b, c)
  else if (identifier === CONCATENATED_16 && value.length === 4) header.place = placeOf(a * 256 + b, c, d)
  else if (identifier === PORTS_8 && value.length === 2) header.ports = { destination: a, source: b }
  else if (identifier === PORTS_16 && value.length === 4)
    header.ports = { destination: a * 256 + b, source: c * 256 + d }
}

/** null: a message of one part, or nonsense. */
export function placeOf(reference: number, total: number, part: number): PartPlace | null {
  return total > 1 && part >= 1 && part <= total ? { reference, total, part } : null
}
