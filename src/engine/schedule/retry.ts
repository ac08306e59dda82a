/** When a message that came back is tried again: one table from outcome to delay, by attempt, with jitter. */
import { type BackoffShape, backoffMs } from '../base/backoff.js'
import type { Random } from '../base/random.js'
import { limits } from '../contract/limits.js'
import { OUTCOME, type OutcomeCode } from '../contract/outcome.js'

interface RetryRule {
  shape: BackoffShape
  /** Attempts after which the message fails; Infinity: never by this outcome. */
  attempts: number
}

const AT_ONCE: RetryRule = { shape: { firstMs: 0, maxMs: 0 }, attempts: Number.POSITIVE_INFINITY }

const RULES: Partial<Record<OutcomeCode, RetryRule>> = {
  // The channel slows the whole carrier; the message only has to come back soon and in order.
  [OUTCOME.throttled]: { shape: { firstMs: 250, maxMs: 2_000 }, attempts: Number.POSITIVE_INFINITY },
  [OUTCOME.unavailable]: { shape: { firstMs: 1_000, maxMs: 300_000 }, attempts: limits.attempts },
  [OUTCOME.unanswered]: { shape: { firstMs: 100, maxMs: 60_000 }, attempts: limits.attempts },
  [OUTCOME.notSent]: AT_ONCE,
  // To another carrier: nothing speaks against at once.
  [OUTCOME.rerouted]: { shape: { firstMs: 0, maxMs: 0 }, attempts: limits.attempts },
}

/** True: the message fails rather than go again, whatever delay a carrier's own rule gives. */
export function areUsedUp(code: OutcomeCode, attempts: number): boolean {
  return attempts >= (RULES[code] ?? AT_ONCE).attempts
}

/** Delay in ms before the next try; -1: the attempts are used up. `attempts` counts those made so far. */
export function retryDelayMs(code: OutcomeCode, attempts: number, random: Random): number {
  const rule = RULES[code] ?? AT_ONCE
  if (attempts >= rule.attempts) return -1
  return rule.shape.maxMs === 0 ? 0 : backoffMs(rule.shape, Math.max(0, attempts - 1), random)
}
