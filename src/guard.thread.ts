/**
 * The guard thread: ends the process when a write to the store has failed and the main thread does not end it by itself, or
 * when a write will never come back (docs/decisions/0034). It has no event loop of its own, waits in shared memory, and needs
 * no other thread of ours.
 */
import assert from 'node:assert'
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from './engine/contract/clock.js'
import { StorePulse } from './engine/store/store-pulse.js'
import { StuckWrites } from './engine/store/stuck-writes.js'
import { killNow, killWithin } from './last-resort.js'
import type { GuardFinding, GuardStart } from './start-guard.js'

const LOOK_MS = 1_000
/** A disk that answers within this time is not the one to blame. */
const ANSWER_MS = 1_000
const LOG_MS = 1_000

assert(parentPort !== null, 'runs as a worker thread')
const start = workerData as GuardStart
const pulse = new StorePulse(start.pulse)
const file = path.join(start.dataDir, 'guard.probe')
const stuck = new StuckWrites(pulse, { looks: start.stuckSeconds, probe })

function probe(): boolean {
  const beganAtMs = systemClock.monotonic()
  try {
    const handle = openSync(file, 'w', 0o600)
    writeSync(handle, 'x')
    fdatasyncSync(handle)
    closeSync(handle)
    rmSync(file)
  } catch {
    // An error is an answer too.
  }
  return systemClock.monotonic() - beganAtMs < ANSWER_MS
}

/** As the log writes it; its module would have to be loaded, and the disk may not give it. */
function line(msg: string): string {
  const time = new Date(systemClock.now()).toISOString()
  return `${JSON.stringify({ level: 50, time, code: 'STORE_FAILED', msg })}\n`
}

function endAtOnce(text: string): void {
  // A log that nobody reads must not hold us.
  killWithin(LOG_MS)
  if (start.isLogged) writeSync(1, line(text))
  killNow()
}

while (!pulse.hasFailed) {
  pulse.awaitFailure(LOOK_MS)
  if (!pulse.hasFailed && stuck.look()) {
    endAtOnce('a write to the store does not come back, though the disk answers: the process is ended')
  }
}
parentPort.postMessage({ reason: pulse.reason ?? 'a write failed' } satisfies GuardFinding)
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, start.exitMs)
endAtOnce('the engine did not end by itself: the process is ended')
