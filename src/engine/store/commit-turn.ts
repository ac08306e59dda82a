/**
 * Whose turn it is at the store's one writer: while messages wait for their answer over HTTP, the other threads hold back what
 * is not urgent for some milliseconds. A hint in shared memory; nothing depends on it but time. Any thread.
 */

export class CommitTurn {
  readonly buffer: SharedArrayBuffer
  /** Appends that somebody waits for, begun and not on disk. */
  readonly #urgent: Int32Array

  /** `buffer` from another thread; absent: a new one. */
  constructor(buffer = new SharedArrayBuffer(4)) {
    this.buffer = buffer
    this.#urgent = new Int32Array(buffer)
  }

  begin(): void {
    Atomics.add(this.#urgent, 0, 1)
  }
  end(): void {
    Atomics.sub(this.#urgent, 0, 1)
    Atomics.notify(this.#urgent, 0)
  }

  /** True: somebody waits. */
  get isUrgent(): boolean {
    return Atomics.load(this.#urgent, 0) > 0
  }

  /** Holds the calling thread while somebody waits, but no longer than this. */
  giveWay(ms: number): void {
    const urgent = Atomics.load(this.#urgent, 0)
    if (urgent > 0) Atomics.wait(this.#urgent, 0, urgent, ms)
  }
}
