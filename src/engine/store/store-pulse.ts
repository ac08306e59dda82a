/**
 * What all threads know of the writes to the store, in shared memory: which are under way, and whether one has failed. A
 * thread that stands still inside a write, or whose write is never answered, cannot say so itself: the guard thread sees it
 * here (src/guard.thread.ts). Any thread.
 */

/** 0: all is well; 1: a write failed, the reason is being written; 2: it can be read. */
const STATE = 0
const SLOTS_TAKEN = 1
const REASON_BYTES = 2
const HEAD = 3
/** More than threads × environments; when threads were started anew so often, the last place is shared. */
const SLOTS_MAX = 512
const REASON_BYTES_MAX = 1_024
const WELL = 0
const FAILING = 1
const FAILED = 2

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export class StorePulse {
  readonly buffer: SharedArrayBuffer
  /** Head, then two numbers a slot: writes begun, writes ended. */
  readonly #numbers: Int32Array
  readonly #reason: Uint8Array

  /** `buffer` from another thread; absent: a new one. */
  constructor(buffer = new SharedArrayBuffer((HEAD + 2 * SLOTS_MAX) * 4 + REASON_BYTES_MAX)) {
    this.buffer = buffer
    this.#numbers = new Int32Array(buffer, 0, HEAD + 2 * SLOTS_MAX)
    this.#reason = new Uint8Array(buffer, (HEAD + 2 * SLOTS_MAX) * 4)
  }

  /** A place for the writes of one thread to one environment. */
  takeSlot(): number {
    return Math.min(Atomics.add(this.#numbers, SLOTS_TAKEN, 1), SLOTS_MAX - 1)
  }

  get slots(): number {
    return Math.min(Atomics.load(this.#numbers, SLOTS_TAKEN), SLOTS_MAX)
  }

  begin(slot: number): void {
    Atomics.add(this.#numbers, HEAD + 2 * slot, 1)
  }

  end(slot: number): void {
    Atomics.add(this.#numbers, HEAD + 2 * slot + 1, 1)
  }

  /** Writes that were begun, modulo 2³². */
  begun(slot: number): number {
    return Atomics.load(this.#numbers, HEAD + 2 * slot)
  }

  ended(slot: number): number {
    return Atomics.load(this.#numbers, HEAD + 2 * slot + 1)
  }

  /** From now on nothing is written any more. The first reason is kept. */
  fail(reason: string): void {
    if (Atomics.compareExchange(this.#numbers, STATE, WELL, FAILING) !== WELL) return
    // Views of shared memory cannot be encoded into.
    const bytes = encoder.encode(reason).subarray(0, REASON_BYTES_MAX)
    this.#reason.set(bytes)
    Atomics.store(this.#numbers, REASON_BYTES, bytes.length)
    Atomics.store(this.#numbers, STATE, FAILED)
    Atomics.notify(this.#numbers, STATE)
  }

  get hasFailed(): boolean {
    return Atomics.load(this.#numbers, STATE) !== WELL
  }

  /** null: no write has failed. */
  get reason(): string | null {
    if (Atomics.load(this.#numbers, STATE) !== FAILED) return null
    return decoder.decode(this.#reason.slice(0, Atomics.load(this.#numbers, REASON_BYTES)))
  }

  /** Holds the calling thread until a write fails, but no longer than this. */
  awaitFailure(ms: number): void {
    Atomics.wait(this.#numbers, STATE, WELL, ms)
  }
}
