/**
 * How many packets of a stream are missing, by sequence number (RFC 3550 §6.4.1, and its appendix A.1 for wrap, order and
 * restarts). Packets of a strange source (SSRC) do not count until two of it came in order. Media thread.
 */

/** So far ahead is a loss, more is a restart; so far behind is out of order (RFC 3550 A.1). */
const DROPOUT_MAX = 3_000
const MISORDER_MAX = 100
const CYCLE = 0x1_0000
const NONE = -1

export class SequenceCount {
  #ssrc = NONE
  #base = 0
  #highest = 0
  #cycles = 0
  #received = 0
  /** Missing of streams that were followed before. */
  #lostBefore = 0
  /** What would show that a strange stream goes on. */
  #strangeSsrc = NONE
  #strangeNext = NONE

  count(ssrc: number, sequence: number): void {
    if (this.#ssrc === NONE) this.#restart(ssrc, sequence)
    else if (ssrc !== this.#ssrc || this.#isJump(sequence)) this.#strange(ssrc, sequence)
    else this.#follow(sequence)
  }

  /** Never negative: packets that came twice hide others that are missing. */
  get lost(): number {
    return this.#lostBefore + this.#lostNow()
  }

  #lostNow(): number {
    return this.#ssrc === NONE ? 0 : Math.max(0, this.#cycles + this.#highest - this.#base + 1 - this.#received)
  }

  #isJump(sequence: number): boolean {
    const ahead = (sequence - this.#highest) & 0xffff
    return ahead >= DROPOUT_MAX && ahead <= CYCLE - MISORDER_MAX
  }

  #follow(sequence: number): void {
    const ahead = (sequence - this.#highest) & 0xffff
    if (ahead < DROPOUT_MAX) {
      if (sequence < this.#highest) this.#cycles += CYCLE
      this.#highest = sequence
    }
    this.#received++
  }

  #strange(ssrc: number, sequence: number): void {
    if (ssrc === this.#strangeSsrc && sequence === this.#strangeNext) {
      this.#lostBefore += this.#lostNow()
      this.#restart(ssrc, (sequence - 1) & 0xffff)
      this.#follow(sequence)
      return
    }
    this.#strangeSsrc = ssrc
    this.#strangeNext = (sequence + 1) & 0xffff
  }

  #restart(ssrc: number, sequence: number): void {
    this.#ssrc = ssrc
    this.#base = sequence
    this.#highest = sequence
    this.#cycles = 0
    this.#received = 1
    this.#strangeSsrc = NONE
  }
}
