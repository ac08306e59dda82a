/**
 * Replaces what the GSM 7-bit alphabet lacks by what reads the same: one explicit table, opt-in per job.
 *
 * Signs whose replacement could change a meaning (degrees, currencies) are left as they are. Runs in the ingest
 * threads, only for texts that would otherwise be UCS-2.
 */

/** Replacement, then the characters that it replaces, in code points or ranges. */
const BY_CODE: readonly (readonly [string, readonly (number | readonly [number, number])[]])[] = [
  [' ', [0x09, 0xa0, 0x1680, [0x2000, 0x200a], 0x202f, 0x205f, 0x3000]],
  ['\n', [0x0b, 0x85, 0x2028, 0x2029]],
  // Soft hyphen, zero-width and direction marks, variation selectors, byte order mark: nothing to see.
  ['', [0xad, [0x200b, 0x200f], [0x202a, 0x202e], [0x2060, 0x2069], [0xfe00, 0xfe0f], 0xfeff]],
  ["'", [0x60, 0xb4, 0x2b9, 0x2bb, 0x2bc, 0x2bd, [0x2018, 0x201b], 0x2032, 0x2035, 0x2039, 0x203a, 0xff07]],
  ['"', [0xab, 0xbb, 0x2ba, [0x201c, 0x201f], 0x2033, 0x2036, [0x301d, 0x301f], 0xff02]],
  ['-', [[0x2010, 0x2015], 0x2043, 0x2212, 0xfe58, 0xfe63, 0xff0d]],
  ['*', [0x2022, 0x2023, 0x2219, 0x25aa, 0x25cf, 0x25e6]],
  ['/', [0xf7, 0x2044, 0x2215]],
]

const BY_CHARACTER: readonly (readonly [string, string])[] = [
  ['...', '…'],
  ['..', '‥'],
  ['.', '·'],
  [',', '‚'],
  ['(C)', '©'],
  ['(R)', '®'],
  ['(TM)', '™'],
  ['No.', '№'],
  ['x', '×'],
  ['+/-', '±'],
  ['<=', '≤'],
  ['>=', '≥'],
  ['!=', '≠'],
  ['|', '¦'],
  ['1/4', '¼'],
  ['1/2', '½'],
  ['3/4', '¾'],
  ['1', '¹'],
  ['2', '²'],
  ['3', '³'],
  ['ff', 'ﬀ'],
  ['fi', 'ﬁ'],
  ['fl', 'ﬂ'],
  ['ffi', 'ﬃ'],
  ['ffl', 'ﬄ'],
  ['oe', 'œ'],
  ['OE', 'Œ'],
  ['SS', 'ẞ'],
  ['th', 'þ'],
  ['Th', 'Þ'],
  ['ij', 'ĳ'],
  ['IJ', 'Ĳ'],
  ['A', 'ÀÁÂÃĀĂĄǍȀȂẠẢẤẦẨẪẬẮẰẲẴẶΑΆ'],
  ['a', 'áâãāăąǎȁȃạảấầẩẫậắằẳẵặª'],
  ['B', 'ḂΒ'],
  ['b', 'ḃ'],
  ['C', 'ĆĈĊČ'],
  ['c', 'çćĉċč'],
  ['D', 'ĎĐÐḊḌ'],
  ['d', 'ďđðḋḍ'],
  ['E', 'ÈÊËĒĔĖĘĚȄȆẸẺẼẾỀỂỄỆΕΈ'],
  ['e', 'êëēĕėęěȅȇẹẻẽếềểễệ'],
  ['F', 'Ḟ'],
  ['f', 'ḟƒ'],
  ['G', 'ĜĞĠĢǦ'],
  ['g', 'ĝğġģǧ'],
  ['H', 'ĤĦḤΗΉ'],
  ['h', 'ĥħḥ'],
  ['I', 'ÌÍÎÏĨĪĬĮİǏȈȊỈỊΙΊΪ'],
  ['i', 'íîïĩīĭįıǐȉȋỉị'],
  ['J', 'Ĵ'],
  ['j', 'ĵ'],
  ['K', 'ĶǨΚ'],
  ['k', 'ķǩĸ'],
  ['L', 'ĹĻĽĿŁḶ'],
  ['l', 'ĺļľŀłḷ'],
  ['M', 'ṀṂΜ'],
  ['m', 'ṁṃ'],
  ['N', 'ŃŅŇŊǸΝ'],
  ['n', 'ńņňŋǹŉ'],
  ['O', 'ÒÓÔÕŌŎŐƠǑǪȌȎỌỎỐỒỔỖỘỚỜỞỠỢΟΌ'],
  ['o', 'óôõōŏőơǒǫȍȏọỏốồổỗộớờởỡợº'],
  ['P', 'ṖΡ'],
  ['p', 'ṗ'],
  ['R', 'ŔŖŘȐȒ'],
  ['r', 'ŕŗřȑȓ'],
  ['S', 'ŚŜŞŠȘṠṢ'],
  ['s', 'śŝşšșſṡṣ'],
  ['T', 'ŢŤŦȚṪṬΤ'],
  ['t', 'ţťŧțṫṭ'],
  ['U', 'ÙÚÛŨŪŬŮŰŲƯǓȔȖỤỦỨỪỬỮỰ'],
  ['u', 'úûũūŭůűųưǔȕȗụủứừửữựµ'],
  ['W', 'ŴẀẂẄ'],
  ['w', 'ŵẁẃẅ'],
  ['X', 'Χ'],
  ['Y', 'ÝŶŸỲỴỶỸΥΎΫ'],
  ['y', 'ýÿŷỳỵỷỹ'],
  ['Z', 'ŹŻŽẒΖ'],
  ['z', 'źżžẓ'],
  // Capitals that GSM has without their accent.
  ['Ω', 'Ώ\u2126'],
  ['Δ', '\u2206'],
]

const REPLACEMENTS = new Map<string, string>()
for (const [to, codes] of BY_CODE) {
  for (const code of codes) {
    const [first, last] = typeof code === 'number' ? [code, code] : code
    for (let unit = first; unit <= last; unit++) REPLACEMENTS.set(String.fromCharCode(unit), to)
  }
}
for (const [to, characters] of BY_CHARACTER) for (const from of characters) REPLACEMENTS.set(from, to)

const REPLACED = new RegExp(
  `[${[...REPLACEMENTS.keys()].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}]`,
  'g',
)
const replacement = (char: string): string => REPLACEMENTS.get(char)!

/** Characters outside the table stay as they are; accents written apart are joined first. */
export function transliterate(text: string): string {
  return text.normalize('NFC').replace(REPLACED, replacement)
}
