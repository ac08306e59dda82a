/**
 * The national language tables of 3GPP TS 23.038 Annex A as data: single shift (A.2), which replaces the extension
 * table behind ESC, and locking shift (A.3), which replaces the default alphabet itself.
 *
 * One string a table, its words in the order of the codes 0x00 to 0x7F: a character, or its code point in hexadecimal
 * where it is of another script; A-B for a run; SP, LF, CR, FF, ESC; (n) for n codes without a character. Compared code
 * by code with three transcriptions of the specification and with what Android and Firefox OS have in their phones.
 * Where the printed table errs, the code is read as phones read it: Kannada 0x24 is U+0CA1 (printed: U+0CAA, which stands
 * at 0x3D already), Tamil single shift 0x24 the digit eight, Telugu single shift 0x22 and 0x23 the digits six and seven.
 */
import assert from 'node:assert'
import { LANGUAGES } from '../contract/language.js'

const ESC = '\u001b'
const NAMED: Readonly<Record<string, string>> = { SP: ' ', LF: '\n', CR: '\r', FF: '\f', ESC }

/** Codes 0x00 to 0x18 of all single shift tables of South Asia. */
const HEAD = '@ £ $ ¥ ¿ " ¤ % & \' FF * + (1) - / < = > ¡ ^ ¡ _ # *'
/** Codes 0x40 to 0x7F of the same. */
const TAIL = '| A-Z (10) € (26)'

/** A.2 by identifier; 0 is the extension table of §6.2.1.1. */
const SINGLE: readonly string[] = [
  '(10) FF (9) ^ (19) { } (5) \\ (12) [ ~ ] (1) | (36) € (26)',
  '(10) FF (9) ^ (19) { } (5) \\ (12) [ ~ ] (1) | (6) Ğ (1) İ (9) Ş (15) ç (1) € (1) ğ (1) ı (9) ş (12)',
  '(9) ç FF (9) ^ (19) { } (5) \\ (12) [ ~ ] (1) | Á (7) Í (5) Ó (5) Ú (11) á (3) € (3) í (5) ó (5) ú ' + '(10)',
  '(5) ê (3) ç FF Ô ô (1) Á á (2) Φ Γ ^ Ω Π Ψ Σ Θ (5) Ê (8) { } (5) \\ (12) [ ~ ] (1) | À (7) Í (5) Ó ' +
    '(5) Ú (5) Ã Õ (4) Â (3) € (3) í (5) ó (5) ú (5) ã õ (2) â',
  `${HEAD} 09E6 09E7 (1) 09E8-09EF 09DF-09E2 { } 09E3 09F2-09F5 \\ 09F6-09FA (7) [ ~ ] (1) ${TAIL}`,
  `${HEAD} 0964 0965 (1) 0AE6-0AEF (2) { } (5) \\ (12) [ ~ ] (1) ${TAIL}`,
  `${HEAD} 0964 0965 (1) 0966-096F 0951 0952 { } 0953 0954 0958-095A \\ 095B-0963 0970 0971 (1) [ ~ ] (1) ${TAIL}`,
  `${HEAD} 0964 0965 (1) 0CE6-0CEF 0CDE 0CF1 { } 0CF2 (4) \\ (12) [ ~ ] (1) ${TAIL}`,
  `${HEAD} 0964 0965 (1) 0D66-0D71 { } 0D72-0D75 0D7A \\ 0D7B-0D7F (7) [ ~ ] (1) ${TAIL}`,
  `${HEAD} 0964 0965 (1) 0B66-0B6F 0B5C 0B5D { } 0B5F 0B70 0B71 (2) \\ (12) [ ~ ] (1) ${TAIL}`,
  `${HEAD} 0964 0965 (1) 0A66-0A6F 0A59 0A5A { } 0A5B 0A5C 0A5E 0A75 (1) \\ (12) [ ~ ] (1) ${TAIL}`,
  `${HEAD} 0964 0965 (1) 0BE6-0BEF 0BF3 0BF4 { } 0BF5-0BF8 0BFA \\ (12) [ ~ ] (1) ${TAIL}`,
  `${HEAD} (3) 0C66-0C6F 0C58 0C59 { } 0C78-0C7C \\ 0C7D-0C7F (9) [ ~ ] (1) ${TAIL}`,
  `${HEAD} 0600 0601 (1) 06F0-06F9 060C 060D { } 060E-0612 \\ 0613 0614 061B 061F 0640 0652 0658 066B 066C 0672 0673 06CD [ ~ ] 06D4 ${TAIL}`,
]

