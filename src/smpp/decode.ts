/**
 * Reading of PDUs (SMPP 3.4 §4) without strings or objects per PDU: fields are places in the chunk, filled into records
 * that are reused. Nothing reads outside the PDU, and nothing throws: what is missing is empty.
 */
import { COMMAND, HEADER_BYTES, TAG, VERSION } from './constants.js'
import { findTlv, type TlvView, tlvStart } from './tlv.js'

export function readUint32(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}

/** Place of the NUL that ends the C-octet string at `at`, or `end` when the peer left it out (carriers.md 66). */
export function cStringEnd(bytes: Buffer, at: number, end: number): number {
  let place = at
  while (place < end && bytes[place] !== 0) place++
  return Math.min(place, end)
}

/** A part of a chunk; valid as long as the chunk. */
export interface Span {
  start: number
  length: number
}

/** The C-octet string that begins a response's body (message_id, system_id); empty when there is no body. */
export function responseText(bytes: Buffer, start: number, end: number, into: Span): void {
  into.start = Math.min(start + HEADER_BYTES, end)
  into.length = cStringEnd(bytes, into.start, end) - into.start
}

/** sc_interface_version of a bind response (§5.3.2.25); 3.4 where the carrier leaves it out. */
export function scInterfaceVersion(bytes: Buffer, start: number, end: number): number {
  const at = Math.min(cStringEnd(bytes, Math.min(start + HEADER_BYTES, end), end) + 1, end)
  const there = findTlv(bytes, { start: at, length: end - at }, TAG.interfaceVersion, found)
  return there && found.length === 1 ? bytes[found.start]! : VERSION.threeFour
}

/** Leaves out spaces and NULs on both sides: ids come padded. */
export function trimSpan(bytes: Buffer, span: Span): void {
  while (span.length > 0 && bytes[span.start]! <= 0x20) {
    span.start++
    span.length--
  }
  while (span.length > 0 && bytes[span.start + span.length - 1]! <= 0x20) span.length--
}

/** Fields of submit_sm, deliver_sm and data_sm that anyone here looks at; places are in the chunk. */
export interface MessagePdu {
  sourceTon: number
  sourceNpi: number
  source: Span
  destinationTon: number
  destinationNpi: number
  destination: Span
  esmClass: number
  registeredDelivery: number
  dataCoding: number
  /** short_message, or message_payload when that is empty. */
  text: Span
  /** Optional parameters. */
  tlvs: Span
  /** False: a mandatory field was cut off, too long or sm_length ran over the end. */
  sound: boolean
}

export function newMessagePdu(): MessagePdu {
  return {
    sourceTon: 0,
    sourceNpi: 0,
    source: { start: 0, length: 0 },
    destinationTon: 0,
    destinationNpi: 0,
    destination: { start: 0, length: 0 },
    esmClass: 0,
    registeredDelivery: 0,
    dataCoding: 0,
    text: { start: 0, length: 0 },
    tlvs: { start: 0, length: 0 },
    sound: false,
  }
}

const found: TlvView = { start: 0, length: 0 }
const ADDRESS_MAX = 21
const DATA_ADDRESS_MAX = 65

/** Fills `pdu` from submit_sm, deliver_sm (§4.4.1, §4.6.1) or data_sm (§4.7.1) at bytes[start, end). */
export function readMessagePdu(bytes: Buffer, start: number, end: number, pdu: MessagePdu): void {
  pdu.sound = true
  const command = readUint32(bytes, start + 4)
  const limit = command === COMMAND.dataSm ? DATA_ADDRESS_MAX : ADDRESS_MAX
  let at = skipCString(bytes, start + HEADER_BYTES, end, { max: 6, pdu })
  pdu.sourceTon = octet(bytes, at, end)
  pdu.sourceNpi = octet(bytes, at + 1, end)
  at = readAddress(bytes, Math.min(at + 2, end), end, pdu.source)
  pdu.destinationTon = octet(bytes, at, end)
  pdu.destinationNpi = octet(bytes, at + 1, end)
  at = readAddress(bytes, Math.min(at + 2, end), end, pdu.destination)
  if (pdu.source.length >= limit || pdu.destination.length >= limit) pdu.sound = false
  at = command === COMMAND.dataSm ? readDataTail(bytes, at, end, pdu) : readTextTail(bytes, at, end, pdu)
  const tlvs = tlvStart(bytes, at, end)
  pdu.tlvs.start = tlvs
  pdu.tlvs.length = end - tlvs
  if (pdu.text.length === 0 && findTlv(bytes, pdu.tlvs, TAG.messagePayload, found)) {
    pdu.text.start = found.start
    pdu.text.length = found.length
  }
}

/** esm_class … short_message (§4.4.1). Returns the place after short_message. */
function readTextTail(bytes: Buffer, from: number, end: number, pdu: MessagePdu): number {
  pdu.esmClass = octet(bytes, from, end)
  let at = skipCString(bytes, from + 3, end, { max: 17, pdu })
  at = skipCString(bytes, at, end, { max: 17, pdu })
  if (at + 5 > end) pdu.sound = false
  pdu.registeredDelivery = octet(bytes, at, end)
  pdu.dataCoding = octet(bytes, at + 2, end)
  const length = octet(bytes, at + 4, end)
  pdu.text.start = Math.min(at + 5, end)
  if (length > end - pdu.text.start) pdu.sound = false
  pdu.text.length = Math.min(length, end - pdu.text.start)
  return pdu.text.start + pdu.text.length
}

/** esm_class, registered_delivery, data_coding (§4.7.1). */
function readDataTail(bytes: Buffer, at: number, end: number, pdu: MessagePdu): number {
  if (at + 3 > end) pdu.sound = false
  pdu.esmClass = octet(bytes, at, end)
  pdu.registeredDelivery = octet(bytes, at + 1, end)
  pdu.dataCoding = octet(bytes, at + 2, end)
  pdu.text.start = Math.min(at + 3, end)
  pdu.text.length = 0
  return pdu.text.start
}

function readAddress(bytes: Buffer, at: number, end: number, into: Span): number {
  const stop = cStringEnd(bytes, at, end)
  into.start = at
  into.length = stop - at
  return Math.min(stop + 1, end)
}

function skipCString(bytes: Buffer, from: number, end: number, rule: { max: number; pdu: MessagePdu }): number {
  const at = Math.min(from, end)
  const stop = cStringEnd(bytes, at, end)
  if (stop - at >= rule.max || stop === end) rule.pdu.sound = false
  return Math.min(stop + 1, end)
}

function octet(bytes: Buffer, at: number, end: number): number {
  return at < end ? bytes[at]! : 0
}
