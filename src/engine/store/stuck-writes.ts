/**
 * Tells a write that will never come back from a slow disk: the write has stood for long, while all the time the disk
 * answered others at once. A heap that a failed write damaged, or a lock that nobody gives back, looks like that; a disk that
 * stalls for ten seconds does not. Guard thread.
 */
import type { StorePulse } from './store-pulse.js'
import { WriteAges } from './write-ages.js'

/** Looks after which a write is doubted, and the disk is asked each time. */
const DOUBT_LOOKS = 5

export interface StuckTerms {
  /** Looks in a row, with a disk that answers, after which a write is given up. */
  looks: number
  /** Asks the disk. True: it answered soon, be it with an error. */
  probe(): boolean
}

export class StuckWrites {
  readonly #ages: WriteAges
  readonly #terms: StuckTerms
  /** Looks in a row at which the disk answered. */
  #answered = 0

  constructor(pulse: StorePulse, terms: StuckTerms) {
    this.#ages = new WriteAges(pulse)
    this.#terms = terms
  }

  /** Call it at an even pace; a process that was stopped meanwhile has only missed looks. True: a write will not come back. */
  look(): boolean {
    if (this.#ages.look() < DOUBT_LOOKS) {
      this.#answered = 0
      return false
    }
    this.#answered = this.#terms.probe() ? this.#answered + 1 : 0
    return this.#answered >= this.#terms.looks
  }
}
