/**
 * Buffers that come and go by the thousand are used again: freed ones are off the heap, and the collector, which does not
 * see their size, would leave them lying for long.
 */

/** Smallest class; each further one is twice as large. */
const CLASS_BYTES = 4_096

export class BufferPool {
  readonly #free: Buffer[][] = []
  readonly #keptBytesMax: number
  #keptBytes = 0

  /** `keptBytes`: most that lie unused. */
  constructor({ keptBytes }: { keptBytes: number }) {
    this.#keptBytesMax = keptBytes
  }

  /** A buffer of at least `size` octets with old content. */
  take(size: number): Buffer {
    const sizeClass = classOf(size)
    const buffer = this.#free[sizeClass]?.pop()
    if (buffer === undefined) return Buffer.allocUnsafeSlow(CLASS_BYTES << sizeClass)
    this.#keptBytes -= buffer.length
    return buffer
  }

  /** The caller must not touch it any more. Buffers that `take` did not make are left to the collector. */
  give(buffer: Buffer): void {
    const sizeClass = classOf(buffer.length)
    if (buffer.length !== CLASS_BYTES << sizeClass || this.#keptBytes + buffer.length > this.#keptBytesMax) return
    const same = this.#free[sizeClass]
    if (same === undefined) this.#free[sizeClass] = [buffer]
    else same.push(buffer)
    this.#keptBytes += buffer.length
  }
}

function classOf(size: number): number {
  return size <= CLASS_BYTES ? 0 : 32 - Math.clz32((size - 1) >> 12)
}
