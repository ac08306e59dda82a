/** CSeq (RFC 3261 §8.1.1.5, §20.16): number below 2^31 and method. */
import { isToken, wholeNumber } from './syntax.js'

export interface CSeq {
  number: number
  method: string
}

/** null: it is none. */
export function parseCSeq(value: string | undefined): CSeq | null {
  const [, digits, method] = /^(\d+)[ \t]+(\S+)$/.exec(value ?? '') ?? []
  const number = wholeNumber(digits ?? '', 0x7fff_ffff)
  return number >= 0 && isToken(method!) ? { number, method: method! } : null
}
