/**
 * GSM 7-bit text, unpacked: one septet an octet, bit 8 clear.
 *
 * 3GPP TS 23.038 §6.2.1 (default alphabet), §6.2.1.1 (extension table, reached by ESC 0x1B) and §6.2.1.2 (national
 * language tables, which stand for the one or the other). Runs in the ingest threads, once per message.
 */
import { lockingOf, type ShiftTables, singleOf } from '../contract/language.js'
import { LOCKING_SHIFT, SINGLE_SHIFT } from './national-tables.js'

export const ESCAPE = 0x1b

const ESCAPED = ESCAPE << 8
/** One more than the last UTF-16 unit that any table has (U+221E). */
const UNITS = 0x221f

/** By UTF-16 unit: code, or ESC << 8 | code, or -1. Made when the pair of tables is first used. */
const ALPHABETS: (Int16Array | undefined)[] = []

/** Where both tables have a character the locking one is used, and of two codes in one table the lower. */
function makeAlphabet(shift: ShiftTables): Int16Array {
  const codes = new Int16Array(UNITS).fill(-1)
  const locking = LOCKING_SHIFT[lockingOf(shift)]!
  const single = SINGLE_SHIFT[singleOf(shift)]!
  for (let code = 127; code >= 0; code--) if (single[code] !== '') codes[single[code]!.charCodeAt(0)] = ESCAPED | code
  for (let code = 127; code >= 0; code--) {
    if (locking[code] !== '' && code !== ESCAPE) codes[locking[code]!.charCodeAt(0)] = code
  }
  return codes
}

function alphabetOf(shift: ShiftTables): Int16Array {
  const made = ALPHABETS[shift]
  if (made !== undefined) return made
  const alphabet = makeAlphabet(shift)
  ALPHABETS[shift] = alphabet
  return alphabet
}

const CODES = alphabetOf(0)

/** Characters whose GSM code is their ASCII code: such texts are copied, not looked up (39 % faster than the table). */
const SAME_AS_ASCII = /^[\n\r !-#%-?A-Za-z]*$/

export function isSameAsAscii(text: string): boolean {
  return SAME_AS_ASCII.test(text)
}

/**
 * Writes the septets of `text` in the default alphabet from `at` and returns how many, escapes counted; -1 when a
 * character is in neither table. `target` needs room for 2 octets a UTF-16 unit.
 */
export function encodeGsm7(text: string, target: Buffer, at: number): number {
  if (SAME_AS_ASCII.test(text)) return target.write(text, at, 'latin1')
  return encodeWith(CODES, text, target, at)
}

/** As encodeGsm7, in a pair of national language tables. */
export function encodeShifted(text: string, target: Buffer, at: number, shift: ShiftTables): number {
  return encodeWith(alphabetOf(shift), text, target, at)
}

function encodeWith(codes: Int16Array, text: string, target: Buffer, at: number): number {
  let to = at
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    const code = unit < UNITS ? codes[unit]! : -1
    if (code < 0) return -1
    if (code >= ESCAPED) target[to++] = ESCAPE
    target[to++] = code & 0x7f
  }
  return to - at
}

/** Septets that one UTF-16 unit takes in a pair of tables: 1, 2 with its escape, or 0 when they lack it. */
export function septetsOf(unit: number, shift: ShiftTables): number {
  const code = unit < UNITS ? alphabetOf(shift)[unit]! : -1
  return code < 0 ? 0 : code < ESCAPED ? 1 : 2
}

/**
 * Text of unpacked septets. A code that the single shift (or extension) table lacks reads as the locking (or default)
 * table has it (§6.2.1.1, §6.2.1.2.2); ESC ESC and an ESC at the end read as a space, and a code that no table has as
 * U+FFFD, so that the damage is seen.
 */
export function decodeGsm7(bytes: Uint8Array, start: number, end: number, shift: ShiftTables = 0): string {
  const locking = LOCKING_SHIFT[lockingOf(shift)]!
  const single = SINGLE_SHIFT[singleOf(shift)]!
  let text = ''
  for (let at = start; at < end; at++) {
    const code = bytes[at]! & 0x7f
    if (code !== ESCAPE) {
      text += locking[code] || '\ufffd'
      continue
    }
    const next = at + 1 < end ? bytes[++at]! & 0x7f : ESCAPE
    text += next === ESCAPE ? ' ' : single[next] || locking[next] || '\ufffd'
  }
  return text
}
