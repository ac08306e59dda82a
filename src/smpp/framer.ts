/**
 * Cuts the inbound byte stream into PDUs without copying whole ones.
 *
 * SMPP 3.4 §3.2: every PDU starts with a 4-octet big-endian command_length that counts itself; the header is 16
 * octets. Runs in the dispatcher thread, once per socket chunk; only a PDU that straddles two chunks is copied.
 */
import { limits } from '../engine/contract/limits.js'
import { HEADER_BYTES } from './constants.js'

/** Gets each whole PDU, valid during the call only: bytes[start] is the first octet of command_length. */
export type PduReader = (bytes: Buffer, start: number, end: number) => void

export class Framer {
  #onPdu: PduReader
  #carry: Buffer = Buffer.allocUnsafe(512)
  #carried = 0
  #broken = 0

  constructor(onPdu: PduReader) {
    this.#onPdu = onPdu
  }

  /** Octets of an incomplete PDU that are kept. */
  get carried(): number {
    return this.#carried
  }

  /**
   * Takes the first `length` octets of a chunk. Returns 0, or the impossible command_length after which nothing more can
   * be read from this stream.
   */
  push(chunk: Buffer, length: number): number {
    if (this.#broken !== 0) return this.#broken
    const start = this.#carried === 0 ? 0 : this.#finishCarried(chunk, length)
    if (start < 0 || this.#broken !== 0) return this.#broken
    const rest = this.#cut(chunk, start, length)
    if (this.#broken === 0 && rest < length) this.#keep(chunk, rest, length)
    return this.#broken
  }

  /** Nothing that follows is read: the session is over. */
  stop(): void {
    this.#broken = -1
  }

  #cut(chunk: Buffer, from: number, length: number): number {
    let at = from
    while (length - at >= HEADER_BYTES && this.#broken === 0) {
      const size = readLength(chunk, at)
      if (size < HEADER_BYTES || size > limits.pduBytes) return this.#fail(size, at)
      if (at + size > length) break
      this.#onPdu(chunk, at, at + size)
      at += size
    }
    return at
  }

  /** Completes the PDU begun in earlier chunks; returns where the rest of this one starts, -1 when all of it was used. */
  #finishCarried(chunk: Buffer, length: number): number {
    let used = 0
    if (this.#carried < HEADER_BYTES) {
      used = Math.min(HEADER_BYTES - this.#carried, length)
      this.#keep(chunk, 0, used)
      if (this.#carried < HEADER_BYTES) return -1
    }
    const size = readLength(this.#carry, 0)
    if (size < HEADER_BYTES || size > limits.pduBytes) return this.#fail(size, -1)
    const take = Math.min(size - this.#carried, length - used)
    this.#reserve(size)
    this.#keep(chunk, used, used + take)
    if (this.#carried < size) return -1
    this.#carried = 0
    this.#onPdu(this.#carry, 0, size)
    return used + take
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    this.#reserve(this.#carried + end - start)
    this.#carried += chunk.copy(this.#carry, this.#carried, start, end)
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#carry.length) return
    const larger = Buffer.allocUnsafe(Math.max(bytes, Math.min(this.#carry.length * 2, limits.pduBytes)))
    this.#carry.copy(larger, 0, 0, this.#carried)
    this.#carry = larger
  }

  #fail(size: number, result: number): number {
    this.#broken = size === 0 ? -1 : size
    return result
  }
}

function readLength(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