/** A.3 by identifier; 0 is the default alphabet of §6.2.1; Spanish has none. */
const LOCKING: readonly string[] = [
  '@ £ $ ¥ è é ù ì ò Ç LF Ø ø CR Å å Δ _ Φ Γ Λ Ω Π Ψ Σ Θ Ξ ESC Æ æ ß É SP ! " # ¤ % & \' ( ) * + , - . / ' +
    '0-9 : ; < = > ? ¡ A-Z Ä Ö Ñ Ü § ¿ a-z ä ö ñ ü à',
  '@ £ $ ¥ € é ù ı ò Ç LF Ğ ğ CR Å å Δ _ Φ Γ Λ Ω Π Ψ Σ Θ Ξ ESC Ş ş ß É SP ! " # ¤ % & \' ( ) * + , - . / ' +
    '0-9 : ; < = > ? İ A-Z Ä Ö Ñ Ü § ç a-z ä ö ñ ü à',
  '',
  '@ £ $ ¥ ê é ú í ó ç LF Ô ô CR Á á Δ _ ª Ç À ∞ ^ \\ € Ó | ESC Â â Ê É SP ! " # º % & \' ( ) * + , - . / ' +
    '0-9 : ; < = > ? Í A-Z Ã Õ Ú Ü § ~ a-z ã õ ` ü à',
  '0981-0983 0985-098B LF 098C (1) CR (1) 098F 0990 (2) 0993-099A ESC 099B-099E SP ! 099F-09A4 ) ( 09A5 ' +
    '09A6 , 09A7 . 09A8 0-9 : ; (1) 09AA 09AB ? 09AC-09B0 (1) 09B2 (3) 09B6-09B9 09BC-09C4 (2) 09C7 09C8 ' +
    '(2) 09CB-09CE a-z 09D7 09DC 09DD 09F0 09F1',
  '0A81-0A83 0A85-0A8B LF 0A8C 0A8D CR (1) 0A8F-0A91 (1) 0A93-0A9A ESC 0A9B-0A9E SP ! 0A9F-0AA4 ) ( ' +
    '0AA5 0AA6 , 0AA7 . 0AA8 0-9 : ; (1) 0AAA 0AAB ? 0AAC-0AB0 (1) 0AB2 0AB3 (1) 0AB5-0AB9 0ABC-0AC5 (1) ' +
    '0AC7-0AC9 (1) 0ACB-0ACD 0AD0 a-z 0AE0-0AE3 0AF1',
  '0901-0903 0905-090B LF 090C 090D CR 090E-091A ESC 091B-091E SP ! 091F-0924 ) ( 0925 0926 , 0927 . ' +
    '0928 0-9 : ; 0929-092B ? 092C-0939 093C-094D 0950 a-z 0972 097B 097C 097E 097F',
  '(1) 0C82 0C83 0C85-0C8B LF 0C8C (1) CR 0C8E-0C90 (1) 0C92-0C9A ESC 0C9B-0C9E SP ! 0C9F-0CA4 ) ( 0CA5 ' +
    '0CA6 , 0CA7 . 0CA8 0-9 : ; (1) 0CAA 0CAB ? 0CAC-0CB3 (1) 0CB5-0CB9 0CBC-0CC4 (1) 0CC6-0CC8 (1) ' +
    '0CCA-0CCD 0CD5 a-z 0CD6 0CE0-0CE3',
  '(1) 0D02 0D03 0D05-0D0B LF 0D0C (1) CR 0D0E-0D10 (1) 0D12-0D1A ESC 0D1B-0D1E SP ! 0D1F-0D24 ) ( 0D25 ' +
    '0D26 , 0D27 . 0D28 0-9 : ; (1) 0D2A 0D2B ? 0D2C-0D39 (1) 0D3D-0D44 (1) 0D46-0D48 (1) 0D4A-0D4D 0D57 ' +
    'a-z 0D60-0D63 0D79',
  '0B01-0B03 0B05-0B0B LF 0B0C (1) CR (1) 0B0F 0B10 (2) 0B13-0B1A ESC 0B1B-0B1E SP ! 0B1F-0B24 ) ( 0B25 ' +
    '0B26 , 0B27 . 0B28 0-9 : ; (1) 0B2A 0B2B ? 0B2C-0B30 (1) 0B32 0B33 (1) 0B35-0B39 0B3C-0B44 (2) 0B47 ' +
    '0B48 (2) 0B4B-0B4D 0B56 a-z 0B57 0B60-0B63',
  '0A01-0A03 0A05-0A0A (1) LF (2) CR (1) 0A0F 0A10 (2) 0A13-0A1A ESC 0A1B-0A1E SP ! 0A1F-0A24 ) ( 0A25 ' +
    '0A26 , 0A27 . 0A28 0-9 : ; (1) 0A2A 0A2B ? 0A2C-0A30 (1) 0A32 0A33 (1) 0A35 0A36 (1) 0A38 0A39 0A3C ' +
    '(1) 0A3E-0A42 (4) 0A47 0A48 (2) 0A4B-0A4D 0A51 a-z 0A70-0A74',
  '(1) 0B82 0B83 0B85-0B8A (1) LF (2) CR 0B8E-0B90 (1) 0B92-0B95 (3) 0B99 0B9A ESC (1) 0B9C (1) 0B9E SP ' +
    '! 0B9F (3) 0BA3 0BA4 ) ( (2) , (1) . 0BA8 0-9 : ; 0BA9 0BAA (1) ? (2) 0BAE-0BB9 (2) 0BBE-0BC2 (3) ' +
    '0BC6-0BC8 (1) 0BCA-0BCD 0BD0 a-z 0BD7 0BF0-0BF2 0BF9',
  '0C01-0C03 0C05-0C0B LF 0C0C (1) CR 0C0E-0C10 (1) 0C12-0C1A ESC 0C1B-0C1E SP ! 0C1F-0C24 ) ( 0C25 ' +
    '0C26 , 0C27 . 0C28 0-9 : ; (1) 0C2A 0C2B ? 0C2C-0C33 (1) 0C35-0C39 (1) 0C3D-0C44 (1) 0C46-0C48 (1) ' +
    '0C4A-0C4D 0C55 a-z 0C56 0C60-0C63',
  '0627 0622 0628 067B 0680 067E 06A6 062A 06C2 067F LF 0679 067D CR 067A 067C 062B 062C 0681 0684 0683 ' +
    '0685-0687 062D-062F ESC 068C 0688-068A SP ! 068F 068D 0630 0631 0691 0693 ) ( 0699 0632 , 0696 . ' +
    '0698 0-9 : ; 069A 0633 0634 ? 0635-0639 0641 0642 06A9-06AB 06AF 06B3 06B1 0644-0646 06BA-06BC 0648 ' +
    '06C4 06D5 06C1 06BE 0621 06CC 06D0 06D2 064D 0650 064F 0657 0654 a-z 0655 0651 0653 0656 0670',
]

