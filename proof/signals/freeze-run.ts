/**
 * An engine that stands still and goes on (reliability.md F19): stopped as a whole, starved, or with blocked event loops.
 * When it goes on it must not make up for what it missed.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../src/engine/base/random.js'
import type { CrashStand } from '../crashes/crash-stand.js'
import { WINDOW } from '../crashes/crash-stand.js'
import type { CarrierSeen } from '../torture/carrier-ledger.js'
import { readLedger } from '../torture/ledger.js'

const SECOND = 1_000_000
/** Jitter between the sender's stamps and the carrier's (P6). */
const TOLERANCE = 1.01
const STARVED_ROUNDS = 25

/** Longest standstills for which the carrier, which is not frozen, keeps its sessions. */
export const FREEZE_MS = { least: 300, most: 2_500 }

export async function freeze({ engine }: CrashStand, random: Random): Promise<number> {
  const ms = FREEZE_MS.least + random.below(FREEZE_MS.most - FREEZE_MS.least)
  engine.signal('SIGSTOP')
  await pause(ms)
  engine.signal('SIGCONT')
  return ms
}

/** It has a tenth of a processor, in short slices. */
export async function starve({ engine }: CrashStand): Promise<void> {
  for (let round = 0; round < STARVED_ROUNDS; round++) {
    engine.signal('SIGSTOP')
    await pause(45)
    engine.signal('SIGCONT')
    await pause(5)
  }
}

/**
 * For NODE_OPTIONS: from `firstMs` on the event loop of each thread stands still for `blockedMs` in each `everyMs`, not all
 * threads at once.
 */
export function blockingPreload(
  folder: string,
  times: { firstMs: number; blockedMs: number; everyMs: number },
): string {
  const file = path.join(folder, 'blocking.mjs')
  writeFileSync(
    file,
    `import { threadId } from 'node:worker_threads'
const cell = new Int32Array(new SharedArrayBuffer(4))
setTimeout(() => {
  const block = () => Atomics.wait(cell, 0, 0, ${times.blockedMs})
  block()
  setInterval(block, ${times.everyMs}).unref()
}, ${times.firstMs} + threadId * 400).unref()
`,
  )
  return `--import=${file}`
}

/** Most parts that came in any second, of the carrier's clock. */
export async function mostPerSecond(ledger: string): Promise<number> {
  const stamps: number[] = []
  for await (const seen of readLedger<CarrierSeen>(ledger)) if (seen.e === 'submit') stamps.push(seen.t)
  let most = 0
  for (let from = 0, to = 0; to < stamps.length; to++) {
    while (stamps[from]! <= stamps[to]! - SECOND) from++
    most = Math.max(most, to - from + 1)
  }
  return most
}

/** A second may begin with a window on its way, which the wire and a busy machine bring in at once. */
export function mostAllowed(ratePerSecond: number): number {
  return Math.floor(ratePerSecond * TOLERANCE) + 1 + WINDOW
}
