/** What happened in a run: the last events for whoever looks at a failure, and a hash over all of them, by which two runs are told to be the same. */

const KEPT = 400

interface Happening {
  atMs: number
  what: string
  one: number
  other: number
}

export class Trace {
  readonly #last: Happening[] = []
  #at = 0
  #high = 0x811c9dc5
  #low = 0x1b873593
  count = 0

  /** `one` and `other`: numbers of what it concerns. */
  note(atMs: number, what: string, one = 0, other = 0): void {
    this.count++
    this.#mix(Math.round(atMs * 1000))
    for (let n = 0; n < what.length; n++) this.#mix(what.charCodeAt(n))
    this.#mix(one)
    this.#mix(other)
    this.#last[this.#at] = { atMs, what, one, other }
    this.#at = (this.#at + 1) % KEPT
  }

  #mix(value: number): void {
    const low = value | 0
    const high = Math.floor(value / 4_294_967_296) | 0
    this.#high = Math.imul(this.#high ^ low ^ (this.#low >>> 13), 0x01000193)
    this.#low = Math.imul(this.#low ^ high ^ (this.#high >>> 7) ^ low, 0x85ebca6b)
  }

  /** Of everything so far. */
  get hash(): string {
    return [this.#high, this.#low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
  }

  /** The latest `count` events, a line each. */
  last(count: number): string[] {
    const inOrder = [...this.#last.slice(this.#at), ...this.#last.slice(0, this.#at)]
    return inOrder.slice(-count).map(({ atMs, what, one, other }) => `${atMs.toFixed(3)} ms  ${what} ${one} ${other}`)
  }
}
