/**
 * How much text a part holds: 140 octets of user data (3GPP TS 23.040 §9.2.3.24) less the header, in the units of each
 * coding.
 *
 * A header is its length octet and its elements: concatenation 5 octets with an 8-bit reference (§9.2.3.24.1) or 6 with
 * a 16-bit one (§9.2.3.24.8), and 3 octets for each national language table (§9.2.3.24.15 and .16).
 */
import type { Coding } from '../contract/message.js'

export type LongMessages = 'udh' | 'udh16' | 'sar' | 'payload'

export interface PartSizes {
  /** Units of a message of one part. */
  single: number
  /** Units of each part of several. */
  multi: number
}

const USER_DATA_OCTETS = 140
const TABLE_OCTETS = 3

/**
 * Octets of the concatenation header with its length octet. SAR parameters stand outside the text, but the SMSC makes a
 * header of them for the phone, and their reference has 16 bits; a payload is cut by the SMSC, as by an 8-bit header.
 */
const HEADER_OCTETS = { udh: 6, udh16: 7, sar: 7, payload: 6 } as const

/** Octets of text behind a header with `elements` octets besides the concatenation. */
export function roomFor(longMessages: LongMessages, elements: number): PartSizes {
  return {
    single: USER_DATA_OCTETS - (elements > 0 ? 1 + elements : 0),
    multi: USER_DATA_OCTETS - HEADER_OCTETS[longMessages] - elements,
  }
}

/** `tables`: national language tables that the header names, 0 to 2. */
export function sizesOf(coding: Coding, longMessages: LongMessages, tables = 0): PartSizes {
  const { single, multi } = roomFor(longMessages, TABLE_OCTETS * tables)
  if (coding === 0) return { single: Math.floor((single * 8) / 7), multi: Math.floor((multi * 8) / 7) }
  if (coding === 1) return { single: single >> 1, multi: multi >> 1 }
  return { single, multi }
}
