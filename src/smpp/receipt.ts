/**
 * Delivery receipts: optional parameters first (SMPP 3.4 §5.3.2.12, §5.3.2.35), then the vendor-specific text of
 * Appendix B: `id:… sub:… dlvrd:… submit date:… done date:… stat:… err:… text:…`.
 *
 * Every field may be missing, doubled in spaces or in another case (carriers.md 1 to 32). Nothing after `text:` is read:
 * it quotes the subscriber's message and could hold a forged `id:`.
 */
import { OUTCOME, type OutcomeCode } from '../engine/contract/outcome.js'
import { ESM, TAG } from './constants.js'
import type { MessagePdu, Span } from './decode.js'
import { findTlv, readUint16 } from './tlv.js'

/** What a receipt says; reused. `id` is a place in `bytes` (the chunk, or scratch for UTF-16 text). */
export interface ReceiptFields {
  bytes: Buffer
  id: Span
  code: OutcomeCode
  /** `err:` or network_error_code, at most 16 characters. */
  error: string
}

export function newReceiptFields(): ReceiptFields {
  return { bytes: Buffer.alloc(0), id: { start: 0, length: 0 }, code: OUTCOME.enroute, error: '' }
}

const { delivered, undelivered, expired, rejected, enroute } = OUTCOME
/** message_state (§5.2.28): 1 enroute … 8 rejected. UNKNOWN is final there. */
const BY_STATE: readonly (OutcomeCode | undefined)[] = [
  undefined,
  enroute,
  delivered,
  expired,
  undelivered,
  undelivered,
  enroute,
  undelivered,
  rejected,
]
/** By the first letters of stat, upper-case; the vendors' spellings differ only behind them. */
const BY_PREFIX: readonly (readonly [string, OutcomeCode])[] = [
  ['DELIV', delivered],
  ['UNDEL', undelivered],
  ['EXPIR', expired],
  ['REJEC', rejected],
  ['DELET', undelivered],
  ['FAIL', undelivered],
  ['UNKNO', undelivered],
  ['SKIP', undelivered],
  ['ACCEP', enroute],
  ['ACK', enroute],
  ['ENROU', enroute],
  ['BUFF', enroute],
  ['SCHED', enroute],
]
const found: Span = { start: 0, length: 0 }
const idPlace: Span = { start: 0, length: 0 }
const statPlace: Span = { start: 0, length: 0 }
const errPlace: Span = { start: 0, length: 0 }
const narrow = Buffer.alloc(512)
const ERROR_CHARACTERS = 16

/**
 * True when the PDU is a receipt; `into` is filled. By the type bits of esm_class, or by its parameters, or, where a
 * carrier sends esm_class 0, by a text that has the form of Appendix B from its first word on.
 */
export function readReceipt(bytes: Buffer, pdu: MessagePdu, into: ReceiptFields): boolean {
  const type = pdu.esmClass & ESM.typeMask
  const hasId = findTlv(bytes, pdu.tlvs, TAG.receiptedMessageId, found)
  if (type !== ESM.receipt && type !== ESM.intermediate && !hasId && (type !== 0 || !looksLikeReceipt(bytes, pdu)))
    return false
  into.bytes = bytes
  into.id.start = hasId ? found.start : 0
  into.id.length = hasId ? cLength(bytes, found) : 0
  readText(bytes, pdu, into)
  readState(bytes, pdu, into)
  if (type === ESM.intermediate) into.code = enroute
  return true
}

/** Scans the text once; its id counts only where the parameter gave none. */
function readText(bytes: Buffer, pdu: MessagePdu, into: ReceiptFields): void {
  let text = bytes
  let { start } = pdu.text
  let end = start + pdu.text.length
  if ((pdu.esmClass & ESM.udhi) !== 0 && start < end && bytes[start]! < end - start) start += bytes[start]! + 1
  if (end - start >= 2 && bytes[start] === 0) {
    end = narrowUtf16(bytes, start, end)
    text = narrow
    start = 0
  }
  scan(text, start, end)
  if (into.id.length === 0 && idPlace.length > 0) {
    into.bytes = text
    into.id.start = idPlace.start
    into.id.length = idPlace.length
  }
  into.code = statPlace.length > 0 ? stateOfText(text) : enroute
  into.error = errPlace.length > 0 ? shortText(text, errPlace) : ''
}

