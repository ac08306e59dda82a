/**
 * Outgoing octets of one socket: PDUs are encoded straight into a pooled buffer, and one flush writes all of them.
 *
 * A buffer goes back to the pool only when the socket says that it was written; `congested` tells the sender to stop
 * while too many are under way, so a peer that does not read bounds our memory.
 */

import assert from 'node:assert'
import { crashPoint } from '../engine/base/crash-point.js'
import { limits } from '../engine/contract/limits.js'

const BUFFER_BYTES = 128 * 1024
const UNFLUSHED_MAX = 4
const POOLED_MAX = 64
const NOTHING = Buffer.alloc(0)

assert(limits.pduBytes < BUFFER_BYTES, 'any PDU fits one buffer')

/** Buffers shared by all sessions of a carrier. */
export class BufferPool {
  #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES)
  }

  give(buffer: Buffer): void {
    if (this.#free.length < POOLED_MAX) this.#free.push(buffer)
  }
}

/** Where the octets go: a socket. */
export interface ByteSink {
  write(bytes: Uint8Array, written: () => void): unknown
}

export class Writer {
  bytes: Buffer = NOTHING
  length = 0
  /** Grows with each flush: what was encoded under an earlier number has been handed to the socket. */
  batch = 1
  #sink: ByteSink
  #pool: BufferPool
  #onRelieved: () => void
  #unflushed = 0

  /** `onRelieved` is called when congestion ends: not after every write, since at a window of 1 that would double the ticks. */
  constructor(sink: ByteSink, pool: BufferPool, onRelieved: () => void) {
    this.#sink = sink
    this.#pool = pool
    this.#onRelieved = onRelieved
  }

  /** True while so many buffers wait for the socket that nothing should be added. */
  get congested(): boolean {
    return this.#unflushed >= UNFLUSHED_MAX
  }

  /** Makes room for `bytes` more octets at `length`; may write what is there. */
  reserve(bytes: number): void {
    if (this.length + bytes > this.bytes.length) {
      assert(bytes <= BUFFER_BYTES, 'PDU too large')
      this.flush()
      this.bytes = this.#pool.take()
    }
  }

  flush(): void {
    if (this.length === 0) return
    const buffer = this.bytes
    const length = this.length
    this.bytes = NOTHING
    this.length = 0
    this.batch++
    this.#unflushed++
    this.#sink.write(buffer.subarray(0, length), () => {
      const { congested } = this
      this.#unflushed--
      this.#pool.give(buffer)
      if (congested) this.#onRelieved()
    })
    crashPoint('pdus-sent')
  }

  /** Forgets what was not flushed. */
  discard(): void {
    if (this.bytes !== NOTHING) this.#pool.give(this.bytes)
    this.bytes = NOTHING
    this.length = 0
  }
}
