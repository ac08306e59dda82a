/**
 * What a data_coding says: below 0x10 the values of SMPP 3.4 §5.2.19, from there on the coding groups of 3GPP TS 23.038
 * §4, which the specification of SMPP points to and every SMSC passes through (carriers.md 34, 35, 45, 46, 49).
 */

/** `default`: what data_coding 0 means is a matter of the carrier. */
export type Alphabet =
  | 'default'
  | 'gsm7'
  | 'ascii'
  | 'latin1'
  | 'binary'
  | 'ucs2'
  | 'jis'
  | 'cyrillic'
  | 'hebrew'
  | 'iso2022jp'
  | 'extendedKanji'
  | 'ksc5601'
  | 'unknown'

export interface DataCoding {
  alphabet: Alphabet
  /** 0: shown at once (flash), 1: of the phone, 2: of the SIM, 3: of equipment behind it; null: it says none. */
  messageClass: number | null
  /** By TS 23.042; nobody sends it, and nobody can read it. */
  compressed: boolean
}

/** §5.2.19 by value; 9 is pictograms, 11, 12 and 15 are reserved. */
const BELOW_GROUPS: readonly Alphabet[] = [
  'default',
  'ascii',
  'binary',
  'latin1',
  'binary',
  'jis',
  'cyrillic',
  'hebrew',
  'ucs2',
  'unknown',
  'iso2022jp',
  'unknown',
  'unknown',
  'extendedKanji',
  'ksc5601',
  'unknown',
]
/** Bits 3 and 2 of the general group; the reserved value reads as the default alphabet. */
const BY_BITS: readonly Alphabet[] = ['gsm7', 'binary', 'ucs2', 'gsm7']
const MESSAGE_WAITING_UCS2 = 0xe

export function readDataCoding(value: number): DataCoding {
  if (value < 0x10) return { alphabet: BELOW_GROUPS[value]!, messageClass: null, compressed: false }
  const group = value >> 4
  // 00xx general, 01xx the same and marked for automatic deletion: bit 5 compressed, bit 4 says that bits 1 and 0 count.
  if (group < 8) {
    const messageClass = (value & 0x10) === 0 ? null : value & 3
    return { alphabet: BY_BITS[(value >> 2) & 3]!, messageClass, compressed: (value & 0x20) !== 0 }
  }
  if (group === 0xf)
    return { alphabet: (value & 4) === 0 ? 'gsm7' : 'binary', messageClass: value & 3, compressed: false }
  return { alphabet: group === MESSAGE_WAITING_UCS2 ? 'ucs2' : 'gsm7', messageClass: null, compressed: false }
}
