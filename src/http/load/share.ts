/**
 * Something of which there is only so much at once, and of which no holder may have all: requests, octets of bodies, uploads.
 * Plain counting; runs in the main thread.
 */

/** `own`: the holder has as much as it may; `all`: there is no more of it. */
export type Taken = 'taken' | 'own' | 'all'

export class Share {
  readonly #total: number
  readonly #each: number
  readonly #held = new Map<string, number>()
  #inUse = 0

  constructor(total: number, each: number) {
    this.#total = total
    this.#each = each
  }

  get inUse(): number {
    return this.#inUse
  }

  /** More than the bound is given as well, to a holder that has nothing while nobody has. */
  take(holder: string, amount = 1): Taken {
    const held = this.#held.get(holder) ?? 0
    if (held > 0 && held + amount > this.#each) return 'own'
    if (this.#inUse > 0 && this.#inUse + amount > this.#total) return 'all'
    this.#inUse += amount
    this.#held.set(holder, held + amount)
    return 'taken'
  }

  give(holder: string, amount = 1): void {
    const left = (this.#held.get(holder) ?? 0) - amount
    this.#inUse -= amount
    if (left > 0) this.#held.set(holder, left)
    else this.#held.delete(holder)
  }
}
