/**
 * Makes a PDU fit to be shown: a copy of the same length, its text and password overwritten. Text of a receipt is kept
 * up to `text:`, since what stands before it is the carrier's own (SMPP 3.4 appendix B).
 */
import { readDataCoding } from '../engine/text/data-coding.js'
import { COMMAND, ESM, HEADER_BYTES, TAG } from './constants.js'
import { cStringEnd, newMessagePdu, readMessagePdu, readUint32, type Span } from './decode.js'
import { findTlv } from './tlv.js'

export const STAR = 0x2a
const pdu = newMessagePdu()
const payload: Span = { start: 0, length: 0 }

/** A copy of bytes[start, end) without password and, unless `text`, without the words of the message. */
export function maskedCopy(bytes: Buffer, start: number, end: number, text: boolean): Buffer {
  const copy = Buffer.from(bytes.subarray(start, end))
  if (copy.length < HEADER_BYTES) return copy
  const command = readUint32(copy, 4)
  if (isBind(command) || command === COMMAND.outbind) maskPassword(copy)
  else if (!text && isMessage(command)) maskText(copy)
  return copy
}

export function isBind(command: number): boolean {
  return command === COMMAND.bindReceiver || command === COMMAND.bindTransmitter || command === COMMAND.bindTransceiver
}

/** submit_sm, deliver_sm and data_sm: what has two addresses and a text. */
export function isMessage(command: number): boolean {
  return command === COMMAND.submitSm || command === COMMAND.deliverSm || command === COMMAND.dataSm
}

/** The second C-octet string of a bind or outbind (§4.1.1, §4.1.7.1). */
function maskPassword(bytes: Buffer): void {
  const from = cStringEnd(bytes, HEADER_BYTES, bytes.length) + 1
  const to = cStringEnd(bytes, from, bytes.length)
  if (from < to) bytes.fill(STAR, from, to)
}

function maskText(bytes: Buffer): void {
  readMessagePdu(bytes, 0, bytes.length, pdu)
  const { text, tlvs, esmClass, dataCoding } = pdu
  maskSpan(bytes, text, { esmClass, dataCoding })
  // Both may be there, though they should not (§5.3.2.32).
  if (findTlv(bytes, tlvs, TAG.messagePayload, payload) && payload.start !== text.start) {
    maskSpan(bytes, payload, { esmClass, dataCoding })
  }
}

function maskSpan(bytes: Buffer, span: Span, kind: { esmClass: number; dataCoding: number }): void {
  const end = span.start + span.length
  let from = span.start
  if ((kind.esmClass & ESM.udhi) !== 0 && span.length > 0) from = Math.min(end, from + 1 + bytes[from]!)
  from += receiptLength(bytes.latin1Slice(from, end))
  if (readDataCoding(kind.dataCoding).alphabet !== 'ucs2') {
    bytes.fill(STAR, from, end)
    return
  }
  for (let at = from; at < end; at++) bytes[at] = (at - from) % 2 === 0 ? 0 : STAR
}

/** Characters up to the words that a receipt quotes; 0: it is none. */
function receiptLength(text: string): number {
  if (!/\bid:/i.test(text) || !/\bstat:/i.test(text)) return 0
  const words = /\btext:/i.exec(text)
  return words === null ? text.length : words.index + words[0].length
}
