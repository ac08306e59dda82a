/**
 * Chooses the cheapest correct coding of a text and cuts it into parts, without user data headers: the channel adds
 * those.
 *
 * In order: the carrier's alphabet; where the carrier knows national languages and they need fewer parts, their tables;
 * UCS-2. Of equal cost the simpler wins. Runs in the ingest threads, once per message; all buffers are made once.
 */
import assert from 'node:assert'
import type { NationalLanguage, ShiftTables } from '../contract/language.js'
import { limits } from '../contract/limits.js'
import type { Coding } from '../contract/message.js'
import { reasonNumber } from '../contract/reasons.js'
import { Cuts, countParts, unitsOf, WIDE } from './cuts.js'
import { decodeGsm7, ESCAPE, encodeGsm7, encodeShifted, isSameAsAscii } from './gsm7.js'
import { unpackMail } from './mail-body.js'
import { type NationalChoice, NationalTables } from './national-choice.js'
import type { PlainAlphabet } from './offending.js'
import { type LongMessages, type PartSizes, sizesOf } from './part-sizes.js'
import { spokenText, unpackSpeech } from './speech-body.js'
import { transliterate } from './transliterate.js'

export interface SegmentOptions {
  /** What data_coding 0 means at the carrier. */
  alphabet: PlainAlphabet
  longMessages: LongMessages
  maxParts: number
  /** Replace what the alphabet lacks where the whole text then fits it. */
  transliterate: boolean
  /** Languages whose tables every carrier of the route knows; they need the alphabet gsm7. */
  nationalLanguages?: readonly NationalLanguage[]
}

/** Reused until the next call of `segment`. */
export interface Segmented {
  /** 0 when it can be sent, else reasonNumber of TOO_LONG, EMPTY_TEXT or CHARACTER_UNSUPPORTED. */
  reason: number
  coding: Coding
  /** National language tables of gsm7, 0 without. */
  shift: ShiftTables
  partCount: number
  bytes: Buffer
  /** Offsets in `bytes`. */
  partStarts: Uint32Array
  /** Octets. */
  partLengths: Uint16Array
  /** gsm7: septets, escapes counted; ucs2: UTF-16 units; else octets. */
  units: number
  /** What is sent: the text as it came, or transliterated. */
  text: string
}

const GSM7: Coding = 0
const UCS2: Coding = 1
const LATIN1: Coding = 2
const ASCII: Coding = 3
const MAIL: Coding = 5
const SPEECH: Coding = 6

const TOO_LONG = reasonNumber('TOO_LONG')
const EMPTY_TEXT = reasonNumber('EMPTY_TEXT')
const CHARACTER_UNSUPPORTED = reasonNumber('CHARACTER_UNSUPPORTED')

const ONLY_LATIN1 = /^[\0-\xff]*$/
const ONLY_ASCII = /^[\0-\x7f]*$/

export class Segmenter {
  readonly #options: SegmentOptions
  readonly #plain: Coding
  readonly #plainSizes: PartSizes
  readonly #wideSizes: PartSizes
  readonly #national: NationalTables | null
  /** No text of more UTF-16 units fits, whatever its coding. */
  readonly #mostUnits: number
  readonly #result: Segmented

  constructor(options: SegmentOptions) {
    assert(options.maxParts >= 1 && options.maxParts <= limits.partsPerMessage, 'maxParts is out of bounds')
    const { alphabet, longMessages, maxParts, nationalLanguages = [] } = options
    this.#options = options
    this.#plain = alphabet === 'gsm7' ? GSM7 : alphabet === 'latin1' ? LATIN1 : ASCII
    this.#plainSizes = sizesOf(this.#plain, longMessages)
    this.#wideSizes = sizesOf(UCS2, longMessages)
    const hasTables = this.#plain === GSM7 && nationalLanguages.length > 0
    this.#national = hasTables ? new NationalTables(nationalLanguages, longMessages) : null
    this.#mostUnits = Math.max(this.#plainSizes.single, maxParts * this.#plainSizes.multi)
    this.#result = {
      reason: 0,
      coding: this.#plain,
      shift: 0,
      partCount: 0,
      bytes: Buffer.allocUnsafeSlow(this.#mostUnits * 2),
      partStarts: new Uint32Array(limits.partsPerMessage),
      partLengths: new Uint16Array(limits.partsPerMessage),
      units: 0,
      text: '',
    }
  }

