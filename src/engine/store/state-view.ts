/**
 * A stored block state read in place, without the arrays that change: see block-state.ts for the layout. For readers that
 * look at each of many states once. Any thread.
 */
import { crc32c } from '../base/crc32c.js'
import { EngineError } from '../contract/errors.js'
import { STATE_HEAD_BYTES } from './block-state.js'
import { BY_RECEIPT } from './entry.js'

export class StateView {
  readonly count: number
  readonly #bytes: Buffer
  readonly #parts: number
  readonly #accepted: number
  readonly #history: number

  /** @throws EngineError STORE_CORRUPT. */
  constructor(block: number, bytes: Buffer) {
    if (bytes.length < STATE_HEAD_BYTES || crc32c(bytes, 4, bytes.length) !== bytes.readUInt32LE(0)) {
      throw new EngineError('STORE_CORRUPT', `the state of block ${block} does not match its checksum`)
    }
    this.#bytes = bytes
    this.count = bytes.readUInt16LE(4)
    // states, reasons, attempts, final, parts; then statuses, accepted, receipted.
    this.#parts = STATE_HEAD_BYTES + 4 * this.count
    this.#accepted = STATE_HEAD_BYTES + 5 * this.count + 4 * this.count
    this.#history = STATE_HEAD_BYTES + 5 * this.count + 12 * this.count
  }

  state(place: number): number {
    return this.#bytes[STATE_HEAD_BYTES + place]!
  }
  parts(place: number): number {
    return this.#bytes[this.#parts + place]!
  }
  /** Bit n: a carrier accepted part n. */
  accepted(place: number): number {
    return this.#bytes.readUInt32LE(this.#accepted + 4 * place)
  }

  /** Every entry of the history, in order: entry.ts. */
  eachTime(see: (place: number, code: number, byReceipt: boolean, atMs: number) => void): void {
    const bytes = this.#bytes
    for (let at = this.#history; at < bytes.length; at += bytes.readUInt16LE(at)) {
      see(bytes[at + 5]!, bytes[at + 2]!, (bytes[at + 20]! & BY_RECEIPT) !== 0, bytes.readUIntLE(at + 14, 6))
    }
  }
}
