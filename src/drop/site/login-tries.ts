/**
 * Refused log-ins, counted by address and by user name: each makes the next refusal slower, and too many lock out. A pure
 * state machine over time. Site thread.
 */

export interface TriesTerms {
  loginTries: number
  loginTriesPerUser: number
  lockSeconds: number
}

interface Count {
  refused: number
  /** The count begins anew then. */
  untilMs: number
}

const FIRST_DELAY_MS = 250
const DELAY_MS_MAX = 5_000
/** More than so many names are attacked at once: the oldest counts are forgotten. */
const COUNTS_MAX = 20_000

export class LoginTries {
  readonly #terms: TriesTerms
  readonly #byAddress = new Map<string, Count>()
  readonly #byUser = new Map<string, Count>()

  constructor(terms: TriesTerms) {
    this.#terms = terms
  }

  /** No password from this address, or for this user, is looked at. */
  locksPassword(address: string, user: string, nowMs: number): boolean {
    const { loginTriesPerUser } = this.#terms
    return this.locksAddress(address, nowMs) || countOf(this.#byUser, user, nowMs) >= loginTriesPerUser
  }

  locksAddress(address: string, nowMs: number): boolean {
    return countOf(this.#byAddress, address, nowMs) >= this.#terms.loginTries
  }

  /** A password was refused; the answer takes so many milliseconds from the question at least. */
  refused(address: string, user: string, nowMs: number): number {
    const untilMs = nowMs + this.#terms.lockSeconds * 1_000
    const tries = Math.max(
      add(this.#byAddress, address, { nowMs, untilMs }),
      add(this.#byUser, user, { nowMs, untilMs }),
    )
    return Math.min(DELAY_MS_MAX, FIRST_DELAY_MS * 2 ** (tries - 1))
  }
}

function countOf(counts: Map<string, Count>, name: string, nowMs: number): number {
  const count = counts.get(name)
  return count === undefined || count.untilMs <= nowMs ? 0 : count.refused
}

function add(counts: Map<string, Count>, name: string, { nowMs, untilMs }: { nowMs: number; untilMs: number }): number {
  const refused = countOf(counts, name, nowMs) + 1
  // Behind all others: the order of the map is the order in which counts end.
  counts.delete(name)
  counts.set(name, { refused, untilMs })
  for (const [first, { untilMs: end }] of counts) {
    if (end > nowMs && counts.size <= COUNTS_MAX) break
    counts.delete(first)
  }
  return refused
}
