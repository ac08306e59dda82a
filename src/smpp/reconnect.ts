/**
 * When a lost or refused bind is tried again. Pure: time and chance are arguments.
 *
 * The first try after a loss comes within a second; then exponential backoff with full jitter from 1 s to 60 s. A wrong
 * password is not tried often, since carriers lock accounts; "already bound" waits for the old session to die there
 * (carriers.md 71). The gate is shared by all binds of a carrier: while tries fail, at most one a second is made.
 */
import type { Random } from '../engine/base/random.js'
import { STATUS } from './status.js'

const FLOOR_MS = 1_000
const CEILING_MS = 60_000
const QUICK_MS_MIN = 100

/** Milliseconds until try number `attempt` (from 0) after an end with this bind status (0: none). */
export function reconnectDelayMs(attempt: number, status: number, random: Random): number {
  if (status === STATUS.invalidPassword || status === STATUS.invalidSystemId)
    return between(CEILING_MS / 2, CEILING_MS, random)
  if (status === STATUS.alreadyBound)
    return between(5_000, Math.min(10_000 * 2 ** Math.min(attempt, 8), CEILING_MS), random)
  if (attempt === 0) return between(QUICK_MS_MIN, FLOOR_MS, random)
  return between(FLOOR_MS, Math.min(FLOOR_MS * 2 ** Math.min(attempt, 8), CEILING_MS), random)
}

function between(low: number, high: number, random: Random): number {
  return low + random.next() * Math.max(0, high - low)
}

/** Open while connections succeed; else one try at a time, and no more than one a second. */
export class ConnectGate {
  #proven = false
  #trying = false
  #openAt = 0

  /** True when a connection may be tried now; counts as tried until `succeeded` or `failed`. */
  enter(nowMs: number): boolean {
    if (this.#proven) return true
    if (this.#trying || nowMs < this.#openAt) return false
    this.#trying = true
    return true
  }

  succeeded(): void {
    this.#proven = true
    this.#trying = false
  }

  failed(nowMs: number): void {
    this.#proven = false
    this.#trying = false
    this.#openAt = nowMs + FLOOR_MS
  }
}
