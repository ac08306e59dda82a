/**
 * The byte scanner: records and fields of the common dialect as byte ranges, without making a string.
 *
 * RFC 4180 with any one-octet delimiter, quote `"`, and CRLF, LF or CR as line ends, mixed as they come. Strict: a quote
 * inside an unquoted field or text behind a closing quote rejects its record and no other. Octets above 0x7f are passed
 * over, which is right for UTF-8, Latin-1 and Windows-1252. Runs in the ingest threads, once per octet.
 */
import { isUtf8 } from 'node:buffer'
import { limits } from '../engine/contract/limits.js'
import { reasonNumber } from '../engine/contract/reasons.js'
import { decodeText, isText } from './decode.js'
import { type Edge, END, INCOMPLETE, type Next, RECORD, type RecordSource } from './record-source.js'

/** Kinds of octets; the first three are field content, and the two that are not 0 are also flags of a field. */
const PLAIN = 0
const HIGH = 1
const CONTROL = 2
const ESCAPED = 4
const DELIMITER = 8
const LINE_FEED = 9
const CARRIAGE_RETURN = 10
const QUOTE = 11

const QUOTE_OCTET = 0x22
const LF_OCTET = 0x0a
const CR_OCTET = 0x0d
const EQUALS_OCTET = 0x3d
const CTRL_Z_OCTET = 0x1a

/** Answers of the field methods beside an offset. */
const CUT_SHORT = -1
const UNCLOSED = -2
const OVERFLOW = -3

const STRAY_QUOTE = reasonNumber('STRAY_QUOTE')
const UNCLOSED_QUOTE = reasonNumber('UNCLOSED_QUOTE')
const ROW_TOO_LONG = reasonNumber('ROW_TOO_LONG')
const FIELD_TOO_LONG = reasonNumber('FIELD_TOO_LONG')
const TOO_MANY_COLUMNS = reasonNumber('TOO_MANY_COLUMNS')
const BODY_INVALID = reasonNumber('BODY_INVALID')

export type ScannerEncoding = 'utf8' | 'latin1' | 'windows1252'

export class Scanner implements RecordSource {
  problem = 0
  problemColumn = -1
  fields = 0
  offset = 0
  length = 0
  line = 0
  lines = 0
  position = 0
  overlong = false
  overlongFrom = 0
  overlongLines = 0
  blank = false

  readonly #encoding: ScannerEncoding
  readonly #kinds: Uint8Array
  readonly #starts = new Uint32Array(limits.columns)
  readonly #ends = new Uint32Array(limits.columns)
  readonly #flags = new Uint8Array(limits.columns)
  #bytes: Buffer = Buffer.alloc(0)
  #end = 0
  /** Where the record at hand is larger than any may be, or the bytes end. */
  #most = 0
  #edge: Edge = 'final'
  /** All of the bytes are text in the encoding; else each record is looked at. */
  #isText = true
  #quoted = false
  /** Line and offset of the quote that was opened last. */
  #quoteLine = 0
  #quoteAt = 0

  constructor(encoding: ScannerEncoding, delimiter: string) {
    this.#encoding = encoding
    this.#kinds = kindsOf(delimiter.charCodeAt(0))
  }

  reset(bytes: Buffer, end: number, edge: Edge): void {
    this.#bytes = bytes
    this.#end = end
    this.#edge = edge
    const given = bytes.subarray(0, end)
    this.#isText = (this.#encoding !== 'utf8' || isUtf8(given)) && !given.includes(0)
    this.position = 0
    this.lines = 0
    this.overlong = false
  }

