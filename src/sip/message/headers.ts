/**
 * Header fields of one message in their order (RFC 3261 §7.3): names in lower case and long form whatever was received,
 * values as they stand, one entry a field line. Lists of one line are taken apart by who reads them.
 */
export class SipHeaders {
  readonly #names: string[] = []
  readonly #values: string[] = []

  get size(): number {
    return this.#names.length
  }

  /** First value; undefined: there is none. `name` in lower case, long form. */
  get(name: string): string | undefined {
    const at = this.#names.indexOf(name)
    return at < 0 ? undefined : this.#values[at]
  }

  all(name: string): string[] {
    return this.#values.filter((_, at) => this.#names[at] === name)
  }

  has(name: string): boolean {
    return this.#names.includes(name)
  }

  /** Field lines of that name. */
  count(name: string): number {
    let count = 0
    for (const other of this.#names) if (other === name) count++
    return count
  }

  append(name: string, value: string): void {
    this.#names.push(name)
    this.#values.push(value)
  }

  /** In place of the first of that name, or behind all others where there is none. */
  setFirst(name: string, value: string): void {
    const at = this.#names.indexOf(name)
    if (at < 0) this.append(name, value)
    else this.#values[at] = value
  }

  remove(name: string): void {
    for (let n = this.#names.length - 1; n >= 0; n--) if (this.#names[n] === name) this.#drop(n)
  }

  #drop(at: number): void {
    this.#names.splice(at, 1)
    this.#values.splice(at, 1)
  }

  *[Symbol.iterator](): Iterator<[string, string]> {
    for (let n = 0; n < this.#names.length; n++) yield [this.#names[n]!, this.#values[n]!]
  }
}
