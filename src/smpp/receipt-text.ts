/**
 * The text of a receipt, which is the vendor's own (SMPP 3.4 Appendix B): `id:… sub:… dlvrd:… submit date:… done date:…
 * stat:… err:… text:…`, with fields missing, in another order or case, and spaces, commas or nothing between (carriers.md 1 to 7).
 *
 * Nothing behind `text:` is read once a field was found: it quotes the message and could hold a forged `id:` (31).
 */
import type { Span } from './decode.js'

/** Where the fields stand; a length of 0: not there. Reused. */
export interface TextFields {
  id: Span
  stat: Span
  err: Span
  done: Span
  /** Fields of Appendix B that were found. */
  known: number
  /** Words that belong to no field. */
  strays: number
  /** `text:` came first: what was found stands behind it, or is quoted in it. */
  textFirst: boolean
}

export function newTextFields(): TextFields {
  return { id: blank(), stat: blank(), err: blank(), done: blank(), known: 0, strays: 0, textFirst: false }
}

function blank(): Span {
  return { start: 0, length: 0 }
}

const COLON = 0x3a
const EQUALS = 0x3d
const NAMES: Readonly<Record<string, 'id' | 'stat' | 'err' | 'done' | 'date' | 'text' | 'other'>> = {
  id: 'id',
  stat: 'stat',
  status: 'stat',
  err: 'err',
  error: 'err',
  text: 'text',
  date: 'date',
  donedate: 'done',
  done_date: 'done',
  submitdate: 'other',
  submit_date: 'other',
  sub: 'other',
  dlvrd: 'other',
}
type Name = (typeof NAMES)[string]
const KEY_MAX = 11
/** Names by length, so that a word is compared with two or three of them. */
const BY_LENGTH: (readonly (readonly [string, Name])[])[] = Array.from({ length: KEY_MAX + 1 }, (_, length) =>
  Object.entries(NAMES).filter(([name]) => name.length === length),
)

/** Reads bytes[start, end) into `fields`, once. */
export function scanText(bytes: Buffer, start: number, end: number, fields: TextFields): void {
  clear(fields)
  let isDone = false
  let at = skipGap(bytes, start, end)
  while (at < end) {
    const word = at
    at = wordEnd(bytes, at, end)
    const colon = colonAfter(bytes, at, end)
    const name = colon < 0 ? null : nameOf(bytes, word, at - word)
    if (name === 'text') {
      if (fields.known > 0) return
      fields.textFirst = true
      at = colon + 1
    } else if (name !== null) {
      fields.known++
      at = takeField(bytes, colon + 1, end, { name: name === 'date' && isDone ? 'done' : name, fields })
      isDone = false
    } else {
      isDone = isWord(bytes, word, at - word, 'done')
      if (!isDone && !isWord(bytes, word, at - word, 'submit')) fields.strays++
      if (colon >= 0) at = colon + 1
    }
    at = skipGap(bytes, Math.max(at, word + 1), end)
  }
}

function clear(fields: TextFields): void {
  for (const place of [fields.id, fields.stat, fields.err, fields.done]) {
    place.start = 0
    place.length = 0
  }
  fields.known = 0
  fields.strays = 0
  fields.textFirst = false
}

/** The first value of a name counts; behind a text that came first, the last. Returns the place behind the value. */
function takeField(bytes: Buffer, from: number, end: number, to: { name: Name; fields: TextFields }): number {
  const { name, fields } = to
  let start = from
  while (start < end && (bytes[start] === 0x20 || bytes[start] === 0x09)) start++
  const stop = valueEnd(bytes, start, end)
  // `err: text:` is an empty value with the next field behind it.
  const key = start > from ? wordEnd(bytes, start, stop) : stop
  if (key < stop && nameOf(bytes, start, key - start) !== null) return start
  if (name === 'other' || name === 'date' || name === 'text') return stop
  const place = fields[name]
  if (place.length === 0 || fields.textFirst) {
    place.start = start
    place.length = stop - start
  }
  return stop
}

function isGap(octet: number): boolean {
  return octet <= 0x20 || octet === 0x2c || octet === 0x3b || octet === 0x7c
}

function skipGap(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && isGap(bytes[at]!)) at++
  return at
}

function wordEnd(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] !== COLON && bytes[at] !== EQUALS && !isGap(bytes[at]!)) at++
  return at
}

function valueEnd(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && !isGap(bytes[at]!)) at++
  return at
}

/** Place of the colon behind a word, spaces allowed before it; -1: the word is no name. */
function colonAfter(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] === 0x20) at++
  return at < end && (bytes[at] === COLON || bytes[at] === EQUALS) ? at : -1
}

function nameOf(bytes: Buffer, at: number, length: number): Name | null {
  if (length > KEY_MAX) return null
  for (const [name, meaning] of BY_LENGTH[length]!) if (isWord(bytes, at, length, name)) return meaning
  return null
}

function isWord(bytes: Buffer, at: number, length: number, word: string): boolean {
  if (length !== word.length) return false
  for (let place = 0; place < length; place++) {
    const octet = bytes[at + place]!
    const letter = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet
    if (letter !== word.charCodeAt(place)) return false
  }
  return true
}