/** message_state wins over the text; network_error_code only fills an absent `err:`. */
function readState(bytes: Buffer, pdu: MessagePdu, into: ReceiptFields): void {
  if (pdu.tlvs.length === 0) return
  if (findTlv(bytes, pdu.tlvs, TAG.messageState, found) && found.length >= 1) {
    into.code = BY_STATE[bytes[found.start]!] ?? into.code
  }
  if (into.error === '' && findTlv(bytes, pdu.tlvs, TAG.networkErrorCode, found) && found.length >= 3) {
    const first = bytes[found.start]!
    // Some carriers put three ASCII digits where type and number belong (carriers.md 13).
    if (first >= 0x30 && first <= 0x39) into.error = shortText(bytes, found)
    else into.error = String(readUint16(bytes, found.start + 1))
  }
}

/** Finds id, stat and err in bytes[start, end): words before a colon are keys, whatever their case and order. */
function scan(bytes: Buffer, start: number, end: number): void {
  idPlace.length = 0
  statPlace.length = 0
  errPlace.length = 0
  let at = start
  while (at < end) {
    while (at < end && bytes[at]! <= 0x20) at++
    const key = at
    while (at < end && bytes[at]! > 0x20 && bytes[at] !== 0x3a) at++
    if (at >= end || bytes[at] !== 0x3a) continue
    const length = at - key
    at++
    if (isKey(bytes, key, length, 'text')) return
    const place = placeFor(bytes, key, length)
    if (place !== null) at = readValue(bytes, at, end, place)
  }
}

function placeFor(bytes: Buffer, key: number, length: number): Span | null {
  if (isKey(bytes, key, length, 'id')) return idPlace
  if (isKey(bytes, key, length, 'stat')) return statPlace
  return isKey(bytes, key, length, 'err') ? errPlace : null
}

/** The word behind the colon, spaces allowed before it; a word that is itself a key means an empty value. */
function readValue(bytes: Buffer, from: number, end: number, place: Span): number {
  let at = from
  while (at < end && bytes[at] === 0x20) at++
  const start = at
  while (at < end && bytes[at]! > 0x20) {
    if (bytes[at] === 0x3a && start > from) return start
    at++
  }
  if (place.length === 0) {
    place.start = start
    place.length = at - start
  }
  return at
}

function isKey(bytes: Buffer, at: number, length: number, key: string): boolean {
  if (length !== key.length) return false
  for (let place = 0; place < length; place++) {
    if ((bytes[at + place]! | 0x20) !== key.charCodeAt(place)) return false
  }
  return true
}

function stateOfText(bytes: Buffer): OutcomeCode {
  const text = bytes.latin1Slice(statPlace.start, statPlace.start + Math.min(statPlace.length, 5)).toUpperCase()
  for (const [prefix, code] of BY_PREFIX) if (text.startsWith(prefix)) return code
  if (text === '0') return delivered
  return (/^[1-8]$/.test(text) ? BY_STATE[Number(text)] : undefined) ?? enroute
}

const FIRST_FIELDS = /^id: *\S+\s+(?:sub|dlvrd|stat|err|submit ?date|done ?date) *:/i

/** esm_class 0: a text that starts with `id:` and another field, and has a `stat:`, as no subscriber writes by chance. */
function looksLikeReceipt(bytes: Buffer, pdu: MessagePdu): boolean {
  const { start, length } = pdu.text
  if (length < 12 || !isKey(bytes, start, 2, 'id') || bytes[start + 2] !== 0x3a) return false
  const text = bytes.latin1Slice(start, start + length)
  return FIRST_FIELDS.test(text) && /\sstat:/i.test(text)
}

function shortText(bytes: Buffer, place: Span): string {
  const { start } = place
  if (place.length === 3 && bytes[start] === 0x30 && bytes[start + 1] === 0x30 && bytes[start + 2] === 0x30)
    return '000'
  return bytes.latin1Slice(start, start + Math.min(place.length, ERROR_CHARACTERS))
}

/** Octets before the NUL that the parameter should end with. */
function cLength(bytes: Buffer, place: Span): number {
  let length = 0
  while (length < place.length && bytes[place.start + length] !== 0) length++
  return length
}

function narrowUtf16(bytes: Buffer, start: number, end: number): number {
  const characters = Math.min((end - start) >> 1, narrow.length)
  for (let at = 0; at < characters; at++) narrow[at] = bytes[start + at * 2 + 1]!
  return characters
}
