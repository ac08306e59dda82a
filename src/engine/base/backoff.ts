/** How long to wait before the next try: exponential with full jitter, so that many that failed together part again. */
import type { Random } from './random.js'

export interface BackoffShape {
  firstMs: number
  /** Growth never exceeds this. */
  maxMs: number
}

/** Milliseconds before try number `attempt` (0 = first retry): between half and the whole of the grown interval. */
export function backoffMs(shape: BackoffShape, attempt: number, random: Random): number {
  const grown = Math.min(shape.maxMs, shape.firstMs * 2 ** Math.min(attempt, 30))
  return Math.ceil(grown / 2 + (grown / 2) * random.next())
}
