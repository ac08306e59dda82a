/**
 * Parts of the attempts under way that are not settled. A message of several parts is being sent until each of them is: were it
 * queued with the first that is refused, a crash would leave the others unanswered and nobody would know. In memory only; read
 * back from the history, in which what settles a part while others are open says so. Any thread.
 */
import { OUTCOME, type OutcomeCode } from '../contract/outcome.js'
import { type Entry, OTHERS_OPEN } from './entry.js'

const SETTLES: ReadonlySet<OutcomeCode> = new Set([
  OUTCOME.accepted,
  OUTCOME.throttled,
  OUTCOME.unavailable,
  OUTCOME.unanswered,
  OUTCOME.notSent,
  OUTCOME.rerouted,
])

export class OpenParts {
  /** Bit n: part n is handed over, or may be. */
  readonly #bits: Uint32Array

  constructor(count: number) {
    this.#bits = new Uint32Array(count)
  }

  of(place: number): number {
    return this.#bits[place]!
  }

  /** An attempt at these parts begins, or (0) is taken back. */
  begin(place: number, parts: number): void {
    this.#bits[place] = parts
  }

  /** What becomes of a part; the entry is told whether others are open. */
  note(entry: Entry): void {
    if (!SETTLES.has(entry.code)) return
    const left = this.of(entry.place) & ~(1 << entry.part)
    this.#bits[entry.place] = left
    if (left === 0) entry.flags &= ~OTHERS_OPEN
    else entry.flags |= OTHERS_OPEN
  }

  /** Of a stored history, in order, into `settled`: what its last attempt has settled. */
  static read({ code, flags, place, part }: Entry, settled: Uint32Array): void {
    if (!SETTLES.has(code)) return
    settled[place] = (flags & OTHERS_OPEN) === 0 ? 0 : settled[place]! | (1 << part)
  }
}
