/** Whose file is read next: accounts take turns, and none has more than its share of the places while others wait. Pure. */
export class Turns {
  readonly #places: number
  readonly #order: number[] = []
  readonly #busy = new Map<number, number>()
  #taken = 0

  constructor(places: number) {
    this.#places = places
  }

  get hasRoom(): boolean {
    return this.#taken < this.#places
  }

  /** The account that waited longest of those that have something to read; null: none, or no place is free. */
  next(waiting: Iterable<number>): number | null {
    if (!this.hasRoom) return null
    const able = new Set(waiting)
    for (const account of able) if (!this.#order.includes(account)) this.#order.push(account)
    let best: number | null = null
    for (const account of this.#order) {
      if (able.has(account) && (best === null || this.#of(account) < this.#of(best))) best = account
    }
    return best
  }

  #of(account: number): number {
    return this.#busy.get(account) ?? 0
  }

  begin(account: number): void {
    this.#taken++
    this.#busy.set(account, this.#of(account) + 1)
    const at = this.#order.indexOf(account)
    if (at >= 0) this.#order.splice(at, 1)
    this.#order.push(account)
  }

  end(account: number): void {
    this.#taken--
    const left = this.#of(account) - 1
    if (left > 0) this.#busy.set(account, left)
    else this.#busy.delete(account)
  }

  forget(account: number): void {
    const at = this.#order.indexOf(account)
    if (at >= 0) this.#order.splice(at, 1)
  }
}
