/**
 * SIGTERM again and again on one folder, while messages leave and come, while emails and calls go: intake ends, the window
 * is drained, binds say goodbye, the process exits 0 in time; nothing is lost, nothing is sent twice (reliability.md F18).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import { CRASH_GROUPS } from '../proof/crashes/crash-groups.js'
import { reconcile } from '../proof/crashes/crash-run.js'
import { CrashStand } from '../proof/crashes/crash-stand.js'
import { SHUTDOWN_SECONDS, StopRun } from '../proof/signals/stop-run.js'
import { Random } from '../src/engine/base/random.js'
import { seed } from './seed.js'

/** `node build/test/fault-stop.test.js SEED 20` for a soak: so many times as often. */
const TIMES = Number(process.argv[3] ?? 1)
const timeout = process.argv[3] === undefined ? 580_000 : 24 * 3_600_000
t.setTimeout(timeout)

function folderOf(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-stop-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

t.test(`while messages leave and come; seed ${seed}`, { timeout }, async (t) => {
  const stand = await CrashStand.make({ folder: folderOf(t), config: { shutdownSeconds: SHUTDOWN_SECONDS } })
  t.teardown(() => stand.close())
  const run = new StopRun(stand, new Random(seed))
  for (let n = 0; n < Math.ceil(15 * TIMES); n++) t.strictSame(await run.dispatching(), [], `during dispatch, ${n + 1}`)
  for (let n = 0; n < Math.ceil(5 * TIMES); n++) t.strictSame(await run.intake(), [], `while messages come, ${n + 1}`)
  stand.smsc.setLatency(0)
  t.strictSame(await reconcile(stand, [run.singles], true), [], `${stand.messages.count} messages`)
  t.equal(stand.smsc.stats().repeats, 0, 'none came twice')
})

t.test(`while emails and calls go; seed ${seed}`, { timeout }, async (t) => {
  const { stand, reaches, close } = await CRASH_GROUPS.channels(folderOf(t))
  t.teardown(close)
  const run = new StopRun(stand, new Random(seed))
  const workloads = reaches.map(({ workload }) => workload)
  for (const workload of workloads) {
    for (let n = 0; n < Math.ceil(3 * TIMES); n++)
      t.strictSame(await run.accepting(workload, 1_500), [], `stop ${n + 1}`)
  }
  t.strictSame(await reconcile(stand, workloads, false), [], 'each arrived, and what came twice says why')
})
