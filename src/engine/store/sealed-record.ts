/** A small record of the queue's environment: 0 u32 CRC-32C of the rest · MessagePack. Any thread. */
import { decode, encode } from '@msgpack/msgpack'
import { crc32c } from '../base/crc32c.js'
import { EngineError } from '../contract/errors.js'

const HEAD_BYTES = 4

export function sealRecord(value: unknown): Buffer {
  const body = encode(value)
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + body.length)
  bytes.set(body, HEAD_BYTES)
  bytes.writeUInt32LE(crc32c(bytes, HEAD_BYTES, bytes.length), 0)
  return bytes
}

/** @throws EngineError STORE_CORRUPT. */
export function openRecord<T>(bytes: Buffer, name: string): T {
  if (bytes.length < HEAD_BYTES || crc32c(bytes, HEAD_BYTES, bytes.length) !== bytes.readUInt32LE(0)) {
    throw new EngineError('STORE_CORRUPT', `the record of ${name} does not match its checksum`)
  }
  return decode(bytes.subarray(HEAD_BYTES)) as T
}
