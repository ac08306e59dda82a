/** Seeded chance: one seed drives all of it, so that any run can be repeated. xoshiro128** by Blackman and Vigna. */
export class Random {
  readonly #state = new Uint32Array(4)

  constructor(seed: number) {
    // SplitMix32 spreads one number over the state, which must not be all zero.
    let mixed = seed >>> 0
    for (let word = 0; word < 4; word++) {
      mixed = (mixed + 0x9e3779b9) >>> 0
      let z = mixed
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
      this.#state[word] = z ^ (z >>> 16)
    }
  }

  /** [0, 1) with 32 bits of chance. */
  next(): number {
    const s = this.#state
    const product = Math.imul(s[1]!, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0
    const shifted = s[1]! << 9
    s[2]! ^= s[0]!
    s[3]! ^= s[1]!
    s[1]! ^= s[2]!
    s[0]! ^= s[3]!
    s[2]! ^= shifted
    s[3] = (s[3]! << 11) | (s[3]! >>> 21)
    return result / 0x1_0000_0000
  }

  /** A whole number in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.next() * bound)
  }
}
