/**
 * When an endpoint that failed is tried again, and when its events are given up. Pure: times are epoch milliseconds and
 * chance is handed in.
 *
 * The endpoint backs off as a whole (docs/decisions): while it fails, one batch is tried at a time, the oldest. An event
 * is given up once it could have been delivered for 75 h, had the endpoint worked.
 */

export interface RetryState {
  /** Failures since the last success. */
  failures: number
  /** When the first of them was; 0: there is none. */
  failingSinceMs: number
  /** Nothing is tried before. */
  nextAttemptMs: number
}

export const HEALTHY: RetryState = { failures: 0, failingSinceMs: 0, nextAttemptMs: 0 }

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
const HOUR_MS = 60 * MINUTE_MS
/** After the first failure, the second …; the last one stands for all that follow. */
export const RETRY_DELAYS_MS = [5 * SECOND_MS, 5 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS] as const
const JITTER = 0.2
export const RETRY_FOR_MS = 75 * HOUR_MS
const RETRY_AFTER_MAX_MS = 24 * HOUR_MS

/** `chance`: [0, 1). `retryAfterMs`: what the receiver asked for; null: nothing. */
export function failed(
  state: RetryState,
  nowMs: number,
  { chance, retryAfterMs }: { chance: number; retryAfterMs: number | null },
): RetryState {
  const plain = RETRY_DELAYS_MS[Math.min(state.failures, RETRY_DELAYS_MS.length - 1)]!
  const delayMs = plain * (1 + JITTER * (2 * chance - 1))
  const asked = Math.min(retryAfterMs ?? 0, RETRY_AFTER_MAX_MS)
  return {
    failures: state.failures + 1,
    failingSinceMs: state.failures === 0 ? nowMs : state.failingSinceMs,
    nextAttemptMs: Math.ceil(nowMs + Math.max(delayMs, asked)),
  }
}

/** Events of this time or before are given up; -Infinity: none is. */
export function givenUpBefore(state: RetryState, nowMs: number): number {
  const limitMs = nowMs - RETRY_FOR_MS
  return state.failures > 0 && state.failingSinceMs <= limitMs ? limitMs : Number.NEGATIVE_INFINITY
}