  segment(text: string): Segmented {
    const result = this.#result
    result.reason = 0
    result.shift = 0
    result.partCount = 0
    result.units = 0
    result.text = text
    if (isEmpty(text)) return this.#refuse(EMPTY_TEXT)
    let units = this.#encodePlain(text)
    if (units < 0 && this.#options.transliterate) units = this.#encodeTransliterated(text)
    const isDear = units < 0 || units > this.#plainSizes.single || result.text !== text
    if (this.#national !== null && isDear) {
      const choice = this.#cheaperTables(this.#national, text, units)
      if (choice !== null) return this.#segmentShifted(text, choice)
    }
    if (units < 0) return this.#segmentWide(text)
    result.coding = this.#plain
    return this.#cut(units, this.#plainSizes)
  }

  #encodeTransliterated(text: string): number {
    const replaced = transliterate(text, this.#options.alphabet)
    const units = replaced === '' ? -1 : this.#encodePlain(replaced)
    if (units >= 0) this.#result.text = replaced
    return units
  }

  /**
   * National language tables in which the text as it came needs fewer parts than otherwise; in place of a
   * transliterated text also when they need as many. `units`: what the plain alphabet needs, -1 when it lacks characters.
   */
  #cheaperTables(national: NationalTables, text: string, units: number): NationalChoice | null {
    if (text.length > this.#mostUnits) return null
    const isTransliterated = this.#result.text !== text
    // A text without escapes is dearer in any other tables.
    if (units === text.length && !isTransliterated) return null
    const plainParts = units < 0 ? Number.POSITIVE_INFINITY : this.#countPlain(units)
    const wideParts = text.length <= this.#wideSizes.single ? 1 : countParts(text, 0, this.#wideSizes.multi, WIDE)
    const below = Math.min(wideParts, isTransliterated ? plainParts + 1 : plainParts)
    return below <= 1 ? null : national.choose(text, below)
  }

  /** Parts of the septets that were written last. */
  #countPlain(units: number): number {
    if (units <= this.#plainSizes.single) return 1
    let count = 0
    for (let start = 0; start < units; count++) start = this.#plainEnd(start, units)
    return count
  }

  #segmentShifted(text: string, { tables, sizes }: NationalChoice): Segmented {
    const result = this.#result
    result.coding = GSM7
    result.shift = tables
    result.text = text
    return this.#cut(encodeShifted(text, result.bytes, 0, tables), sizes)
  }