  next(): Next {
    const bytes = this.#bytes
    const end = this.#end
    const start = this.position
    if (start >= end) return END
    this.offset = start
    this.line = this.lines
    this.fields = 0
    this.problem = 0
    this.problemColumn = -1
    this.overlong = false
    this.#most = Math.min(end, start + limits.recordBytes + 1)
    this.#quoted = false
    let at = start
    for (;;) {
      at = at < this.#most && bytes[at] === QUOTE_OCTET ? this.#quotedField(at) : this.#field(at, at)
      if (at < 0) break
      if (at === end || this.#kinds[bytes[at]!] !== DELIMITER) break
      at++
    }
    if (at >= 0) return this.#finish(at)
    if (at === OVERFLOW) return this.#giveUp(this.#most, this.lines)
    return at === UNCLOSED || this.#edge === 'final' ? this.#giveUp(this.#quoteAt, this.#quoteLine) : this.#cutShort()
  }

  /** An unquoted field whose value starts at `start`, read on from `from`: offset of what ends it. */
  #field(start: number, from: number): number {
    const bytes = this.#bytes
    const kinds = this.#kinds
    const most = this.#most
    let flags = 0
    let at = from
    for (; at < most; at++) {
      const kind = kinds[bytes[at]!]!
      if (kind === PLAIN) continue
      if (kind < DELIMITER) flags |= kind
      else if (kind !== QUOTE) break
      else if (!this.#guards(start, at)) this.#refuse(STRAY_QUOTE)
    }
    if (at > this.offset + limits.recordBytes) return OVERFLOW
    this.#keep(start, at, flags)
    return at
  }

  /** True for the quotes of ="0044…", the one form in which spreadsheets write a quote into an unquoted field. */
  #guards(start: number, at: number): boolean {
    const bytes = this.#bytes
    if (bytes[start] !== EQUALS_OCTET) return false
    if (at === start + 1) return true
    if (bytes[start + 1] !== QUOTE_OCTET) return false
    if (at + 1 >= this.#end) return true
    const kind = this.#kinds[bytes[at + 1]!]!
    return kind >= DELIMITER && kind !== QUOTE
  }

  #quotedField(open: number): number {
    const bytes = this.#bytes
    const kinds = this.#kinds
    const most = this.#most
    this.#quoted = true
    this.#quoteAt = open
    this.#quoteLine = this.lines
    let flags = 0
    for (let at = open + 1; at < most; at++) {
      const kind = kinds[bytes[at]!]!
      if (kind === PLAIN || kind === DELIMITER) continue
      if (kind < DELIMITER) flags |= kind
      else if (kind !== QUOTE) this.#countLine(at)
      else if (at + 1 < this.#end && bytes[at + 1] === QUOTE_OCTET) {
        flags |= ESCAPED
        at++
      } else return this.#closeQuote(open, at, flags)
    }
    return most > this.offset + limits.recordBytes ? UNCLOSED : CUT_SHORT
  }

  /** `at`: the closing quote. */
  #closeQuote(open: number, at: number, flags: number): number {
    const behind = at + 1
    if (behind < this.#end) {
      const kind = this.#kinds[this.#bytes[behind]!]!
      if (kind < DELIMITER) return this.#textBehindQuote(open, behind)
    } else if (this.#edge === 'open') return CUT_SHORT
    this.#keep(open + 1, at, flags)
    return behind
  }

  #textBehindQuote(open: number, behind: number): number {
    // A quoted field over several lines that ends in text was most likely never closed: only its first line is lost.
    if (this.lines > this.#quoteLine) return UNCLOSED
    this.#refuse(STRAY_QUOTE)
    return this.#field(open, behind)
  }

