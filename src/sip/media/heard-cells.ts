/**
 * How far each call has been heard, in memory that the dispatcher and its media thread share: written with each packet, and
 * read when the thread has died, so that whoever heard a message is not called again for it. Both threads.
 */
import type { MediaReport } from './media.js'

/** More calls at once than one dispatcher makes; those beyond it have no cell and report nothing when the thread dies. */
const CELLS = 2_048
/** Milliseconds heard, and in all. */
const FIELDS = 2

/** Of a call without a cell. */
export const NO_CELL = -1

export class HeardCells {
  readonly memory: SharedArrayBuffer
  readonly #fields: Int32Array

  constructor(memory = new SharedArrayBuffer(CELLS * FIELDS * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#fields = new Int32Array(memory)
  }

  get count(): number {
    return CELLS
  }

  set(cell: number, heardMs: number, totalMs: number): void {
    if (cell === NO_CELL) return
    this.#fields[cell * FIELDS] = heardMs
    this.#fields[cell * FIELDS + 1] = totalMs
  }

  /** What is left of a report when nobody can give it. */
  reportOf(cell: number): MediaReport {
    const [heardMs, totalMs] =
      cell === NO_CELL ? [0, 0] : [this.#fields[cell * FIELDS]!, this.#fields[cell * FIELDS + 1]!]
    return { heardMs, totalMs, packetsSent: 0, packetsReceived: 0, packetsLost: 0 }
  }
}
