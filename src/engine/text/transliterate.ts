/**
 * Replaces what a carrier's alphabet lacks by what reads the same: one explicit table, opt-in per job, and used only where
 * the whole text then fits.
 *
 * What the alphabet has is left alone. Signs whose replacement could change a meaning (degrees, currencies, emoji) and
 * other scripts are not in the table. Runs in the ingest threads, only for texts that would otherwise be UCS-2.
 */
import { isInAlphabet, type PlainAlphabet } from './offending.js'

/** Replacement, then the code points or ranges that it replaces. */
const BY_CODE: readonly (readonly [string, readonly (number | readonly [number, number])[]])[] = [
  [' ', [0x09, 0xa0, 0x1680, [0x2000, 0x200a], 0x202f, 0x205f, 0x3000]],
  ['\n', [0x0b, 0x85, 0x2028, 0x2029]],
  // Soft hyphen, zero-width and direction marks, variation selectors, byte order mark: nothing to see.
  ['', [0xad, 0x180e, [0x200b, 0x200f], [0x202a, 0x202e], [0x2060, 0x2069], [0xfe00, 0xfe0f], 0xfeff]],
  ["'", [0x60, 0xb4, 0x2b9, [0x2bb, 0x2bd], 0x2c8, 0x2ca, 0x2cb, [0x2018, 0x201b], 0x2032, 0x2035, 0x2039, 0x203a]],
  ["'", [0x275b, 0x275c, 0xff07, 0xff40]],
  ['"', [0xab, 0xbb, 0x2ba, [0x201c, 0x201f], 0x2033, 0x2036, 0x275d, 0x275e, [0x301d, 0x301f], 0xff02]],
  ['-', [[0x2010, 0x2015], 0x2043, 0x2212, 0x2e3a, 0x2e3b, 0xfe58, 0xfe63, 0xff0d]],
  ['*', [0x2022, 0x2023, 0x2219, 0x25aa, 0x25cf, 0x25e6]],
  ['/', [0xf7, 0x2044, 0x2215]],
  ['~', [0x223c, 0x2248, 0x301c]],
]

/** Replacement, then the characters that it replaces. */
const BY_CHARACTER: readonly (readonly [string, string])[] = [
  ['...', '…'],
  ['..', '‥'],
  ['.', '·․。｡'],
  [',', '、､'],
  ['!!', '‼'],
  ['??', '⁇'],
  ['(C)', '©'],
  ['(R)', '®'],
  ['(TM)', '™'],
  ['(SM)', '℠'],
  ['No.', '№'],
  ['c/o', '℅'],
  ['x', '×'],
  ['+/-', '±'],
  ['<=', '≤'],
  ['>=', '≥'],
  ['!=', '≠'],
  ['->', '→'],
  ['<-', '←'],
  ['<->', '↔'],
  ['=>', '⇒'],
  ['|', '¦'],
  ['1/4', '¼'],
  ['1/2', '½'],
  ['3/4', '¾'],
  ['1/3', '⅓'],
  ['2/3', '⅔'],
  ['1/8', '⅛'],
  ['£', '￡'],
  ['¥', '￥'],
  ['?', '¿'],
  ['!', '¡'],
  // Letters that are no base letter with a mark.
  ['oe', 'œ'],
  ['OE', 'Œ'],
  ['ae', 'æ'],
  ['AE', 'Æ'],
  ['ss', 'ß'],
  ['SS', 'ẞ'],
  ['th', 'þ'],
  ['Th', 'Þ'],
  ['ng', 'ŋ'],
  ['NG', 'Ŋ'],
  ['n', 'ŉ'],
  ['D', 'ĐÐƉ'],
  ['d', 'đð'],
  ['e', 'ǝə'],
  ['E', 'ƎƏ'],
  ['f', 'ƒ'],
  ['G', 'Ǥ'],
  ['g', 'ǥ'],
  ['H', 'Ħ'],
  ['h', 'ħ'],
  ['i', 'ı'],
  ['k', 'ĸ'],
  ['L', 'ŁĿ'],
  ['l', 'łŀ'],
  ['O', 'Ø'],
  ['o', 'ø'],
  ['T', 'Ŧ'],
  ['t', 'ŧ'],
  ['u', 'µ'],
  ['Z', 'Ƶ'],
  ['z', 'ƶ'],
  // Greek capitals that look like Latin ones, and such as GSM has without their accent.
  ['A', 'ΑΆ'],
  ['B', 'Β'],
  ['E', 'ΕΈ'],
  ['Z', 'Ζ'],
  ['H', 'ΗΉ'],
  ['I', 'ΙΊΪ'],
  ['K', 'Κ'],
  ['M', 'Μ'],
  ['N', 'Ν'],
  ['O', 'ΟΌ'],
  ['P', 'Ρ'],
  ['T', 'Τ'],
  ['Y', 'ΥΎΫ'],
  ['X', 'Χ'],
  ['Ω', 'Ώ\u2126'],
  ['Δ', '\u2206'],
]