/** Characters of a table by code, '' where it has none; ESC of a locking table is U+001B. */
function read(table: string): readonly string[] {
  const chars: string[] = []
  for (const word of table === '' ? ['(128)'] : table.split(' ')) {
    const gap = /^\((\d+)\)$/.exec(word)
    const run = /^(.+)-(.+)$/.exec(word)
    if (gap !== null) for (let count = Number(gap[1]); count > 0; count--) chars.push('')
    else if (run === null) chars.push(charOf(word))
    else addRun(chars, charOf(run[1]!), charOf(run[2]!))
  }
  assert(chars.length === 128, 'one place a septet')
  return chars
}

function charOf(word: string): string {
  if (word.length === 1) return word
  return NAMED[word] ?? String.fromCharCode(Number.parseInt(word, 16))
}

function addRun(chars: string[], first: string, last: string): void {
  for (let unit = first.charCodeAt(0); unit <= last.charCodeAt(0); unit++) chars.push(String.fromCharCode(unit))
}

assert(SINGLE.length === LANGUAGES.length && LOCKING.length === LANGUAGES.length, 'a table of each kind a language')

/** 128 characters by identifier and code. Every character is one UTF-16 unit. */
export const SINGLE_SHIFT: readonly (readonly string[])[] = SINGLE.map(read)
/** As SINGLE_SHIFT; that of Spanish holds nothing. */
export const LOCKING_SHIFT: readonly (readonly string[])[] = LOCKING.map(read)
