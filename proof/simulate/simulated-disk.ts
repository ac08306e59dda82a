/** How long the simulated disk takes, when it fails, and what a crash leaves of the commit under way. */
import type { Random } from '../../src/engine/base/random.js'
import type { Breakage } from './breakages.js'
import type { CommitFate, StoreFate } from './memory-store.js'
import type { Plan } from './plan.js'

export class SimulatedDisk implements StoreFate {
  readonly #plan: Plan
  readonly #random: Random
  readonly #breakage: Breakage | null
  #fails = false
  #slowMs = 0
  /** A commit of this life failed. */
  hasFailed = false

  constructor(plan: Plan, random: Random, breakage: Breakage | null) {
    this.#plan = plan
    this.#random = random
    this.#breakage = breakage
  }

  get tellsEarly(): boolean {
    return this.#breakage?.tellsEarly === true
  }

  /** Every twentieth write to the table of a planted mistake. */
  loses(table: string): boolean {
    return this.#breakage?.loses === table && this.#random.next() < 0.05
  }

  /** The next commit fails. */
  fail(): void {
    this.#fails = true
  }
  /** Commits take up to so long. */
  slow(ms: number): void {
    this.#slowMs = ms
  }
  behave(): void {
    this.#fails = false
    this.#slowMs = 0
  }
  /** Another life begins. */
  reset(): void {
    this.hasFailed = false
    this.#fails = false
  }

  commit(): CommitFate {
    const random = this.#random
    const ms = this.#plan.commitMs * (0.5 + random.next()) + this.#slowMs * random.next()
    if (!this.#fails) return { ms, failure: null }
    this.#fails = false
    this.hasFailed = true
    return { ms, failure: { isApplied: random.next() < 0.5 } }
  }

  survivesCrash(): boolean {
    return this.#random.next() < 0.5
  }
}
