/**
 * One entry of the outcome log, which is also one line of a message's history: the same bytes in both places.
 *
 * Layout (little endian): 0 u16 length · 2 u8 code · 3 u8 part · 4 u8 attempt · 5 u8 place · 6 u16 carrier number
 * 8 u16 bind · 10 u32 status · 14 u48 time (epoch ms) · 20 u8 flags · 21 u8 id length · 22 u8 error length · 23 id · error.
 * Of an accepted part `status` holds the end of the recipient's number (base/number-tail.ts; 0: unknown), of a receipt the carrier's
 * date (epoch seconds, 0: none), else the status of the protocol.
 * Of a call `error` holds its facts (base/call-facts.ts).
 * `authorised`, `withdrawn` and `due` stand for a run of messages: `status` counts them, `place` is the first.
 */
import type { OutcomeCode } from '../contract/outcome.js'

export const ENTRY_HEAD_BYTES = 23
export const ENTRY_MAX_BYTES = ENTRY_HEAD_BYTES + 255 + 255
/** The carrier was asked for a receipt of this part. */
export const RECEIPT_EXPECTED = 1
/** It was asked for one in case of failure. */
export const RECEIPT_POSSIBLE = 2
/** The entry is what a receipt said. */
export const BY_RECEIPT = 4
/** The call was answered, however much was heard. */
export const ANSWERED = 8
/** It did not use one of the attempts. */
export const KEEPS_ATTEMPT = 16
/** It settles a part of an attempt of which other parts are not settled, see open-parts.ts. */
export const OTHERS_OPEN = 32
/** Part number of entries that concern the whole message; `attempt` of a rejection then holds our own reason. */
export const WHOLE_MESSAGE = 255

/** Reused: filled before each write and by each read. */
export interface Entry {
  code: OutcomeCode
  part: number
  attempt: number
  place: number
  carrier: number
  bind: number
  status: number
  atMs: number
  flags: number
  id: Buffer
  idStart: number
  idLength: number
  error: string
}

export const NO_ID = Buffer.alloc(0)
/** Entries of our own making have no carrier. */
export const NO_CARRIER = 0xffff

export function blankEntry(): Entry {
  return {
    code: 0,
    part: 0,
    attempt: 0,
    place: 0,
    carrier: NO_CARRIER,
    bind: 0,
    status: 0,
    atMs: 0,
    flags: 0,
    id: NO_ID,
    idStart: 0,
    idLength: 0,
    error: '',
  }
}

/** Errors up to this length are written without a call out of JavaScript. */
const SHORT_ERROR = 8
const TWO_32 = 2 ** 32

/** Bytes written at `at`; the target must have ENTRY_MAX_BYTES left. Octet by octet: twice a message, and Buffer's writers check each. */
export function writeEntry(target: Buffer, at: number, entry: Entry): number {
  const { idLength, status, atMs, carrier, bind } = entry
  const errorLength = entry.error === '' ? 0 : writeError(target, at + ENTRY_HEAD_BYTES + idLength, entry.error)
  const length = ENTRY_HEAD_BYTES + idLength + errorLength
  const atLow = atMs >>> 0
  const atHigh = Math.floor(atMs / TWO_32)
  target[at] = length
  target[at + 1] = length >> 8
  target[at + 2] = entry.code
  target[at + 3] = entry.part
  target[at + 4] = entry.attempt
  target[at + 5] = entry.place
  target[at + 6] = carrier
  target[at + 7] = carrier >> 8
  target[at + 8] = bind
  target[at + 9] = bind >> 8
  target[at + 10] = status
  target[at + 11] = status >>> 8
  target[at + 12] = status >>> 16
  target[at + 13] = status >>> 24
  target[at + 14] = atLow
  target[at + 15] = atLow >>> 8
  target[at + 16] = atLow >>> 16
  target[at + 17] = atLow >>> 24
  target[at + 18] = atHigh
  target[at + 19] = atHigh >> 8
  target[at + 20] = entry.flags
  target[at + 21] = idLength
  target[at + 22] = errorLength
  const { id, idStart } = entry
  for (let n = 0; n < idLength; n++) target[at + ENTRY_HEAD_BYTES + n] = id[idStart + n]!
  return length
}

function writeError(target: Buffer, at: number, error: string): number {
  const { length } = error
  if (length > SHORT_ERROR) return target.latin1Write(error, at, 255)
  for (let n = 0; n < length; n++) target[at + n] = error.charCodeAt(n)
  return length
}

/** Length of the entry at `at`; `entry.id` is a view of the source. */
export function readEntry(source: Buffer, at: number, entry: Entry): number {
  const length = wordAt(source, at)
  entry.code = source[at + 2]! as OutcomeCode
  entry.part = source[at + 3]!
  entry.attempt = source[at + 4]!
  entry.place = source[at + 5]!
  entry.carrier = wordAt(source, at + 6)
  entry.bind = wordAt(source, at + 8)
  entry.status = longAt(source, at + 10)
  entry.atMs = wordAt(source, at + 18) * TWO_32 + longAt(source, at + 14)
  entry.flags = source[at + 20]!
  entry.idLength = source[at + 21]!
  entry.id = source
  entry.idStart = at + ENTRY_HEAD_BYTES
  const errorLength = source[at + 22]!
  const errorAt = entry.idStart + entry.idLength
  entry.error = errorLength === 0 ? '' : source.latin1Slice(errorAt, errorAt + errorLength)
  return length
}

function wordAt(source: Buffer, at: number): number {
  return source[at]! | (source[at + 1]! << 8)
}
function longAt(source: Buffer, at: number): number {
  return (wordAt(source, at) | (wordAt(source, at + 2) << 16)) >>> 0
}
