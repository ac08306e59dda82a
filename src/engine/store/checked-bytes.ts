/**
 * A checksum for small records of MessagePack: u8 0xc1, with which no MessagePack begins · u32 CRC-32C of the rest · the rest. What an earlier
 * version wrote has none and is read as it is. Any thread.
 */
import { crc32c } from '../base/crc32c.js'
import { EngineError } from '../contract/errors.js'

const MARK = 0xc1
const HEAD_BYTES = 5

/** The bytes belong to the caller. */
export function checkedBytes(body: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafeSlow(HEAD_BYTES + body.length)
  bytes[0] = MARK
  bytes.set(body, HEAD_BYTES)
  bytes.writeUInt32LE(crc32c(bytes, HEAD_BYTES, bytes.length), 1)
  return bytes
}

/** A view of what was given to `checkedBytes`. `name`: of the record. @throws EngineError STORE_CORRUPT. */
export function bodyOf(bytes: Uint8Array, name: string): Uint8Array {
  if (bytes[0] !== MARK) return bytes
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.length < HEAD_BYTES || crc32c(view, HEAD_BYTES, view.length) !== view.readUInt32LE(1)) {
    throw new EngineError('STORE_CORRUPT', `the record of ${name} does not match its checksum`)
  }
  return view.subarray(HEAD_BYTES)
}
