/**
 * Whether a number may be in a set that another thread holds: certainly not, or perhaps. Fingerprints of (account, number)
 * in shared memory with open addressing, 8 octets an entry at most; one writer, any number of readers, no locks. A reader
 * sees an entry as soon as `add` has returned. Entries are never taken out: a set is asked where the filter says perhaps.
 *
 * Layout, 32-bit words: 0 entries · 1 1: a larger filter has taken its place, so everything is perhaps · 2 entries of
 * account 0 · 3 1: readers may begin · from 16 the slots, 0: free. A slot is found by the fingerprint itself.
 */
const HEAD_WORDS = 16
const COUNT = 0
const SUPERSEDED = 1
const EVERYONE = 2
const OPEN = 3
const SLOTS_LEAST = 1 << 12
/** Two thirds: a look at a number that is not in costs two slots on average. */
const FILL_NUMERATOR = 2
const FILL_DENOMINATOR = 3

/** The set that an account of its own has in common with all others. */
export const EVERY_ACCOUNT = 0

export class NumberFilter {
  #words: Int32Array
  #mask: number

  constructor(buffer: SharedArrayBuffer) {
    this.#words = new Int32Array(buffer)
    this.#mask = this.#words.length - HEAD_WORDS - 1
  }

  /** An empty one with room for `entries` without growing. */
  static sized(entries: number): NumberFilter {
    return new NumberFilter(memoryFor(entries))
  }

  get buffer(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer
  }
  get size(): number {
    return Atomics.load(this.#words, COUNT)
  }

  /** Another filter has taken the place of the one that this was made for. */
  use(buffer: SharedArrayBuffer): void {
    this.#words = new Int32Array(buffer)
    this.#mask = this.#words.length - HEAD_WORDS - 1
  }

  /** False: neither the account nor everyone has the number. */
  mayHave(account: number, number: number): boolean {
    const words = this.#words
    if (Atomics.load(words, COUNT) === 0 && Atomics.load(words, SUPERSEDED) === 0) return false
    if (this.#has(fingerprint(account, number))) return true
    return Atomics.load(words, EVERYONE) > 0 && this.#has(fingerprint(EVERY_ACCOUNT, number))
  }

  #has(print: number): boolean {
    const words = this.#words
    if (Atomics.load(words, SUPERSEDED) === 1) return true
    for (let slot = print & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const there = Atomics.load(words, HEAD_WORDS + slot)
      if (there === print) return true
      if (there === 0) return false
    }
  }

  /** Only the one writer. True: a larger filter has taken the place, and `buffer` is to be handed on. */
  add(account: number, number: number): boolean {
    if (account === EVERY_ACCOUNT) Atomics.add(this.#words, EVERYONE, 1)
    if (!this.#put(fingerprint(account, number))) return false
    const count = Atomics.add(this.#words, COUNT, 1) + 1
    if (count * FILL_DENOMINATOR <= (this.#mask + 1) * FILL_NUMERATOR) return false
    this.#grow()
    return true
  }

  #put(print: number): boolean {
    const words = this.#words
    for (let slot = print & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const there = words[HEAD_WORDS + slot]!
      if (there === print) return false
      if (there !== 0) continue
      Atomics.store(words, HEAD_WORDS + slot, print)
      return true
    }
  }

  /** Who still reads the old memory is told there that it says nothing any more. */
  #grow(): void {
    const old = this.#words
    const count = old[COUNT]!
    this.use(memoryFor(count * 2))
    for (let at = HEAD_WORDS; at < old.length; at++) if (old[at] !== 0) this.#put(old[at]!)
    this.#words[COUNT] = count
    this.#words[EVERYONE] = old[EVERYONE]!
    Atomics.store(this.#words, OPEN, old[OPEN]!)
    Atomics.store(old, SUPERSEDED, 1)
  }

  /** Everything that was known before the start is in. */
  open(): void {
    Atomics.store(this.#words, OPEN, 1)
  }
  get isOpen(): boolean {
    return Atomics.load(this.#words, OPEN) === 1
  }
}

function memoryFor(entries: number): SharedArrayBuffer {
  const least = Math.max(SLOTS_LEAST, (entries * FILL_DENOMINATOR) / FILL_NUMERATOR)
  return new SharedArrayBuffer((HEAD_WORDS + 2 ** Math.ceil(Math.log2(least))) * 4)
}

/** 32 bits that are not 0. The finaliser of MurmurHash3 over both halves of the number and the account. */
function fingerprint(account: number, number: number): number {
  let hash = Math.imul((number >>> 0) ^ Math.imul(account, 0x9e3779b1), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 15) ^ Math.floor(number / 4_294_967_296), 0xc2b2ae35)
  hash = Math.imul(hash ^ (hash >>> 13) ^ account, 0x27d4eb2f)
  hash ^= hash >>> 16
  return hash === 0 ? 1 : hash | 0
}