/**
 * Letters, digits and signs that are others with marks or in another form: Latin with accents, superscripts and subscripts,
 * roman numerals, ligatures, fullwidth forms, mathematical letters. They become what their decomposition (Unicode NFKD)
 * says, with as many marks as the alphabet has.
 */
const DECOMPOSED: readonly (readonly [number, number])[] = [
  [0xaa, 0xaa],
  [0xb2, 0xb3],
  [0xb9, 0xba],
  [0xc0, 0x24f],
  [0x1e00, 0x1eff],
  [0x2070, 0x209c],
  [0x2160, 0x217f],
  [0xfb00, 0xfb06],
  [0xff01, 0xff5e],
  [0x1d400, 0x1d7ff],
]

interface Replacements {
  /** Every character of `to`, and nothing else. */
  pattern: RegExp
  to: ReadonlyMap<string, string>
}

/** Made when an alphabet is first used. */
const made = new Map<PlainAlphabet, Replacements>()

/** Characters outside the table stay as they are; accents written apart are joined first. */
export function transliterate(text: string, alphabet: PlainAlphabet = 'gsm7'): string {
  const { pattern, to } = replacementsFor(alphabet)
  return text.normalize('NFC').replace(pattern, (char) => to.get(char)!)
}

function replacementsFor(alphabet: PlainAlphabet): Replacements {
  const known = made.get(alphabet)
  if (known !== undefined) return known
  const to = new Map<string, string>()
  for (const ranges of DECOMPOSED) addDecomposed(to, ranges, alphabet)
  for (const [by, codes] of BY_CODE) {
    for (const code of codes)
      for (const char of charsOf(typeof code === 'number' ? [code, code] : code)) to.set(char, by)
  }
  for (const [by, characters] of BY_CHARACTER) for (const char of characters) to.set(char, by)
  for (const char of [...to.keys()]) if (isInAlphabet(char, alphabet)) to.delete(char)
  const codes = [...to.keys()].map((char) => `\\u{${char.codePointAt(0)!.toString(16)}}`)
  const replacements = { pattern: new RegExp(`[${codes.join('')}]`, 'gu'), to }
  made.set(alphabet, replacements)
  return replacements
}

function addDecomposed(to: Map<string, string>, range: readonly [number, number], alphabet: PlainAlphabet): void {
  for (const char of charsOf(range)) {
    const by = decomposed(char, alphabet)
    if (by !== null) to.set(char, by)
  }
}

/** The most of a character's decomposition that the alphabet has; null: not even its base. */
function decomposed(char: string, alphabet: PlainAlphabet): string | null {
  for (let rest = char.normalize('NFKD'); rest !== ''; rest = rest.slice(0, -1)) {
    const joined = rest.normalize('NFC')
    if (joined !== char && [...joined].every((one) => isInAlphabet(one, alphabet))) return joined
    if (!/\p{M}$/u.test(rest)) return null
  }
  return null
}

function* charsOf([first, last]: readonly [number, number]): Iterable<string> {
  for (let point = first; point <= last; point++) yield String.fromCodePoint(point)
}
