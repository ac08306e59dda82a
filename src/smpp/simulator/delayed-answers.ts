/** Answers held back by the simulated latency: a growing ring, first in, first out, since the latency is constant. */
export class DelayedAnswers {
  #dueAt = new Float64Array(1024)
  #sequence = new Uint32Array(1024)
  #status = new Uint32Array(1024)
  #id = new Float64Array(1024)
  #head = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(dueAtMs: number, sequence: number, status: number, id: number): void {
    if (this.#size === this.#id.length) this.#grow()
    const at = (this.#head + this.#size) & (this.#id.length - 1)
    this.#dueAt[at] = dueAtMs
    this.#sequence[at] = sequence
    this.#status[at] = status
    this.#id[at] = id
    this.#size++
  }

  /** True when the first one is due; `sequence`, `status` and `id` are then its fields until `shift`. */
  due(nowMs: number): boolean {
    return this.#size > 0 && this.#dueAt[this.#head]! <= nowMs
  }
  get sequence(): number {
    return this.#sequence[this.#head]!
  }
  get status(): number {
    return this.#status[this.#head]!
  }
  get id(): number {
    return this.#id[this.#head]!
  }
  shift(): void {
    this.#head = (this.#head + 1) & (this.#id.length - 1)
    this.#size--
  }

  #grow(): void {
    const size = this.#id.length
    this.#dueAt = unrolled(this.#dueAt, new Float64Array(size * 2), this.#head)
    this.#sequence = unrolled(this.#sequence, new Uint32Array(size * 2), this.#head)
    this.#status = unrolled(this.#status, new Uint32Array(size * 2), this.#head)
    this.#id = unrolled(this.#id, new Float64Array(size * 2), this.#head)
    this.#head = 0
  }
}

function unrolled<T extends Float64Array | Uint32Array>(from: T, to: T, head: number): T {
  to.set(from.subarray(head))
  to.set(from.subarray(0, head), from.length - head)
  return to
}
