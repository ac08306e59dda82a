/**
 * Strips a written phone number to its digits, or says what is wrong with how it is written.
 *
 * Undoes what people (spaces, brackets, dashes), spreadsheets (="0044…", a leading apostrophe) and other scripts
 * (Arabic and full-width digits, direction marks) add, and nothing else: a guess here would message a stranger.
 */
import { type ReasonCode, reasonNumber } from '../contract/reasons.js'

/** Longer fields are no numbers: libphonenumber reads no more either. */
const WRITTEN_MAX = 250
const SEPARATORS = /[\s\-.()/]+/g
const NEITHER_DIGIT_NOR_SEPARATOR = /[^\d+\s\-.()/]/
const PLAIN = /^\+?\d+$/
const NOT_ASCII = /[^\0-\x7f]/
/** What a spreadsheet makes of a long number: 4.47701E+11, in some locales 4,47701E+11. */
const SCIENTIFIC = /^[+-]?\d+(?:[.,]\d+)?e[+-]?\d+$/i
/** `x12`, `ext. 12`, `;ext=12` (RFC 3966), `#12`, `~12`, `int. 12`, `доб. 12`, `anexo 12`, `,,12` behind a digit. */
const EXTENSION = /\d[\s).]*[;,]?\s*(?:e?xt(?:n|ensi(?:o|ó)n?)?|x|#|~|int|доб|anexo|,,|;)[\s.:=]*\d*#?\s*$/i
/** RFC 3966, as address books export it. */
const TEL_SCHEME = /^tel:(?=[+\d(])/i
/** A number that went through a floating-point column; the 0 would otherwise count as a digit. */
const DECIMAL = /^\+?\d+\.0+$/

/** `+` or digits, then digits; or the number of the reason why not. */
export function plainNumber(text: string): string | number {
  if (text.length > WRITTEN_MAX) return reasonNumber('INVALID_NUMBER')
  let written = unwrap(text.trim())
  if (NOT_ASCII.test(written)) written = foldUnicode(written).trim()
  if (written === '') return reasonNumber('MISSING_NUMBER')
  if (NEITHER_DIGIT_NOR_SEPARATOR.test(written)) {
    return TEL_SCHEME.test(written) ? plainNumber(written.slice('tel:'.length)) : reasonNumber(whatElse(written))
  }
  if (DECIMAL.test(written)) return reasonNumber('INVALID_NUMBER')
  const plain = written.replace(SEPARATORS, '')
  return PLAIN.test(plain) ? plain : reasonNumber('INVALID_NUMBER')
}

/** The text before its extension; the same text when it has none. */
export function withoutExtension(text: string): string {
  return unwrap(text.trim()).replace(EXTENSION, (found) => found[0]!)
}

function unwrap(text: string): string {
  if (text.startsWith('="') && text.endsWith('"') && text.length > 2) return text.slice(2, -1).trim()
  return text.startsWith("'") ? text.slice(1).trim() : text
}

function whatElse(written: string): ReasonCode {
  if (SCIENTIFIC.test(written)) return 'PHONE_SCIENTIFIC'
  return EXTENSION.test(written) ? 'PHONE_EXTENSION' : 'INVALID_NUMBER'
}

/** Marks that show nothing (Cf), then spaces (Z) and dashes (Pd, minus), then digits of any script. */
function foldUnicode(text: string): string {
  let folded = ''
  for (const char of text) {
    if (/\p{Cf}/u.test(char)) continue
    if (/\p{Z}/u.test(char)) folded += ' '
    else if (/[\p{Pd}\u2212\u30fc]/u.test(char)) folded += '-'
    else if (/\p{Nd}/u.test(char)) folded += digitOf(char.codePointAt(0)!)
    // Superscripts and circled digits stay as they are and are refused: they are footnotes, not digits.
    else folded += /\p{No}/u.test(char) ? char : char.normalize('NFKC')
  }
  return folded
}

/** Unicode encodes decimal digits in runs of ten from zero, some of them back to back. */
function digitOf(codePoint: number): number {
  let first = codePoint
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--
  return (codePoint - first) % 10
}
