/**
 * The user data header before a text (3GPP TS 23.040 §9.2.3.24): its length, then elements of identifier, length and
 * value. Concatenation comes first, then the national language tables.
 */
import { lockingOf, type ShiftTables, singleOf } from '../engine/contract/language.js'
import { blockOf, type MessageRef, type OutgoingMessage, placeOf } from '../engine/contract/message.js'

/** Octets of the longest header: its length, a 16-bit concatenation, two tables. */
export const HEADER_OCTETS_MAX = 1 + 6 + 3 + 3

/** Element identifiers: §9.2.3.24.1, .8, .15 and .16. */
const IEI = { concatenation: 0x00, concatenation16: 0x08, singleShift: 0x24, lockingShift: 0x25 } as const

export interface HeaderForm {
  /** From 0; -1: the header joins nothing. */
  part: number
  /** The reference has 16 bits. */
  wide: boolean
  shift: ShiftTables
}

/** Returns the place behind the header; `from` when there is nothing to say. */
export function writeUserDataHeader(bytes: Buffer, from: number, message: OutgoingMessage, form: HeaderForm): number {
  let at = from + 1
  if (form.part >= 0) at = writeConcatenation(bytes, at, message, form)
  if (singleOf(form.shift) !== 0) at = writeTable(bytes, at, IEI.singleShift, singleOf(form.shift))
  if (lockingOf(form.shift) !== 0) at = writeTable(bytes, at, IEI.lockingShift, lockingOf(form.shift))
  if (at === from + 1) return from
  bytes[from] = at - from - 1
  return at
}

/** Reference of one or two octets, number of parts, part from 1. */
function writeConcatenation(bytes: Buffer, from: number, message: OutgoingMessage, form: HeaderForm): number {
  const reference = concatenationReference(message.ref)
  let at = from
  bytes[at++] = form.wide ? IEI.concatenation16 : IEI.concatenation
  bytes[at++] = form.wide ? 4 : 3
  if (form.wide) bytes[at++] = reference >>> 8
  bytes[at++] = reference
  bytes[at++] = message.partCount
  bytes[at++] = form.part + 1
  return at
}

function writeTable(bytes: Buffer, at: number, element: number, language: number): number {
  bytes[at] = element
  bytes[at + 1] = 1
  bytes[at + 2] = language
  return at + 3
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
