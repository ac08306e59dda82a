/**
 * Chooses the cheapest correct coding of a text and cuts it into parts, without user data headers: the channel adds
 * those.
 *
 * Part sizes: 3GPP TS 23.040 §9.2.3.24.1 (8-bit reference, 6 octets of header) and §9.2.3.24.8 (16-bit, 7 octets) in
 * 140 octets of user data. Runs in the ingest threads, once per message; all buffers are made once.
 */
import assert from 'node:assert'
import { limits } from '../contract/limits.js'
import type { Coding } from '../contract/message.js'
import { reasonNumber } from '../contract/reasons.js'
import { decodeGsm7, ESCAPE, encodeGsm7, isSameAsAscii } from './gsm7.js'
import { transliterate } from './transliterate.js'

export interface SegmentOptions {
  /** What data_coding 0 means at the carrier. */
  alphabet: 'gsm7' | 'latin1' | 'ascii'
  longMessages: 'udh' | 'udh16' | 'sar' | 'payload'
  maxParts: number
  /** Replace what the alphabet lacks where the whole text then fits it. */
  transliterate: boolean
}

/** Reused until the next call of `segment`. */
export interface Segmented {
  /** 0 when it can be sent, else reasonNumber of TOO_LONG, EMPTY_TEXT or CHARACTER_UNSUPPORTED. */
  reason: number
  coding: Coding
  partCount: number
  bytes: Buffer
  /** Offsets in `bytes`. */
  partStarts: Uint32Array
  /** Octets. */
  partLengths: Uint16Array
  /** gsm7: septets, escapes counted; ucs2: UTF-16 units; else octets. */
  units: number
}

interface Sizes {
  /** Units of a message of one part. */
  single: number
  /** Units of each part of several. */
  multi: number
}

const GSM7: Coding = 0
const UCS2: Coding = 1
const LATIN1: Coding = 2
const ASCII: Coding = 3

const TOO_LONG = reasonNumber('TOO_LONG')
const EMPTY_TEXT = reasonNumber('EMPTY_TEXT')
const CHARACTER_UNSUPPORTED = reasonNumber('CHARACTER_UNSUPPORTED')

const ONLY_LATIN1 = /^[\0-\xff]*$/
const ONLY_ASCII = /^[\0-\x7f]*$/
/** Non-BMP, zero-width joiner, variation selectors: only with these can a cut part what reads as one character. */
const MAY_CLUSTER = /[\ud800-\udfff]|\u200d|[\ufe00-\ufe0f]/
const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** Octets that the concatenation header takes from each part; SAR parameters and payload stand outside the text. */
const HEADER_OCTETS = { udh: 6, udh16: 7, sar: 0, payload: 6 } as const

function sizesOf(coding: Coding, longMessages: SegmentOptions['longMessages']): Sizes {
  const octets = 140 - HEADER_OCTETS[longMessages]
  if (coding === GSM7) return { single: 160, multi: Math.floor((octets * 8) / 7) }
  if (coding === UCS2) return { single: 70, multi: Math.floor(octets / 2) }
  return { single: 140, multi: octets }
}

export class Segmenter {
  readonly #options: SegmentOptions
  readonly #plain: Coding
  readonly #plainSizes: Sizes
  readonly #wideSizes: Sizes
  /** No text of more UTF-16 units fits, whatever its coding. */
  readonly #mostUnits: number
  readonly #result: Segmented

  constructor(options: SegmentOptions) {
    assert(options.maxParts >= 1 && options.maxParts <= limits.partsPerMessage, 'maxParts is out of bounds')
    this.#options = options
    this.#plain = options.alphabet === 'gsm7' ? GSM7 : options.alphabet === 'latin1' ? LATIN1 : ASCII
    this.#plainSizes = sizesOf(this.#plain, options.longMessages)
    this.#wideSizes = sizesOf(UCS2, options.longMessages)
    this.#mostUnits = Math.max(this.#plainSizes.single, options.maxParts * this.#plainSizes.multi)
    this.#result = {
      reason: 0,
      coding: this.#plain,
      partCount: 0,
      bytes: Buffer.allocUnsafeSlow(this.#mostUnits * 2),
      partStarts: new Uint32Array(limits.partsPerMessage),
      partLengths: new Uint16Array(limits.partsPerMessage),
      units: 0,
    }
  }

