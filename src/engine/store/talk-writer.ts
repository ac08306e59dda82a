/** Conversations of a commit go to their tables; batches of the log that segments stand for are removed bit by bit. */
import type { TalksCommit } from '../contract/store.js'
import type { Environment } from './environment.js'

/** Meta: log batches below this sequence are superfluous. */
export const TALKS_FROM = 'talksFrom'
/** Batches removed with one commit. */
const REMOVED_AT_ONCE = 512

export class TalkWriter {
  readonly #environment: Environment
  #from: number
  /** Superfluous batches may still be there. */
  #hasOld = true

  constructor(environment: Environment) {
    this.#environment = environment
    this.#from = environment.meta.getBinary(TALKS_FROM)?.readDoubleLE(0) ?? 0
  }

  /** Within the transaction of commit number `sequence`. */
  put(sequence: number, commit: TalksCommit): void {
    const { talks, talkSegments } = this.#environment
    for (const { key, bytes } of commit.puts) talkSegments.put(key, bytes)
    for (const key of commit.gone) talkSegments.remove(key)
    if (commit.supersedes) this.#startFrom(sequence)
    if (commit.log !== null) talks.put(sequence, commit.log)
    if (this.#hasOld) this.#removeOld()
  }

  #startFrom(sequence: number): void {
    this.#from = sequence
    this.#hasOld = true
    const bytes = Buffer.allocUnsafeSlow(8)
    bytes.writeDoubleLE(sequence)
    this.#environment.meta.put(TALKS_FROM, bytes)
  }

  #removeOld(): void {
    const { talks } = this.#environment
    const old = [...talks.getKeys({ end: this.#from, limit: REMOVED_AT_ONCE })]
    for (const key of old) talks.remove(key)
    // What the last commits put is not seen yet: one more look, until nothing is left.
    if (old.length === 0) this.#hasOld = false
  }
}
