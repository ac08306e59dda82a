/** Time is an argument: only this file, the tick and bind.ts read a clock or set a timer. */
export interface Clock {
  /** Epoch milliseconds: what is stored and shown. May step. */
  now(): number
  /** Monotonic milliseconds with fraction: what limiters and time-outs use. */
  monotonic(): number
}

/** What `after` gives, for `stop`; its meaning belongs to the timers. */
export type TimerHandle = object

/** How the loop and its channels wait: the event loop's own timers, or the virtual time of the simulation (proof/simulate). */
export interface Timers {
  /** Behind what this turn of the event loop still does. */
  soon(work: () => void): void
  after(ms: number, work: () => void): TimerHandle
  stop(timer: TimerHandle): void
}

export const systemTimers: Timers = {
  soon: (work) => {
    setImmediate(work)
  },
  after: (ms, work) => setTimeout(work, ms),
  stop: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
