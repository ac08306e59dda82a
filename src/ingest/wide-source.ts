/**
 * UTF-16 files for the byte scanner: a piece is made UTF-8, scanned, and its offsets are carried back to the octets of the
 * file, so that a table is the same in every encoding. Runs in the ingest threads, on about a MiB at a time.
 */
import { reasonNumber } from '../engine/contract/reasons.js'
import { decodeText } from './decode.js'
import { type Edge, type Next, RECORD, type RecordSource } from './record-source.js'
import { Scanner } from './scanner.js'

const BODY_INVALID = reasonNumber('BODY_INVALID')
const UNIT_BYTES = 2
const LONE_SURROGATE = /\p{Surrogate}/u
/** What a lone surrogate becomes in UTF-8. */
const REPLACED = '\ufffd'

export class WideSource implements RecordSource {
  problem = 0
  problemColumn = -1
  offset = 0
  length = 0
  position = 0

  readonly #encoding: 'utf16le' | 'utf16be'
  readonly #scanner: Scanner
  #wide: Buffer = Buffer.alloc(0)
  #utf8: Buffer = Buffer.alloc(0)
  /** Half of a character stands somewhere in the piece: each record is looked at. */
  #hasHalves = false

  constructor(encoding: 'utf16le' | 'utf16be', delimiter: string) {
    this.#encoding = encoding
    this.#scanner = new Scanner('utf8', delimiter)
  }

  get fields(): number {
    return this.#scanner.fields
  }
  get line(): number {
    return this.#scanner.line
  }
  get lines(): number {
    return this.#scanner.lines
  }
  get blank(): boolean {
    return this.#scanner.blank
  }
  get overlong(): boolean {
    return this.#scanner.overlong
  }

  get overlongFrom(): number {
    const scanner = this.#scanner
    return this.position + unitsOf(this.#utf8, scanner.offset, scanner.overlongFrom) * UNIT_BYTES
  }
  get overlongLines(): number {
    return this.#scanner.overlongLines
  }

  reset(bytes: Buffer, end: number, edge: Edge): void {
    const text = decodeText(bytes, 0, end - (end % UNIT_BYTES), this.#encoding)
    this.#wide = bytes
    this.#hasHalves = LONE_SURROGATE.test(text)
    this.#utf8 = Buffer.from(text)
    this.#scanner.reset(this.#utf8, this.#utf8.length, edge)
    this.position = 0
  }

  next(): Next {
    const scanner = this.#scanner
    const answer = scanner.next()
    this.offset = this.position
    if (answer !== RECORD) return answer
    this.length = unitsOf(this.#utf8, scanner.offset, scanner.position) * UNIT_BYTES
    this.position += this.length
    this.problem = scanner.problem
    this.problemColumn = scanner.problemColumn
    if (this.#hasHalves && this.problem === 0) this.#findHalf()
    return RECORD
  }

  #findHalf(): void {
    if (!LONE_SURROGATE.test(decodeText(this.#wide, this.offset, this.position, this.#encoding))) return
    this.problem = BODY_INVALID
    this.problemColumn = 0
    while (this.problemColumn < this.fields - 1 && !this.text(this.problemColumn).includes(REPLACED)) {
      this.problemColumn++
    }
  }

  text(column: number): string {
    return this.#scanner.text(column)
  }

  sound(column: number): boolean {
    return this.#scanner.sound(column)
  }
}

/** UTF-16 units that the UTF-8 octets stand for. */
function unitsOf(utf8: Buffer, start: number, end: number): number {
  let units = 0
  for (let at = start; at < end; at++) {
    const octet = utf8[at]!
    if ((octet & 0xc0) !== 0x80) units += octet >= 0xf0 ? 2 : 1
  }
  return units
}
