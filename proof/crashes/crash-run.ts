/** One crash: an engine armed with one crash point, worked on until it is dead, and dead there and nowhere else. */
import assert from 'node:assert'
import { setTimeout as pause } from 'node:timers/promises'
import type { CrashPointName } from '../../src/engine/base/crash-points.js'
import { StartFailed } from '../torture/engine-under-test.js'
import type { CrashStand } from './crash-stand.js'
import type { Workload } from './workload.js'

export interface CrashCase {
  point: CrashPointName
  /** From 1. */
  passage: number
  workload: Workload
}

/** A point that was not passed by then will not be; generous, because a machine may be busy. */
const REACH_MS = 60_000
const SAID_MS = 5_000
const LOOK_MS = 5

/** Leaves the engine dead. @throws Error: it lives, or died otherwise. */
export async function crash(stand: CrashStand, { point, passage, workload }: CrashCase): Promise<void> {
  const { engine } = stand
  await workload.before?.()
  const spec = `${point}:${passage}`
  try {
    await engine.start({ CRASH_AT: spec })
    await untilDead(stand, workload, spec)
  } catch (error) {
    // It may well die before it listens.
    if (!(error instanceof StartFailed)) throw error
  }
  const end = await engine.exited
  await untilSaid(stand, `crash point ${point}\n`)
  assert.strictEqual(end, 'SIGKILL', `${spec}: the engine ended with ${end}: ${engine.said}${engine.logged}`)
  assert(engine.said.endsWith(`crash point ${point}\n`), `${spec}: the engine died otherwise: ${engine.said}`)
  stand.crashes++
}

async function untilDead({ engine }: CrashStand, workload: Workload, spec: string): Promise<void> {
  const over = engine.exited
  const patience = new AbortController()
  const late = pause(REACH_MS, 'late', { signal: patience.signal }).catch(() => '')
  try {
    while (engine.isRunning) {
      const step = workload.step()
      if ((await Promise.race([step, over, late])) === 'late') {
        await engine.kill()
        throw new Error(`${spec} was not passed in ${REACH_MS / 1000} s`)
      }
      // What the dead engine did not answer is known as such a moment later.
      await step
    }
  } finally {
    patience.abort()
  }
}

/** Its last words come by a pipe, behind the news of its end. */
async function untilSaid({ engine }: CrashStand, words: string): Promise<void> {
  for (const latest = performance.now() + SAID_MS; performance.now() < latest; await pause(LOOK_MS)) {
    if (engine.said.endsWith(words)) return
  }
}

/**
 * The engine runs again without a crash point, and everything that was begun is finished: what is wrong, a line each.
 * `paysForTexts`: nothing but text messages of one part was paid for.
 */
export async function reconcile(
  stand: CrashStand,
  workloads: Iterable<Workload>,
  paysForTexts: boolean,
): Promise<string[]> {
  await stand.engine.start()
  const problems: string[] = []
  const all = [...new Set(workloads)]
  for (const workload of all) await workload.settle()
  await stand.messages.untilDelivered()
  for (const workload of all) problems.push(...(await workload.check()))
  problems.push(...(await stand.messages.check()))
  if (paysForTexts) problems.push(...(await stand.moneyProblems(stand.messages.count)))
  const { end } = await stand.engine.stop()
  if (end !== 0) problems.push(`the last stop ended with ${end}`)
  return problems
}