  #keep(start: number, end: number, flags: number): void {
    const column = this.fields++
    if (end - start > limits.fieldBytes) this.#refuse(FIELD_TOO_LONG, column)
    if (column >= limits.columns) {
      this.#refuse(TOO_MANY_COLUMNS, limits.columns)
      return
    }
    this.#starts[column] = start
    this.#ends[column] = end
    this.#flags[column] = flags
  }

  #refuse(problem: number, column = this.fields): void {
    if (this.problem !== 0) return
    this.problem = problem
    this.problemColumn = column
  }

  #countLine(at: number): void {
    // A CRLF is counted at its LF.
    if (this.#bytes[at] === CR_OCTET && at + 1 < this.#end && this.#bytes[at + 1] === LF_OCTET) return
    this.lines++
  }

  /** The record's content ends at `at`: at a line end, or where the bytes end. */
  #finish(at: number): Next {
    const end = this.#end
    if (at === end && this.#edge !== 'final') return this.#cutShort()
    let next = at
    if (at < end) {
      next = this.#behindLineEnd(at)
      if (next < 0) return this.#cutShort()
      this.lines++
    }
    this.position = next
    this.length = next - this.offset
    const octets = at - this.offset
    this.blank = !this.#quoted && (octets === this.fields - 1 || this.#isFinalCtrlZ(at, next))
    if (octets > limits.recordBytes) this.#tooLong()
    if (!this.#isText && this.problem === 0) this.#findDamage()
    return RECORD
  }

  #tooLong(): void {
    this.problem = ROW_TOO_LONG
    this.problemColumn = -1
  }

  /** Octets that are no text in the encoding, wherever in the record they stand: what they belong to cannot be told. */
  #findDamage(): void {
    for (let column = 0; column < this.fields; column++) {
      if (this.#flags[column]! === 0) continue
      const field = this.#bytes.subarray(this.#starts[column]!, this.#ends[column]!)
      if (!field.includes(0) && (this.#encoding !== 'utf8' || isUtf8(field))) continue
      this.#refuse(BODY_INVALID, column)
      return
    }
  }

  /** What old programs write behind the last line, one or as many as fill their block. */
  #isFinalCtrlZ(at: number, next: number): boolean {
    if (this.#bytes[this.offset] !== CTRL_Z_OCTET || next !== this.#end || this.#edge !== 'final') return false
    for (let octet = this.offset; octet < at; octet++) if (this.#bytes[octet] !== CTRL_Z_OCTET) return false
    return true
  }

  /** -1: a CR at the edge may be half of a CRLF. */
  #behindLineEnd(at: number): number {
    const bytes = this.#bytes
    if (bytes[at] === LF_OCTET) return at + 1
    if (at + 1 < this.#end) return bytes[at + 1] === LF_OCTET ? at + 2 : at + 1
    return this.#edge === 'open' ? -1 : at + 1
  }

  #cutShort(): Next {
    this.lines = this.line
    return INCOMPLETE
  }

  /**
   * Rejects what was read and goes on behind the line end at or behind `from`: of a quote that was never closed, the line
   * on which it was opened; of a record that is too large, the line on which it became so. `lines`: up to `from`.
   */
  #giveUp(from: number, lines: number): Next {
    const end = this.#end
    let at = from
    while (at < end && this.#bytes[at] !== LF_OCTET && this.#bytes[at] !== CR_OCTET) at++
    const next = at < end ? this.#behindLineEnd(at) : -1
    if (next < 0 && this.#edge !== 'final') {
      this.overlong = true
      this.overlongFrom = from
      this.overlongLines = lines
      return this.#cutShort()
    }
    this.position = next < 0 ? end : next
    this.length = this.position - this.offset
    this.lines = lines + (next < 0 ? 0 : 1)
    this.blank = false
    if (at - this.offset > limits.recordBytes) this.#tooLong()
    else {
      this.problem = UNCLOSED_QUOTE
      this.problemColumn = this.fields
      this.line = lines
    }
    return RECORD
  }

  text(column: number): string {
    if (column >= this.fields || column >= limits.columns) return ''
    const flags = this.#flags[column]!
    const start = this.#starts[column]!
    const end = this.#ends[column]!
    const text =
      (flags & HIGH) === 0 ? this.#bytes.latin1Slice(start, end) : decodeText(this.#bytes, start, end, this.#encoding)
    return (flags & ESCAPED) === 0 ? text : text.replaceAll('""', '"')
  }

  sound(column: number): boolean {
    if (column >= this.fields || column >= limits.columns) return true
    const flags = this.#flags[column]!
    if ((flags & CONTROL) !== 0) return false
    if ((flags & HIGH) === 0) return true
    const bytes = this.#bytes.subarray(this.#starts[column]!, this.#ends[column]!)
    return isText(this.text(column), bytes, this.#encoding)
  }
}

function kindsOf(delimiter: number): Uint8Array {
  const kinds = new Uint8Array(256)
  kinds.fill(CONTROL, 0, 0x20)
  kinds.fill(HIGH, 0x80)
  kinds[0x7f] = CONTROL
  kinds[0x09] = PLAIN
  kinds[LF_OCTET] = LINE_FEED
  kinds[CR_OCTET] = CARRIAGE_RETURN
  kinds[QUOTE_OCTET] = QUOTE
  kinds[delimiter] = DELIMITER
  return kinds
}
