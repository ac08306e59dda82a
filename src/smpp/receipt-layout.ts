/**
 * The receipts of a carrier are laid out alike: the same words at the same places, and other values of the same length. One look at
 * each octet tells whether that is so, and the fields are where they were the last time; else the text is read word by word.
 */
import type { Span } from './decode.js'
import { isGap, newTextFields, scanned, scanText, type TextFields } from './receipt-text.js'

/** Longest text that is kept; others are read each time. */
const TEXT_MAX = 255
/** In place of an octet that belongs to a value. */
const VALUE = 256

export class ReceiptLayout {
  /** Octets of the last text as far as it was read, or VALUE. */
  readonly #octets = new Uint16Array(TEXT_MAX)
  /** 0: there is no last text. */
  #length = 0
  /** The text ended there; else it went on with what nobody reads. */
  #isWhole = false
  /** Places count from the begin of the text. */
  readonly #fields = newTextFields()

  /** As `scanText`. */
  scan(bytes: Buffer, start: number, end: number, fields: TextFields): void {
    if (this.#isSame(bytes, start, end)) {
      this.#tell(start, fields)
      return
    }
    scanText(bytes, start, end, fields)
    this.#learn(bytes, start, end, fields)
  }

  #isSame(bytes: Buffer, start: number, end: number): boolean {
    const length = this.#length
    const octets = this.#octets
    if (length === 0 || end - start < length || (this.#isWhole && end - start > length)) return false
    for (let n = 0; n < length; n++) {
      const octet = bytes[start + n]!
      if (octets[n] === VALUE ? isGap(octet) : octets[n] !== octet) return false
    }
    return true
  }

  #tell(start: number, fields: TextFields): void {
    const { id, stat, err, done, known, strays } = this.#fields
    move(id, start, fields.id)
    move(stat, start, fields.stat)
    move(err, start, fields.err)
    move(done, start, fields.done)
    fields.known = known
    fields.strays = strays
    fields.textFirst = false
  }

  #learn(bytes: Buffer, start: number, end: number, fields: TextFields): void {
    const length = scanned.end - start
    this.#length = scanned.isRepeatable && length <= TEXT_MAX ? length : 0
    if (this.#length === 0) return
    this.#isWhole = scanned.end === end
    for (let n = 0; n < length; n++) this.#octets[n] = bytes[start + n]!
    for (let n = 0; n < scanned.valueCount; n++) {
      this.#octets.fill(VALUE, scanned.values[n * 2]! - start, scanned.values[n * 2 + 1]! - start)
    }
    move(fields.id, -start, this.#fields.id)
    move(fields.stat, -start, this.#fields.stat)
    move(fields.err, -start, this.#fields.err)
    move(fields.done, -start, this.#fields.done)
    this.#fields.known = fields.known
    this.#fields.strays = fields.strays
  }
}

/** A field that is not there has no place. */
function move(from: Span, by: number, to: Span): void {
  to.length = from.length
  to.start = from.length === 0 ? 0 : from.start + by
}
