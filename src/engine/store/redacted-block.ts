/**
 * A block with texts, or texts and recipients, taken out of some of its records: what an erasure and the end of a retention
 * leave. Head, kinds and the number of parts stay, so that counts, money and usage follow from it as before. Any thread.
 *
 * A record without a recipient has no digits; one without a text has parts of no length. Both keep their checksum.
 */
import { crc32c } from '../base/crc32c.js'
import { BlockReader, headChecksum } from './block.js'
import { RECORD_HEAD_BYTES } from './record-recipient.js'

/** 0: the record stays as it is; 1: its text goes; 2: its recipient as well. */
export type Redaction = 0 | 1 | 2

/** A value of LMDB below half a page shares its page with others: there octets are overwritten where they are, not moved. */
const SHARED_PAGE_BYTES = 2_048
/** Behind the count and head of a block that has no messages any more. */
const COUNT_AT = 4
const BITS_AT = 7
const CHECKSUM_AT = 32
const STUB_HEAD_BYTES = 36
const DIGITS_AT = 10

/** `of`: what is to become of the record in this place. null: nothing would change, or the head is damaged. */
export function redactedBlock(bytes: Buffer, of: (place: number) => Redaction): Buffer | null {
  const reader = new BlockReader(bytes)
  if (!reader.intact) return null
  const keepsSize = bytes.length < SHARED_PAGE_BYTES
  const records: Buffer[] = []
  let isChanged = false
  for (let place = 0; place < reader.count; place++) {
    const record = recordOf(reader, place)
    const redacted = redactedRecord(record, reader.verified(place) < 0 ? 0 : of(place), keepsSize)
    if (redacted !== record) isChanged = true
    records.push(redacted)
  }
  return isChanged ? assembled(reader, records) : null
}

/** From the record's beginning to that of the next: also of a damaged one, whose own length says nothing. */
function recordOf({ bytes, table, count }: BlockReader, place: number): Buffer {
  const start = bytes.readUInt32LE(table + place * 4)
  const end = place + 1 === count ? bytes.length : bytes.readUInt32LE(table + (place + 1) * 4)
  return bytes.subarray(start, Math.max(start, end))
}

function redactedRecord(record: Buffer, redaction: Redaction, keepsSize: boolean): Buffer {
  if (redaction === 0) return record
  const kept = redaction === 1 ? record[DIGITS_AT]! : 0
  const used = RECORD_HEAD_BYTES + kept + record[8]! * 2
  const isRedacted = kept === record[DIGITS_AT]! && isZero(record, RECORD_HEAD_BYTES + kept)
  if (isRedacted) return record
  const length = keepsSize ? record.length : used
  const redacted = Buffer.alloc(length)
  record.copy(redacted, 0, 0, RECORD_HEAD_BYTES + kept)
  redacted[DIGITS_AT] = kept
  redacted.writeUInt16LE(length, 4)
  redacted.writeUInt32LE(crc32c(redacted, 4, length), 0)
  return redacted
}

function isZero(bytes: Buffer, from: number): boolean {
  for (let at = from; at < bytes.length; at++) if (bytes[at] !== 0) return false
  return true
}

function assembled({ bytes, table, count }: BlockReader, records: Buffer[]): Buffer {
  const start = table + count * 4
  const size = records.reduce((sum, record) => sum + record.length, start)
  const made = Buffer.alloc(size)
  bytes.copy(made, 0, 0, table)
  let at = start
  records.forEach((record, place) => {
    made.writeUInt32LE(at, table + place * 4)
    at += record.copy(made, at)
  })
  made.writeUInt32LE(headChecksum(made, start), CHECKSUM_AT)
  return made
}

/** What stays of a block whose messages are forgotten: whose it was, and of which job. null: the head is damaged. */
export function emptiedBlock(bytes: Buffer): Buffer | null {
  if (!new BlockReader(bytes).intact) return null
  const made = Buffer.from(bytes.subarray(0, STUB_HEAD_BYTES))
  made.writeUInt16LE(0, COUNT_AT)
  made[6] = 0
  made[BITS_AT] = 0
  made.writeUInt32LE(headChecksum(made, STUB_HEAD_BYTES), CHECKSUM_AT)
  return made
}

/** What was taken out of the record; null: nothing. `place`: of an intact record. */
export function erasedOf(reader: BlockReader, place: number): 'text' | 'message' | null {
  const at = reader.bytes.readUInt32LE(reader.table + place * 4)
  const digits = reader.bytes[at + DIGITS_AT]!
  if (digits === 0) return 'message'
  const lengths = at + RECORD_HEAD_BYTES + digits
  for (let part = 0; part < reader.partCount(place); part++) {
    if (reader.bytes.readUInt16LE(lengths + part * 2) !== 0) return null
  }
  return 'text'
}
