/**
 * Keeps the messages of one recipient within a lane in order: while one is on its way, or waits to go again, later ones
 * of the same number wait behind it. Pure. A lane whose numbers are distinct needs none.
 */
export class KeyOrder {
  /** Number → the message that is on its way. */
  readonly #holder = new Map<number, number>()
  readonly #numberOf = new Map<number, number>()
  /** Number → messages behind the holder, oldest first. */
  readonly #behind = new Map<number, number[]>()

  /** Messages on their way. */
  get size(): number {
    return this.#holder.size
  }

  /** True: the message may go and holds its number until `leave`. False: it waits; `leave` will hand it out. */
  enter(ref: number, number: number): boolean {
    const holder = this.#holder.get(number)
    if (holder === undefined) {
      this.#holder.set(number, ref)
      this.#numberOf.set(ref, number)
      return true
    }
    if (holder === ref) return true
    const behind = this.#behind.get(number)
    if (behind === undefined) this.#behind.set(number, [ref])
    else behind.push(ref)
    return false
  }

  /** The message will not be sent again. Returns the one that goes next, which must `enter` again; -1: none. */
  leave(ref: number): number {
    const number = this.#numberOf.get(ref)
    if (number === undefined) return -1
    this.#numberOf.delete(ref)
    this.#holder.delete(number)
    const behind = this.#behind.get(number)
    if (behind === undefined) return -1
    const next = behind.shift()!
    if (behind.length === 0) this.#behind.delete(number)
    // It holds its place at once, lest a later one overtakes it on the way back to its lane.
    this.#holder.set(number, next)
    this.#numberOf.set(next, number)
    return next
  }

  /** The message that is on its way to the same number, and that `ref` waits behind; -1: it waits behind none. Looks through all. */
  holderBefore(ref: number): number {
    for (const [number, behind] of this.#behind) if (behind.includes(ref)) return this.#holder.get(number) ?? -1
    return -1
  }

  clear(): void {
    this.#holder.clear()
    this.#numberOf.clear()
    this.#behind.clear()
  }
}
