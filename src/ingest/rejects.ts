/**
 * Rows that became no message, as stored with their range: REJECT_BYTES each, in file order.
 *
 * Entry (little endian): 0 u32 line from 0 within the range · 4 u32 offset of the record within the range · 8 u32 length of
 * the record with its line end · 12 u16 reason · 14 u16 column from 1, 0 = the record as a whole.
 */
export const REJECT_BYTES = 16
const MOST = 0xffffffff

export interface Reject {
  line: number
  offset: number
  length: number
  reason: number
  /** From 1; 0 = the record as a whole. */
  column: number
}

/** Collects the rejects of one range; reused. */
export class RejectList {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024)
  #size = 0

  clear(): void {
    this.#size = 0
  }

  add(reject: Reject): void {
    if (this.#size === this.#bytes.length) this.#grow()
    const bytes = this.#bytes
    const at = this.#size
    bytes.writeUInt32LE(reject.line, at)
    bytes.writeUInt32LE(Math.min(reject.offset, MOST), at + 4)
    bytes.writeUInt32LE(Math.min(reject.length, MOST), at + 8)
    bytes.writeUInt16LE(reject.reason, at + 12)
    bytes.writeUInt16LE(reject.column, at + 14)
    this.#size += REJECT_BYTES
  }

  #grow(): void {
    const grown = Buffer.allocUnsafeSlow(this.#bytes.length * 2)
    this.#bytes.copy(grown, 0, 0, this.#size)
    this.#bytes = grown
  }

  /** A copy that the caller owns. */
  toBuffer(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#size))
  }
}

export function rejectCount(bytes: Buffer): number {
  return Math.floor(bytes.length / REJECT_BYTES)
}

export function readReject(bytes: Buffer, index: number): Reject {
  const at = index * REJECT_BYTES
  return {
    line: bytes.readUInt32LE(at),
    offset: bytes.readUInt32LE(at + 4),
    length: bytes.readUInt32LE(at + 8),
    reason: bytes.readUInt16LE(at + 12),
    column: bytes.readUInt16LE(at + 14),
  }
}