  segment(text: string): Segmented {
    const result = this.#result
    result.reason = 0
    result.partCount = 0
    result.units = 0
    if (isEmpty(text)) return this.#refuse(EMPTY_TEXT)
    let source = text
    let units = this.#encodePlain(source)
    if (units < 0 && this.#options.transliterate) {
      source = transliterate(text)
      units = source === '' ? -1 : this.#encodePlain(source)
    }
    if (units >= 0) {
      result.coding = this.#plain
      return this.#cut(units, this.#plainSizes, source)
    }
    return this.#segmentWide(text)
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
    return this.#cut(text.length, this.#wideSizes, text)
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
    if (this.#plain === ASCII) return ONLY_ASCII.test(text)
    return isSameAsAscii(text)
  }

  #refuse(reason: number): Segmented {
    this.#result.reason = reason
    this.#result.partCount = 0
    return this.#result
  }

  #cut(units: number, sizes: Sizes, text: string): Segmented {
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
    if (result.coding === UCS2) return this.#cutWide(text, sizes.multi)
    return this.#cutPlain(units, sizes.multi)
  }

  #whole(octets: number): Segmented {
    const result = this.#result
    result.partCount = 1
    result.partStarts[0] = 0
    result.partLengths[0] = octets
    return result
  }

  #cutPlain(units: number, size: number): Segmented {
    const { bytes } = this.#result
    const escapes = this.#plain === GSM7
    for (let start = 0; start < units; ) {
      let end = Math.min(start + size, units)
      if (escapes && end < units && bytes[end - 1] === ESCAPE) end--
      if (!this.#addPart(start, end - start)) return this.#refuse(TOO_LONG)
      start = end
    }
    return this.#result
  }

  #cutWide(text: string, size: number): Segmented {
    const fewest = countPlain(text, 0, size)
    if (fewest > this.#options.maxParts) return this.#refuse(TOO_LONG)
    const clusters = MAY_CLUSTER.test(text) ? graphemes.segment(text) : null
    for (let start = 0; start < text.length; ) {
      let end = plainEnd(text, start, size)
      if (clusters !== null && end < text.length) {
        const whole = clusters.containing(end)!.index
        const left = fewest - this.#result.partCount - 1
        if (whole > start && countPlain(text, whole, size) <= left) end = whole
      }
      this.#addPart(start * 2, (end - start) * 2)
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

/** Nothing, or nothing but white space. */
function isEmpty(text: string): boolean {
  if (text === '') return true
  const first = text.charCodeAt(0)
  return (first <= 0x20 || first === 0xa0) && text.trim() === ''
}

/** End of the longest part from `start` that splits no surrogate pair. */
function plainEnd(text: string, start: number, size: number): number {
  const end = start + size
  if (end >= text.length) return text.length
  return (text.charCodeAt(end - 1) & 0xfc00) === 0xd800 ? end - 1 : end
}

function countPlain(text: string, start: number, size: number): number {
  let count = 0
  for (let at = start; at < text.length; count++) at = plainEnd(text, at, size)
  return count
}

function hasLoneSurrogate(text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    const kind = text.charCodeAt(index) & 0xfc00
    if (kind === 0xdc00) return true
    if (kind === 0xd800 && (text.charCodeAt(++index) & 0xfc00) !== 0xdc00) return true
  }
  return false
}

/** Text of stored part bytes; binary parts read as hexadecimal. */
export function textOf(bytes: Buffer, start: number, end: number, coding: Coding): string {
  if (coding === GSM7) return decodeGsm7(bytes, start, end)
  if (coding === LATIN1 || coding === ASCII) return bytes.toString('latin1', start, end)
  if (coding !== UCS2) return bytes.toString('hex', start, end)
  return Buffer.from(bytes.subarray(start, end)).swap16().toString('utf16le')
}
