/**
 * The user data of a submit_sm besides its text: the header, and the parameters that stand for one.
 *
 * 3GPP TS 23.040 §9.2.3.24: header length, then elements of identifier, length, data. Dispatcher thread, once per part.
 */
import { lockingOf, type ShiftTables, singleOf } from '../engine/contract/language.js'
import { blockOf, type MessageRef, type OutgoingMessage, placeOf } from '../engine/contract/message.js'
import { TAG } from './constants.js'
import { putTlv, putUint16 } from './encode.js'

/** Concatenation with a 16-bit reference and both national tables, with the length octet. */
export const HEADER_BYTES_MAX = 13
const CONCATENATION = 0x00
const CONCATENATION_16 = 0x08
const SINGLE_SHIFT = 0x24
const LOCKING_SHIFT = 0x25

/** What of the header is wanted. */
export interface HeaderForm {
  /** Part from 0; -1: no concatenation. */
  part: number
  /** 16-bit reference. */
  wide: boolean
  /** National language tables. */
  shift: ShiftTables
  /** Whole elements that the message brings; null: none. */
  elements: Buffer | null
}

/** Returns the place behind the header; `from` itself when it would have no element. */
export function writeUserDataHeader(bytes: Buffer, from: number, message: OutgoingMessage, form: HeaderForm): number {
  let at = from + 1
  if (form.part >= 0) at = writeConcatenation(bytes, at, message, form)
  if (form.shift !== 0) at = writeShift(bytes, at, form.shift)
  if (form.elements !== null) at += form.elements.copy(bytes, at)
  if (at === from + 1) return from
  bytes[from] = at - from - 1
  return at
}

/** §9.2.3.24.1 and .8: reference of one or two octets, number of parts, part from 1. */
function writeConcatenation(bytes: Buffer, from: number, message: OutgoingMessage, form: HeaderForm): number {
  const reference = concatenationReference(message.ref)
  let at = from
  bytes[at++] = form.wide ? CONCATENATION_16 : CONCATENATION
  bytes[at++] = form.wide ? 4 : 3
  if (form.wide) bytes[at++] = reference >>> 8
  bytes[at++] = reference
  bytes[at++] = message.partCount
  bytes[at++] = form.part + 1
  return at
}

/** §9.2.3.24.15 and .16: the national language of the single and of the locking table. */
function writeShift(bytes: Buffer, from: number, shift: ShiftTables): number {
  let at = from
  const single = singleOf(shift)
  const locking = lockingOf(shift)
  if (single !== 0) {
    bytes[at++] = SINGLE_SHIFT
    bytes[at++] = 1
    bytes[at++] = single
  }
  if (locking === 0) return at
  bytes[at++] = LOCKING_SHIFT
  bytes[at++] = 1
  bytes[at++] = locking
  return at
}

/** sar_msg_ref_num, sar_total_segments, sar_segment_seqnum (SMPP 3.4 §5.3.2.22 to .24). */
export function writeSar(bytes: Buffer, from: number, message: OutgoingMessage, part: number): number {
  let at = putTlv(bytes, from, TAG.sarReference, 2)
  putUint16(bytes, at, concatenationReference(message.ref))
  at = putTlv(bytes, at + 2, TAG.sarTotal, 1)
  bytes[at] = message.partCount
  at = putTlv(bytes, at + 1, TAG.sarSequence, 1)
  bytes[at] = part + 1
  return at + 1
}

/** Text that is too long for short_message goes to message_payload (§5.3.2.32). */
export function moveToPayload(bytes: Buffer, from: number, length: number): number {
  bytes.copyWithin(from + 4, from, from + length)
  putTlv(bytes, from, TAG.messagePayload, length)
  return from + 4 + length
}

/** Odd, so consecutive blocks step through all references before one comes again. */
const BLOCK_STEP = 0x9e37
/**
 * Reference of a message's parts: the 256 places of a block all differ, in the low octet too, which serves the 8-bit
 * form; so does the same place in the next 255 blocks.
 */
export function concatenationReference(ref: MessageRef): number {
  return (Math.imul(blockOf(ref) % 0x1_0000, BLOCK_STEP) + placeOf(ref)) & 0xffff
}
