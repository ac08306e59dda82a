/**
 * Delivery receipts in all their dialects: optional parameters first (SMPP 3.4 §5.3.2.12, §5.3.2.35), then the
 * vendor-specific text of Appendix B (receipt-text.ts), or the carrier's own pattern. Every part may be missing (carriers.md
 * 1 to 13, 27 to 31). Dispatcher thread, once per deliver_sm or data_sm: bytes, no strings but for a strange error.
 */
import { numberTail } from '../engine/base/number-tail.js'
import type { ReceiptsConfig } from '../engine/config/smpp-receipts.js'
import { OUTCOME, type OutcomeCode } from '../engine/contract/outcome.js'
import { ESM, TAG } from './constants.js'
import type { MessagePdu, Span } from './decode.js'
import { dateSeconds } from './receipt-date.js'
import { ReceiptLayout } from './receipt-layout.js'
import { StateTable } from './receipt-state.js'
import { newTextFields, scanText, type TextFields } from './receipt-text.js'
import { findTlv, readUint16 } from './tlv.js'

/** What a receipt says; reused. `id` is a place in `bytes` (the chunk, or scratch for UTF-16 text). */
export interface ReceiptFields {
  bytes: Buffer
  id: Span
  code: OutcomeCode
  /** '' or the word that stands for its state and that nobody knows; `code` is then enroute. */
  strangeStat: string
  /** `err:` or network_error_code, at most 16 characters. */
  error: string
  /** The carrier's done date as it stands, see receipt-date.ts; 0: none. */
  doneSeconds: number
  /** Ends of both addresses, see number-tail.ts; 0: no number. */
  source: number
  destination: number
  /** Its text alone makes it a receipt: a subscriber could have written it. */
  byText: boolean
}

export function newReceiptFields(): ReceiptFields {
  return {
    bytes: Buffer.alloc(0),
    id: { start: 0, length: 0 },
    code: OUTCOME.enroute,
    strangeStat: '',
    error: '',
    doneSeconds: 0,
    source: 0,
    destination: 0,
    byText: false,
  }
}

export type ReceiptDialect = Pick<ReceiptsConfig, 'detect' | 'states' | 'regex'>

const found: Span = { start: 0, length: 0 }
const errorPlace: Span = { start: 0, length: 0 }
const narrow = Buffer.alloc(512)
const ERROR_CHARACTERS = 16
const STAT_CHARACTERS = 20
/** Longest text that the carrier's own pattern is given. */
const PATTERN_BYTES = 512
const ACKNOWLEDGEMENTS = ESM.deliveryAck | ESM.userAck

/** Reads the receipts of one carrier. */
export class ReceiptReader {
  readonly #states: StateTable
  readonly #pattern: RegExp | null
  readonly #detects: boolean
  readonly #fields: TextFields = newTextFields()
  readonly #layout = new ReceiptLayout()
  /** The text that `#fields` are places in. */
  #text: Buffer = narrow

  constructor(dialect: ReceiptDialect) {
    this.#states = new StateTable(dialect.states)
    this.#pattern = dialect.regex === undefined ? null : new RegExp(dialect.regex, 'i')
    this.#detects = dialect.detect === 'auto'
  }

