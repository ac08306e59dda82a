/**
 * A binary min-heap of (time, value) in typed arrays: retries and due times wait here without a timer each. Of the same time the
 * smallest value comes first, so that messages of one recipient that fall due together leave in the order of their refs.
 */
export class TimeHeap {
  #times = new Float64Array(64)
  #values = new Float64Array(64)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Time of the earliest entry; Infinity when empty. */
  get nextTime(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#times[0]!
  }

  /** Time of the first entry with this value that is found; -1: there is none. Looks through all of them. */
  timeOf(value: number): number {
    const at = this.#values.subarray(0, this.#size).indexOf(value)
    return at < 0 ? -1 : this.#times[at]!
  }

  push(time: number, value: number): void {
    if (this.#size === this.#times.length) this.#grow()
    let at = this.#size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(time, value, this.#times[parent]!, this.#values[parent]!)) break
      this.#times[at] = this.#times[parent]!
      this.#values[at] = this.#values[parent]!
      at = parent
    }
    this.#times[at] = time
    this.#values[at] = value
  }

  /** Takes the earliest value out; the heap must not be empty. */
  pop(): number {
    const value = this.#values[0]!
    const last = --this.#size
    if (last > 0) this.#sink(this.#times[last]!, this.#values[last]!)
    return value
  }

  #sink(time: number, value: number): void {
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= this.#size) break
      if (child + 1 < this.#size && this.#isBefore(child + 1, child)) child++
      if (!isBefore(this.#times[child]!, this.#values[child]!, time, value)) break
      this.#times[at] = this.#times[child]!
      this.#values[at] = this.#values[child]!
      at = child
    }
    this.#times[at] = time
    this.#values[at] = value
  }

  #isBefore(one: number, other: number): boolean {
    return isBefore(this.#times[one]!, this.#values[one]!, this.#times[other]!, this.#values[other]!)
  }

  #grow(): void {
    const times = new Float64Array(this.#times.length * 2)
    const values = new Float64Array(this.#times.length * 2)
    times.set(this.#times)
    values.set(this.#values)
    this.#times = times
    this.#values = values
  }
}

function isBefore(time: number, value: number, otherTime: number, otherValue: number): boolean {
  return time < otherTime || (time === otherTime && value < otherValue)
}
