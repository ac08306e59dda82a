/** Which characters of a text keep it out of a carrier's alphabet, and where they stand. */
import { isSameAsAscii, septetsOf } from './gsm7.js'

/**
 * What data_coding 0 means at a carrier. `common`: what means the same at all of them, for routes whose carriers differ: the
 * ASCII characters that have the same code in GSM 7-bit.
 */
export type PlainAlphabet = 'gsm7' | 'latin1' | 'ascii' | 'common'

export interface Offending {
  char: string
  /** UTF-16 index in the text, from 0. */
  position: number
}

export interface OffendingList {
  /** In order of the text. */
  first: Offending[]
  total: number
}

/** The first `most` characters that the alphabet lacks, and how many there are. A pair of surrogates is one character. */
export function findOffending(text: string, alphabet: PlainAlphabet, most: number): OffendingList {
  const found: OffendingList = { first: [], total: 0 }
  let position = 0
  for (const char of text) {
    if (!isInAlphabet(char, alphabet)) {
      if (found.total < most) found.first.push({ char, position })
      found.total++
    }
    position += char.length
  }
  return found
}

/** `char`: one code point. */
export function isInAlphabet(char: string, alphabet: PlainAlphabet): boolean {
  const point = char.codePointAt(0)!
  if (alphabet === 'gsm7') return point <= 0xffff && septetsOf(point, 0) > 0
  if (alphabet === 'common') return isSameAsAscii(char)
  return point <= (alphabet === 'latin1' ? 0xff : 0x7f)
}
