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

/** What `scanText` came by last, for receipts that are laid out alike (receipt-layout.ts). */
export const scanned = {
  /** Begin and end of each value, by turns. */
  values: new Uint32Array(64),
  valueCount: 0,
  /** Nothing from here on was looked at. */
  end: 0,
  /** Another text with the same octets but for those of its values, none of which is a gap, has the same fields. */
  isRepeatable: false,
}

/** What a name stands for. */
const NAME = { none: 0, id: 1, stat: 2, err: 3, done: 4, date: 5, text: 6, other: 7 } as const
type Name = (typeof NAME)[keyof typeof NAME]

/** Kinds of octets: between words, behind a name, any other. */
const GAP = 1
const COLON = 2
const kinds = new Uint8Array(256)
kinds.fill(GAP, 0, 0x21)
for (const separator of ',;|') kinds[separator.charCodeAt(0)] = GAP
for (const colon of ':=') kinds[colon.charCodeAt(0)] = COLON

/** Words of up to six letters as one integer, five bits a letter, so that a name costs one comparison. */
const LETTERS_MAX = 6
function packOf(word: string): number {
  let pack = 0
  for (let at = 0; at < word.length; at++) pack = (pack << 5) | (word.charCodeAt(at) & 31)
  return pack
}
const ID = packOf('id')
const STAT = packOf('stat')
const ERR = packOf('err')
const DATE = packOf('date')
const DONE = packOf('done')
const SUBMIT = packOf('submit')
const TEXT = packOf('text')
const SUB = packOf('sub')
const DLVRD = packOf('dlvrd')
const STATUS = packOf('status')
const ERROR = packOf('error')
const LONG_NAMES: readonly (readonly [string, Name])[] = [
  ['donedate', NAME.done],
  ['done_date', NAME.done],
  ['submitdate', NAME.other],
  ['submit_date', NAME.other],
]

/** The last word that `readWord` read: its pack, -1 when it is none, and where it ends. */
let pack = 0
let wordEnd = 0

/** Reads bytes[start, end) into `fields`, once. */
export function scanText(bytes: Buffer, start: number, end: number, fields: TextFields): void {
  clear(fields)
  scanned.valueCount = 0
  scanned.end = end
  scanned.isRepeatable = true
  let isDone = false
  let at = skipGap(bytes, start, end)
  while (at < end) {
    const word = at
    readWord(bytes, word, end)
    const colon = colonAfter(bytes, wordEnd, end)
    const name = colon < 0 ? NAME.none : nameOf(bytes, word)
    if (name === NAME.text) {
      if (fields.known > 0) {
        scanned.end = colon + 1
        return
      }
      fields.textFirst = true
      scanned.isRepeatable = false
      at = colon + 1
    } else if (name !== NAME.none) {
      fields.known++
      at = takeField(bytes, colon + 1, end, placeOf(fields, name === NAME.date && isDone ? NAME.done : name))
      isDone = false
    } else {
      isDone = pack === DONE
      if (!isDone && pack !== SUBMIT) fields.strays++
      at = colon < 0 ? wordEnd : colon + 1
    }
    at = skipGap(bytes, at > word ? at : word + 1, end)
  }
}

function clear(fields: TextFields): void {
  clearPlace(fields.id)
  clearPlace(fields.stat)
  clearPlace(fields.err)
  clearPlace(fields.done)
  fields.known = 0
  fields.strays = 0
  fields.textFirst = false
}

function clearPlace(place: Span): void {
  place.start = 0
  place.length = 0
}

/** The first value of a name counts; behind a text that came first, the last. Null: the value is of no interest. */
function placeOf(fields: TextFields, name: Name): Span | null {
  let place: Span
  if (name === NAME.id) place = fields.id
  else if (name === NAME.stat) place = fields.stat
  else if (name === NAME.err) place = fields.err
  else if (name === NAME.done) place = fields.done
  else return null
  return place.length === 0 || fields.textFirst ? place : null
}

/** Returns the place behind the value. */
function takeField(bytes: Buffer, from: number, end: number, place: Span | null): number {
  let start = from
  while (start < end && (bytes[start] === 0x20 || bytes[start] === 0x09)) start++
  if (start > from) {
    scanned.isRepeatable = false
    // `err: text:` is an empty value with the next field behind it.
    readWord(bytes, start, end)
    if (wordEnd < end && kinds[bytes[wordEnd]!] === COLON && nameOf(bytes, start) !== NAME.none) return start
  }
  let stop = start
  while (stop < end && kinds[bytes[stop]!] !== GAP) stop++
  noteValue(start, stop)
  if (place !== null) {
    place.start = start
    place.length = stop - start
  }
  return stop
}

function noteValue(start: number, stop: number): void {
  const at = scanned.valueCount * 2
  if (at === scanned.values.length) {
    scanned.isRepeatable = false
    return
  }
  scanned.values[at] = start
  scanned.values[at + 1] = stop
  scanned.valueCount++
}

/** Between words, where a value ends. */
export function isGap(octet: number): boolean {
  return kinds[octet] === GAP
}

function skipGap(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && kinds[bytes[at]!] === GAP) at++
  return at
}

function readWord(bytes: Buffer, from: number, end: number): void {
  let at = from
  let word = 0
  for (; at < end; at++) {
    const octet = bytes[at]!
    if (kinds[octet] !== 0) break
    const letter = octet | 0x20
    word = word < 0 || letter < 0x61 || letter > 0x7a ? -1 : (word << 5) | (letter & 31)
  }
  pack = at - from > LETTERS_MAX ? -1 : word
  wordEnd = at
}

/** Place of the colon behind a word, spaces allowed before it; -1: the word is no name. */
function colonAfter(bytes: Buffer, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at] === 0x20) at++
  return at < end && kinds[bytes[at]!] === COLON ? at : -1
}

/** Of the word that was read last and begins at `word`. */
function nameOf(bytes: Buffer, word: number): Name {
  if (pack === DATE) return NAME.date
  if (pack === ID) return NAME.id
  if (pack === SUB || pack === DLVRD) return NAME.other
  if (pack === STAT || pack === STATUS) return NAME.stat
  if (pack === ERR || pack === ERROR) return NAME.err
  if (pack === TEXT) return NAME.text
  if (wordEnd - word <= LETTERS_MAX) return NAME.none
  const text = bytes.latin1Slice(word, Math.min(wordEnd, word + 12)).toLowerCase()
  for (const [name, meaning] of LONG_NAMES) if (name === text) return meaning
  return NAME.none
}
