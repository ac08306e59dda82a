/**
 * Named places where a test may let the process die, as kill -9 would at that very moment (reliability.md F2). Compiled in,
 * off unless the composition root of the thread armed one (CRASH_AT=name:n); a passage costs a comparison then. All threads.
 */
import assert from 'node:assert'
import { writeSync } from 'node:fs'
import { CRASH_POINTS, type CrashPointName, type CrashThread } from './crash-points.js'

interface Armed {
  name: CrashPointName
  /** Passages of this thread until it happens. */
  left: number
}

let armed: Armed | null = null

/**
 * `spec`: `name:n`, the n-th passage (from 1) of that point in this thread; null: none. A point of another thread is that one's
 * to arm. @throws AssertionError when it is neither, or there is no such point.
 */
export function armCrashPoint(spec: string | null, thread: CrashThread): void {
  armed = null
  if (spec === null) return
  const [, name, passage] = /^([a-z0-9-]+):([1-9][0-9]*)$/.exec(spec) ?? []
  assert(name !== undefined && passage !== undefined, `CRASH_AT must be name:n with n from 1, not ${spec}`)
  assert(isCrashPoint(name), `CRASH_AT: there is no crash point ${name}; see src/engine/base/crash-points.ts`)
  if (CRASH_POINTS[name][0] === thread) armed = { name, left: Number(passage) }
}

function isCrashPoint(name: string): name is CrashPointName {
  return Object.hasOwn(CRASH_POINTS, name)
}

/** Where the process may die: does nothing in a process that runs for users. */
export function crashPoint(name: CrashPointName): void {
  if (armed !== null) pass(armed, name)
}

function pass(point: Armed, name: CrashPointName): void {
  if (point.name !== name) return
  point.left--
  if (point.left > 0) return
  // Whoever finds the process gone is told why, on the descriptor itself: a thread's stderr goes by the main thread.
  writeSync(2, `crash point ${name}\n`)
  process.kill(process.pid, 'SIGKILL')
  // Nothing may happen between the signal and its effect.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
