/**
 * Fail-stop of the main thread: when a write to the store failed, in whatever thread, or when going on would be wrong, it says
 * so in the log and ends the process with code 1; a process that cannot end any more is killed (docs/decisions/0034).
 */
import { Worker } from 'node:worker_threads'
import type { Config } from './engine/config/schema.js'
import { EngineError } from './engine/contract/errors.js'
import type { Log } from './engine/contract/log.js'
import type { StorePulse } from './engine/store/store-pulse.js'
import { killWithin } from './last-resort.js'

/** The time it gives; tests hand in shorter ones. */
export interface GuardTimes {
  /** A write that stands so long while the disk answers others is dead. */
  stuckSeconds: number
  /** After a failure the main thread has so long to end the process. */
  exitMs: number
}

/** For ending in good order; what stands in a disk that stalls may use it up, and is killed then. */
const EXIT_MS = 10_000
const TIMES: GuardTimes = { stuckSeconds: 30, exitMs: EXIT_MS }

export interface GuardStart extends GuardTimes {
  dataDir: string
  pulse: SharedArrayBuffer
  isLogged: boolean
}

export interface GuardFinding {
  reason: string
}

export interface FailStopParts {
  log: Log
  pulse: StorePulse
  /** Ends the process in another way: of tests that live in it. */
  exit?(code: number): void
}

/** The first error counts. */
export function makeFailStop({ log, pulse, exit }: FailStopParts): (error: unknown) => void {
  let hasFailed = false
  return (error) => {
    if (hasFailed) return
    hasFailed = true
    pulse.fail(error instanceof Error ? error.message : String(error))
    if (exit === undefined) killWithin(EXIT_MS)
    log.error({ error }, 'the engine stops rather than go on wrong')
    if (exit === undefined) process.exit(1)
    exit(1)
  }
}

export interface GuardParts {
  pulse: StorePulse
  /** Of the main thread. */
  fail(error: unknown): void
  times?: GuardTimes | undefined
}

/** Gives how it is stopped. */
export function startGuard(
  { dataDir, logLevel }: Config,
  { pulse, fail, times = TIMES }: GuardParts,
): () => Promise<unknown> {
  const workerData: GuardStart = { dataDir, pulse: pulse.buffer, isLogged: logLevel !== 'silent', ...times }
  const worker = new Worker(new URL('./guard.thread.js', import.meta.url), { workerData, name: 'guard' })
  worker.unref()
  worker.on('message', ({ reason }: GuardFinding) => fail(new EngineError('STORE_FAILED', reason)))
  worker.on('error', fail)
  return () => worker.terminate()
}
