/**
 * Where a text may be cut: never within a surrogate pair or an escape sequence, and where it costs no extra part not
 * within what reads as one character (a grapheme: an emoji family, a flag, a letter with its vowel signs).
 *
 * The text is either UCS-2 (`WIDE`), a unit a UTF-16 unit, or septets of a pair of national language tables.
 */

import type { ShiftTables } from '../contract/language.js'
import { graphemeStart } from './graphemes.js'
import { septetsOf } from './gsm7.js'

/** In place of a pair of tables: the text is UCS-2. */
export const WIDE = -1

/** UTF-16 index of the end of the longest part from `start` that holds at most `size` units. */
export function partEnd(text: string, start: number, size: number, tables: ShiftTables): number {
  if (tables !== WIDE) return shiftedEnd(text, start, size, tables)
  const end = start + size
  if (end >= text.length) return text.length
  return (text.charCodeAt(end - 1) & 0xfc00) === 0xd800 ? end - 1 : end
}

function shiftedEnd(text: string, start: number, size: number, tables: ShiftTables): number {
  let room = size
  let end = start
  while (end < text.length) {
    room -= septetsOf(text.charCodeAt(end), tables)
    if (room < 0) break
    end++
  }
  return end
}

/** Fewest parts of `size` units for the text from `start`. */
export function countParts(text: string, start: number, size: number, tables: ShiftTables): number {
  let count = 0
  for (let at = start; at < text.length; count++) at = partEnd(text, at, size, tables)
  return count
}

/** Units of a stretch of text. */
export function unitsOf(text: string, start: number, end: number, tables: ShiftTables): number {
  if (tables === WIDE) return end - start
  let units = 0
  for (let at = start; at < end; at++) units += septetsOf(text.charCodeAt(at), tables)
  return units
}

/** Cuts one text into the fewest parts of `size` units, at graphemes where that needs no more. */
export class Cuts {
  readonly #text: string
  readonly #size: number
  readonly #tables: ShiftTables
  /** Parts that the text needs. */
  readonly count: number
  #made = 0
  /** Where a grapheme begins, at or before the last cut. */
  #known = 0

  constructor(text: string, size: number, tables: ShiftTables) {
    this.#text = text
    this.#size = size
    this.#tables = tables
    this.count = countParts(text, 0, size, tables)
  }

  /** UTF-16 index of the end of the part that begins at `start`; call it part by part. */
  next(start: number): number {
    this.#made++
    const end = partEnd(this.#text, start, this.#size, this.#tables)
    const whole = graphemeStart(this.#text, end, this.#known)
    this.#known = whole
    if (whole <= start || whole === end) return end
    const rest = countParts(this.#text, whole, this.#size, this.#tables)
    return rest <= this.count - this.#made ? whole : end
  }
}