  /** True when the PDU is a receipt; `into` is filled. */
  read(bytes: Buffer, pdu: MessagePdu, into: ReceiptFields): boolean {
    const type = pdu.esmClass & ESM.typeMask
    const isMarked = (type & (ESM.receipt | ESM.intermediate)) !== 0
    const idLength = this.#parameterId(bytes, pdu)
    if (!isMarked && idLength === 0 && (!this.#detects || pdu.text.length < 8)) return false
    const idStart = found.start
    const fits = this.#readText(bytes, pdu)
    if (!isMarked && !this.#isReceipt(type, idLength > 0, fits)) return false
    const { id } = this.#fields
    const fromText = idLength === 0
    into.bytes = fromText ? this.#text : bytes
    into.id.start = fromText ? id.start : idStart
    into.id.length = fromText ? id.length : idLength
    into.byText = fromText && (!isMarked || this.#fields.textFirst)
    into.source = numberTail(bytes, pdu.source.start, pdu.source.length)
    into.destination = numberTail(bytes, pdu.destination.start, pdu.destination.length)
    this.#readState(bytes, pdu, into)
    if ((type & ESM.intermediate) !== 0) into.code = OUTCOME.enroute
    return true
  }

  /** Octets of receipted_message_id before the NUL that it should end with, at `found.start`; 0: there is none. */
  #parameterId(bytes: Buffer, pdu: MessagePdu): number {
    if (pdu.tlvs.length === 0 || !findTlv(bytes, pdu.tlvs, TAG.receiptedMessageId, found)) return 0
    let length = 0
    while (length < found.length && bytes[found.start + length] !== 0) length++
    return length
  }

  /**
   * An unmarked PDU: an acknowledgement of the recipient's phone counts when it names a message (29), one without any type
   * when it has the parameter, or a text of fields from its first word on, as no subscriber writes by chance (28).
   */
  #isReceipt(type: number, hasId: boolean, fits: boolean): boolean {
    if (!this.#detects || (type !== 0 && (type & ~ACKNOWLEDGEMENTS) !== 0)) return false
    const { id, stat, known, strays } = this.#fields
    if (hasId || (type !== 0 && id.length > 0)) return true
    return id.length > 0 && stat.length > 0 && (fits || (known >= 2 && strays === 0) || known >= 5)
  }

  /** Finds the fields of the text, once. True: by the carrier's own pattern. */
  #readText(bytes: Buffer, pdu: MessagePdu): boolean {
    let { start } = pdu.text
    let end = start + pdu.text.length
    this.#text = bytes
    if ((pdu.esmClass & ESM.udhi) !== 0 && start < end && bytes[start]! < end - start) start += bytes[start]! + 1
    if (end - start >= 2 && bytes[start] === 0) {
      end = narrowUtf16(bytes, start, end)
      this.#text = narrow
      start = 0
    }
    if (this.#pattern !== null && this.#matchPattern(this.#pattern, start, end)) return true
    this.#layout.scan(this.#text, start, end, this.#fields)
    return false
  }

  /** The groups are copied out of the match, into places of `narrow`. */
  #matchPattern(pattern: RegExp, start: number, end: number): boolean {
    const groups = pattern.exec(this.#text.latin1Slice(start, Math.min(end, start + PATTERN_BYTES)))?.groups
    if (groups === undefined) return false
    scanText(narrow, 0, 0, this.#fields)
    const { id, stat, err, done } = this.#fields
    let at = 0
    for (const [place, value = ''] of [
      [id, groups.id],
      [stat, groups.stat],
      [err, groups.err],
      [done, groups.done],
    ] as const) {
      place.start = at
      place.length = narrow.latin1Write(value, at)
      at += place.length
    }
    this.#text = narrow
    return true
  }

  /** message_state wins over the text; network_error_code only fills an absent `err:`. */
  #readState(bytes: Buffer, pdu: MessagePdu, into: ReceiptFields): void {
    const { stat, err, done } = this.#fields
    const text = this.#text
    let code = stat.length > 0 ? this.#states.ofText(text, stat) : undefined
    into.error = err.length > 0 ? shortText(text, err) : ''
    into.doneSeconds = done.length > 0 ? dateSeconds(text, done) : 0
    if (pdu.tlvs.length > 0) {
      code = this.#parameterState(bytes, pdu) ?? code
      if (into.error === '') into.error = parameterError(bytes, pdu)
    }
    into.code = code ?? OUTCOME.enroute
    into.strangeStat = code === undefined ? strangeText(text, stat) : ''
  }

  /** message_state: an octet; some carriers put its digit there, others the word. */
  #parameterState(bytes: Buffer, pdu: MessagePdu): OutcomeCode | undefined {
    if (!findTlv(bytes, pdu.tlvs, TAG.messageState, found) || found.length === 0) return undefined
    if (found.length >= 4) return this.#states.ofText(bytes, found)
    const octet = bytes[found.start]!
    return this.#states.ofNumber(octet >= 0x30 && octet <= 0x39 ? octet - 0x30 : octet)
  }
}

/** network_error_code: type and number (§5.3.2.31), or three ASCII digits in their place (13). '': none. */
function parameterError(bytes: Buffer, pdu: MessagePdu): string {
  if (!findTlv(bytes, pdu.tlvs, TAG.networkErrorCode, found) || found.length < 3) return ''
  const first = bytes[found.start]!
  if (first < 0x30 || first > 0x39) return String(readUint16(bytes, found.start + 1))
  errorPlace.start = found.start
  errorPlace.length = bytes[found.start + found.length - 1] === 0 ? found.length - 1 : found.length
  return shortText(bytes, errorPlace)
}

function shortText(bytes: Buffer, place: Span): string {
  const { start } = place
  if (place.length === 3 && bytes[start] === 0x30 && bytes[start + 1] === 0x30 && bytes[start + 2] === 0x30)
    return '000'
  return bytes.latin1Slice(start, start + Math.min(place.length, ERROR_CHARACTERS))
}

function strangeText(bytes: Buffer, { start, length }: Span): string {
  return length === 0 ? '-' : bytes.latin1Slice(start, start + Math.min(length, STAT_CHARACTERS))
}

function narrowUtf16(bytes: Buffer, start: number, end: number): number {
  const characters = Math.min((end - start) >> 1, narrow.length)
  for (let at = 0; at < characters; at++) narrow[at] = bytes[start + at * 2 + 1]!
  return characters
}
