/** Block numbers come from one counter in shared memory, so that threads append side by side and never share a number. */
export class BlockNumbers {
  readonly buffer: SharedArrayBuffer
  readonly #next: BigInt64Array

  /** `buffer` from another thread, or `first` to start a counter: the number after the last stored block. */
  constructor(source: SharedArrayBuffer | { first: number }) {
    this.buffer = source instanceof SharedArrayBuffer ? source : new SharedArrayBuffer(8)
    this.#next = new BigInt64Array(this.buffer)
    if (!(source instanceof SharedArrayBuffer)) this.#next[0] = BigInt(source.first)
  }

  take(): number {
    return Number(Atomics.add(this.#next, 0, 1n))
  }
}
