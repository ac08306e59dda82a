/**
 * Bytes to text in the encodings that files come in, and whether they are text at all. Runs in the ingest threads,
 * once per field that is not plain ASCII.
 */
import { isUtf8 } from 'node:buffer'
import type { Dialect } from '../engine/contract/ingest.js'

type Encoding = Dialect['encoding']

/** 0x80–0x9f of Windows-1252; the five gaps stay the controls that they are in Latin-1, as browsers do it. */
const WINDOWS_1252 =
  '\u20ac\x81\u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152\x8d\u017d\x8f' +
  '\x90\u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153\x9d\u017e\u0178'

const HIGH_CONTROLS = /[\x80-\x9f]/
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/

/** Invalid sequences become U+FFFD; see `isText`. */
export function decodeText(bytes: Buffer, start: number, end: number, encoding: Encoding): string {
  switch (encoding) {
    case 'utf8':
      return bytes.toString('utf8', start, end)
    case 'utf16le':
      return bytes.toString('utf16le', start, end)
    case 'utf16be':
      return Buffer.from(bytes.subarray(start, end - ((end - start) % 2)))
        .swap16()
        .toString('utf16le')
    case 'latin1':
      return bytes.latin1Slice(start, end)
    case 'windows1252':
      return fromWindows1252(bytes.latin1Slice(start, end))
  }
}

/** Text that was read as Latin-1 and is Windows-1252. */
export function fromWindows1252(text: string): string {
  if (!HIGH_CONTROLS.test(text)) return text
  return text.replace(/[\x80-\x9f]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80]!)
}

/** null: a character has no octet in Windows-1252. */
export function toWindows1252(text: string): Buffer | null {
  const octets = Buffer.allocUnsafe(text.length)
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    const high = WINDOWS_1252.indexOf(text[at]!)
    if (high >= 0) octets[at] = 0x80 + high
    else if (unit < 0x80 || (unit >= 0xa0 && unit <= 0xff)) octets[at] = unit
    else return null
  }
  return octets
}

/** `text` is what decodeText made of the bytes: saves looking at them when nothing in it is doubtful. */
export function isText(text: string, bytes: Uint8Array, encoding: Encoding): boolean {
  if (CONTROLS.test(text)) return false
  if (encoding === 'windows1252') return !HIGH_CONTROLS.test(text)
  if (encoding === 'utf8') return !text.includes('\ufffd') || isUtf8(bytes)
  return true
}

export function bytesPerUnit(encoding: Encoding): 1 | 2 {
  return encoding === 'utf16le' || encoding === 'utf16be' ? 2 : 1
}
