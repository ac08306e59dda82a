/**
 * One range record as stored: 13 f64 numbers, three u32 lengths, the block numbers (f64), the rejects, the run, the tally
 * (msgpack, to the end; a record of an earlier version has none); and a CRC-32C of it all in front. Written in the
 * transaction of the blocks that it lists.
 */
import { decode, encode } from '@msgpack/msgpack'
import { crc32c } from '../base/crc32c.js'
import { EngineError } from '../contract/errors.js'
import type { RangeRecord, Tally } from '../contract/store.js'

const FIELDS = [
  'range',
  'start',
  'end',
  'lines',
  'records',
  'skipped',
  'expanded',
  'rows',
  'accepted',
  'rejected',
  'suppressed',
  'parts',
  'scheduled',
] as const
const NUMBERS_AT = 4
const LENGTHS_AT = NUMBERS_AT + FIELDS.length * 8
const BODY_AT = LENGTHS_AT + 12

export function encodeRange(record: RangeRecord): Buffer {
  const tally = encode(record.tally)
  const size = BODY_AT + record.blocks.length * 8 + record.rejects.length + record.run.length + tally.length
  const bytes = Buffer.allocUnsafeSlow(size)
  FIELDS.forEach((field, index) => {
    bytes.writeDoubleLE(record[field], NUMBERS_AT + index * 8)
  })
  bytes.writeUInt32LE(record.blocks.length, LENGTHS_AT)
  bytes.writeUInt32LE(record.rejects.length, LENGTHS_AT + 4)
  bytes.writeUInt32LE(record.run.length, LENGTHS_AT + 8)
  let at = BODY_AT
  for (const block of record.blocks) at = bytes.writeDoubleLE(block, at)
  at += record.rejects.copy(bytes, at)
  at += record.run.copy(bytes, at)
  bytes.set(tally, at)
  bytes.writeUInt32LE(crc32c(bytes, 4, size), 0)
  return bytes
}

/** The record's buffers are views of `bytes`. @throws EngineError STORE_CORRUPT. */
export function decodeRange(bytes: Buffer): RangeRecord {
  if (bytes.length < BODY_AT || crc32c(bytes, 4, bytes.length) !== bytes.readUInt32LE(0)) {
    throw new EngineError('STORE_CORRUPT', 'a range record does not match its checksum')
  }
  const numbers = Object.fromEntries(FIELDS.map((field, index) => [field, bytes.readDoubleLE(NUMBERS_AT + index * 8)]))
  const blockCount = bytes.readUInt32LE(LENGTHS_AT)
  const rejectsAt = BODY_AT + blockCount * 8
  const runAt = rejectsAt + bytes.readUInt32LE(LENGTHS_AT + 4)
  const tallyAt = runAt + bytes.readUInt32LE(LENGTHS_AT + 8)
  const blocks: number[] = []
  for (let at = BODY_AT; at < rejectsAt; at += 8) blocks.push(bytes.readDoubleLE(at))
  return {
    ...(numbers as unknown as Record<(typeof FIELDS)[number], number>),
    blocks,
    rejects: bytes.subarray(rejectsAt, runAt),
    run: bytes.subarray(runAt, tallyAt),
    tally: { ...noTally(), ...(tallyAt === bytes.length ? {} : (decode(bytes.subarray(tallyAt)) as Partial<Tally>)) },
  }
}

/** An earlier version stored none of it, or not all. */
function noTally(): Tally {
  return { reasons: {}, kinds: [], findings: {} }
}
