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

/** Bytes written at `at`; the target must have ENTRY_MAX_BYTES left. */
export function writeEntry(target: Buffer, at: number, entry: Entry): number {
  const errorLength =
    entry.error === '' ? 0 : target.latin1Write(entry.error, at + ENTRY_HEAD_BYTES + entry.idLength, 255)
  const length = ENTRY_HEAD_BYTES + entry.idLength + errorLength
  target[at] = length & 255
  target[at + 1] = length >> 8
  target[at + 2] = entry.code
  target[at + 3] = entry.part
  target[at + 4] = entry.attempt
  target[at + 5] = entry.place
  target[at + 6] = entry.carrier & 255
  target[at + 7] = entry.carrier >> 8
  target[at + 8] = entry.bind & 255
  target[at + 9] = entry.bind >> 8
  target.writeUInt32LE(entry.status, at + 10)
  target.writeUIntLE(entry.atMs, at + 14, 6)
  target[at + 20] = entry.flags
  target[at + 21] = entry.idLength
  target[at + 22] = errorLength
  const { id, idStart } = entry
  for (let n = 0; n < entry.idLength; n++) target[at + ENTRY_HEAD_BYTES + n] = id[idStart + n]!
  return length
}

/** Length of the entry at `at`; `entry.id` is a view of the source. */
export function readEntry(source: Buffer, at: number, entry: Entry): number {
  const length = source.readUInt16LE(at)
  entry.code = source[at + 2]! as OutcomeCode
  entry.part = source[at + 3]!
  entry.attempt = source[at + 4]!
  entry.place = source[at + 5]!
  entry.carrier = source.readUInt16LE(at + 6)
  entry.bind = source.readUInt16LE(at + 8)
  entry.status = source.readUInt32LE(at + 10)
  entry.atMs = source.readUIntLE(at + 14, 6)
  entry.flags = source[at + 20]!
  entry.idLength = source[at + 21]!
  entry.id = source
  entry.idStart = at + ENTRY_HEAD_BYTES
  const errorLength = source[at + 22]!
  const errorAt = entry.idStart + entry.idLength
  entry.error = errorLength === 0 ? '' : source.latin1Slice(errorAt, errorAt + errorLength)
  return length
}
