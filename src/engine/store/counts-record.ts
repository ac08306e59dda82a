/** Dispatch counts of a job as stored: ten states, partsSent, canceledUnclaimed, sentFinal as f64, then a CRC-32C. */
import { crc32c } from '../base/crc32c.js'
import { EngineError } from '../contract/errors.js'
import { STATES } from '../contract/message.js'
import type { DispatchCounts } from '../contract/store.js'

const NUMBERS = STATES.length + 3
const SIZE = NUMBERS * 8 + 4

export function encodeCounts(counts: DispatchCounts): Buffer {
  const bytes = Buffer.allocUnsafeSlow(SIZE)
  for (let state = 0; state < STATES.length; state++) bytes.writeDoubleLE(counts.states[state]!, state * 8)
  bytes.writeDoubleLE(counts.partsSent, STATES.length * 8)
  bytes.writeDoubleLE(counts.canceledUnclaimed, STATES.length * 8 + 8)
  bytes.writeDoubleLE(counts.sentFinal, STATES.length * 8 + 16)
  bytes.writeUInt32LE(crc32c(bytes, 0, SIZE - 4), SIZE - 4)
  return bytes
}

/** @throws EngineError STORE_CORRUPT. */
export function decodeCounts(bytes: Buffer): DispatchCounts {
  if (bytes.length !== SIZE || crc32c(bytes, 0, SIZE - 4) !== bytes.readUInt32LE(SIZE - 4)) {
    throw new EngineError('STORE_CORRUPT', "a job's counts do not match their checksum")
  }
  const states = new Float64Array(STATES.length)
  for (let state = 0; state < STATES.length; state++) states[state] = bytes.readDoubleLE(state * 8)
  return {
    states,
    partsSent: bytes.readDoubleLE(STATES.length * 8),
    canceledUnclaimed: bytes.readDoubleLE(STATES.length * 8 + 8),
    sentFinal: bytes.readDoubleLE(STATES.length * 8 + 16),
  }
}