  #segmentWide(text: string): Segmented {
    this.#result.coding = UCS2
    if (hasLoneSurrogate(text)) return this.#refuse(CHARACTER_UNSUPPORTED)
    if (text.length > this.#mostUnits) return this.#refuse(TOO_LONG)
    const bytes = this.#result.bytes
    let to = 0
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index)
      bytes[to++] = unit >> 8
      bytes[to++] = unit & 0xff
    }
    return this.#cut(text.length, this.#wideSizes)
  }

  /**
   * Units written in the carrier's alphabet, or -1 when a character does not fit it. A text of more units than can ever
   * be sent is not written; its length alone is answered.
   */
  #encodePlain(text: string): number {
    const bytes = this.#result.bytes
    if (text.length > this.#mostUnits) return this.#fitsPlain(text) ? text.length : -1
    if (this.#plain === GSM7) return encodeGsm7(text, bytes, 0)
    return this.#fitsPlain(text) ? bytes.write(text, 0, 'latin1') : -1
  }

  #fitsPlain(text: string): boolean {
    if (this.#plain === LATIN1) return ONLY_LATIN1.test(text)
    if (this.#options.alphabet === 'ascii') return ONLY_ASCII.test(text)
    return isSameAsAscii(text)
  }

  #refuse(reason: number): Segmented {
    this.#result.reason = reason
    this.#result.partCount = 0
    return this.#result
  }

  #cut(units: number, sizes: PartSizes): Segmented {
    const result = this.#result
    result.units = units
    const octetsPerUnit = result.coding === UCS2 ? 2 : 1
    if (units <= sizes.single) return this.#whole(units * octetsPerUnit)
    // Beyond this the bytes may not have been written at all.
    if (units > this.#options.maxParts * sizes.multi) return this.#refuse(TOO_LONG)
    if (this.#options.longMessages === 'payload') {
      const octets = units * octetsPerUnit
      return octets > limits.payloadBytes ? this.#refuse(TOO_LONG) : this.#whole(octets)
    }
    if (result.coding === UCS2) return this.#cutText(sizes.multi, WIDE)
    return result.shift === 0 ? this.#cutPlain(units) : this.#cutText(sizes.multi, result.shift)
  }

  #whole(octets: number): Segmented {
    const result = this.#result
    result.partCount = 1
    result.partStarts[0] = 0
    result.partLengths[0] = octets
    return result
  }

  #cutPlain(units: number): Segmented {
    for (let start = 0; start < units; ) {
      const end = this.#plainEnd(start, units)
      if (!this.#addPart(start, end - start)) return this.#refuse(TOO_LONG)
      start = end
    }
    return this.#result
  }

  #plainEnd(start: number, units: number): number {
    const end = Math.min(start + this.#plainSizes.multi, units)
    return this.#plain === GSM7 && end < units && this.#result.bytes[end - 1] === ESCAPE ? end - 1 : end
  }

  #cutText(size: number, tables: ShiftTables): Segmented {
    const { text } = this.#result
    const cuts = new Cuts(text, size, tables)
    if (cuts.count > this.#options.maxParts) return this.#refuse(TOO_LONG)
    let at = 0
    for (let start = 0; start < text.length; ) {
      const end = cuts.next(start)
      const units = unitsOf(text, start, end, tables)
      const octets = tables === WIDE ? units * 2 : units
      this.#addPart(at, octets)
      at += octets
      start = end
    }
    return this.#result
  }

  #addPart(start: number, length: number): boolean {
    const result = this.#result
    if (result.partCount === this.#options.maxParts) return false
    result.partStarts[result.partCount] = start
    result.partLengths[result.partCount++] = length
    return true
  }
}

/** White space of every kind, and what only steers how other characters are shown. */
const NOTHING_TO_SEE = /^[\s\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069]*$/

/** Nothing, or nothing that a phone would show. */
function isEmpty(text: string): boolean {
  const first = text.charCodeAt(0)
  return !(first > 0x20 && first < 0x80) && NOTHING_TO_SEE.test(text)
}

function hasLoneSurrogate(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const kind = text.charCodeAt(index) & 0xfc00
    if (kind === 0xdc00) return true
    if (kind === 0xd800 && (text.charCodeAt(++index) & 0xfc00) !== 0xdc00) return true
  }
  return false
}

/** How stored text is written; a message and a segmented text are such. */
export interface TextForm {
  coding: Coding
  shift: ShiftTables
}

/** Text of stored part bytes; binary parts read as hexadecimal. */
export function textOf(bytes: Buffer, start: number, end: number, { coding, shift }: TextForm): string {
  if (coding === GSM7) return decodeGsm7(bytes, start, end, shift)
  if (coding === LATIN1 || coding === ASCII) return bytes.toString('latin1', start, end)
  if (coding === MAIL) return unpackMail(bytes, start, end).text
  if (coding === SPEECH) return spokenText(unpackSpeech(bytes, start, end).items)
  if (coding !== UCS2) return bytes.toString('hex', start, end)
  return Buffer.from(bytes.subarray(start, end)).swap16().toString('utf16le')
}
