/** Time is an argument: only this file, the tick and bind.ts read a clock or set a timer. */
export interface Clock {
  /** Epoch milliseconds: what is stored and shown. May step. */
  now(): number
  /** Monotonic milliseconds with fraction: what limiters and time-outs use. */
  monotonic(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
