/** The record format of blocks beside MessagePack: writing and reading messages of one part, checksums included. */

import { decode, encode } from '@msgpack/msgpack'
import { crc32c } from '../src/engine/base/crc32c.js'
import { blankMessage } from '../src/engine/contract/message.js'
import { BlockBuilder, BlockReader } from '../src/engine/store/block.js'
import { record } from '../test/dispatch-harness.js'
import { type BenchOptions, type BenchRow, rates, roundsOf } from './bench.js'

const BLOCKS = 400
const PER_BLOCK = 256
const HEAD = { job: 1, account: 1, route: 1, from: 'TEST', createdSeconds: 1, range: 0 }

function writeBlocks(): number {
  const builder = new BlockBuilder(HEAD)
  const one = record(1)
  for (let block = 0; block < BLOCKS; block++) {
    for (let place = 0; place < PER_BLOCK; place++) {
      one.line = place
      builder.add(one)
    }
    builder.seal(block)
  }
  return BLOCKS * PER_BLOCK
}

function plainRecord(place: number): object {
  const { digits, coding, dueSeconds, expiresSeconds, bytes, wantsReceipt } = record(1)
  return {
    ...HEAD,
    line: place,
    to: digits,
    coding,
    due: dueSeconds,
    expires: expiresSeconds,
    parts: [bytes],
    wantsReceipt,
  }
}

/** An object a message, its checksum in front, as one writes it first. */
function writeMessagePack(): number {
  const one = plainRecord(1)
  let bytes = 0
  for (let n = 0; n < (BLOCKS * PER_BLOCK) / 4; n++) {
    const encoded = encode(one)
    const stored = Buffer.allocUnsafe(4 + encoded.length)
    stored.set(encoded, 4)
    stored.writeUInt32LE(crc32c(stored, 4, stored.length), 0)
    bytes += stored.length
  }
  return bytes > 0 ? (BLOCKS * PER_BLOCK) / 4 : 0
}

function readBlocks(bytes: Buffer): number {
  const message = blankMessage()
  let count = 0
  for (let block = 0; block < BLOCKS; block++) {
    const reader = new BlockReader(bytes)
    for (let place = 0; place < reader.count; place++) if (reader.read(place, message)) count++
  }
  return count
}

function readMessagePack(stored: Buffer): number {
  let count = 0
  for (let n = 0; n < (BLOCKS * PER_BLOCK) / 4; n++) {
    const isWhole = crc32c(stored, 4, stored.length) === stored.readUInt32LE(0)
    if (isWhole && decode(stored.subarray(4)) !== null) count++
  }
  return count
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const builder = new BlockBuilder(HEAD)
  for (let place = 0; place < PER_BLOCK; place++) builder.add(record(place))
  const { bytes } = builder.seal(1)
  const encoded = Buffer.from(encode(plainRecord(1)))
  const stored = Buffer.concat([Buffer.alloc(4), encoded])
  stored.writeUInt32LE(crc32c(stored, 4, stored.length), 0)
  const measured = rates(
    {
      'write record': writeBlocks,
      'write record, MessagePack': writeMessagePack,
      'read record': () => readBlocks(bytes),
      'read record, MessagePack': () => readMessagePack(stored),
    },
    roundsOf(options),
  )
  return Object.entries(measured).map(([name, value]) => {
    const ratioTo = name.endsWith('MessagePack') ? undefined : `${name}, MessagePack`
    return { name, value, unit: 'records/s', ratioTo, ratio: ratioTo && value / measured[ratioTo]! }
  }) as BenchRow[]
}
