/**
 * The recent conversations: an open-addressing hash in one typed array, a slot of 40 octets each, load at most one half.
 * A pair of sender and recipient has one entry, that of the last message. Dispatcher thread, once per accepted message.
 */
import { limits } from '../contract/limits.js'
import { blankTalk, type Forgotten, TALK_WORDS, type Talk, type TalkLook, talkKey } from './talk.js'

const SLOTS_MAX = 2 ** 21
/** Parts of one message are accepted within it. */
const SAME_MS = 60_000

export class TalkTable {
  #capacity = 1 << 10
  /** The sender of a free slot is 0. */
  #words = new Float64Array(this.#capacity * TALK_WORDS)
  #halves = new Uint32Array(this.#words.buffer)
  #size = 0
  readonly #limit: number
  readonly #talk = blankTalk()

  /** `limit`: entries at which it is full. */
  constructor(limit: number = limits.talksHot) {
    this.#limit = Math.min(limit, SLOTS_MAX / 2)
  }

  get size(): number {
    return this.#size
  }
  get full(): boolean {
    return this.#size >= this.#limit
  }

  /** Replaces what the pair had. False: it is the same message, sent just now, so nothing is new. */
  put(talk: Talk): boolean {
    if (this.#size * 2 >= this.#capacity) this.#grow()
    const words = this.#words
    const base = this.#slotFor(talk.sender, talk.recipient) * TALK_WORDS
    if (words[base] === 0) this.#size++
    else if (words[base + 2] === talk.ref && talk.sentMs - words[base + 3]! < SAME_MS) return false
    words[base] = talk.sender
    words[base + 1] = talk.recipient
    words[base + 2] = talk.ref
    words[base + 3] = talk.sentMs
    this.#halves[base * 2 + 8] = talk.account
    this.#halves[base * 2 + 9] = talk.lockSeconds
    return true
  }

  find(look: TalkLook): void {
    const mask = this.#capacity - 1
    for (let slot = look.key & mask; this.#words[slot * TALK_WORDS] !== 0; slot = (slot + 1) & mask) {
      const base = slot * TALK_WORDS
      if (look.rankOf(this.#words[base]!, this.#words[base + 1]!) > 0) look.offer(this.#at(slot))
    }
  }

  /** Nobody is found as its recipient any more. True: something was. The slots stay taken. */
  forget(isForgotten: Forgotten): boolean {
    let has = false
    for (let slot = 0; slot < this.#capacity; slot++) {
      const base = slot * TALK_WORDS
      if (this.#words[base] === 0 || !isForgotten(this.#words[base + 1]!, this.#halves[base * 2 + 8]!)) continue
      this.#words[base + 1] = 0
      has = true
    }
    return has
  }

  /** In order of `talkKey`; the object is used again for each. */
  each(see: (talk: Talk) => void): void {
    // 32 bits of key and 21 of slot fit a double, so that one native sort of numbers orders the slots.
    const order = new Float64Array(this.#size)
    let count = 0
    for (let slot = 0; slot < this.#capacity; slot++) {
      const sender = this.#words[slot * TALK_WORDS]!
      if (sender === 0) continue
      order[count++] = talkKey(sender, this.#words[slot * TALK_WORDS + 1]!) * SLOTS_MAX + slot
    }
    for (const key of order.sort()) see(this.#at(key % SLOTS_MAX))
  }

  #at(slot: number): Talk {
    const base = slot * TALK_WORDS
    const talk = this.#talk
    talk.sender = this.#words[base]!
    talk.recipient = this.#words[base + 1]!
    talk.ref = this.#words[base + 2]!
    talk.sentMs = this.#words[base + 3]!
    talk.account = this.#halves[base * 2 + 8]!
    talk.lockSeconds = this.#halves[base * 2 + 9]!
    return talk
  }

  /** Slot of the pair, or the free one where it belongs. */
  #slotFor(sender: number, recipient: number): number {
    const words = this.#words
    const mask = this.#capacity - 1
    let slot = talkKey(sender, recipient) & mask
    for (;;) {
      const base = slot * TALK_WORDS
      if (words[base] === 0 || (words[base + 1] === recipient && words[base] === sender)) return slot
      slot = (slot + 1) & mask
    }
  }

  #grow(): void {
    const [words, halves] = [this.#words, this.#halves]
    this.#capacity *= 2
    this.#words = new Float64Array(this.#capacity * TALK_WORDS)
    this.#halves = new Uint32Array(this.#words.buffer)
    for (let base = 0; base < words.length; base += TALK_WORDS) {
      if (words[base] === 0) continue
      const to = this.#slotFor(words[base]!, words[base + 1]!) * TALK_WORDS
      // Word by word as octets: a double that is made of two integers may be no number.
      for (let half = 0; half < TALK_WORDS * 2; half++) this.#halves[to * 2 + half] = halves[base * 2 + half]!
    }
  }
}
