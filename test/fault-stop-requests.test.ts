/**
 * SIGTERM again and again on one folder: at any moment of requests, during uploads, with a carrier that is mute or gone, and
 * twice in a row. What was answered is there, what was not is asked again and then is; the process exits 0 in time, or at once
 * for the impatient; nothing is sent twice where the peer answers (reliability.md F18).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { reconcile } from '../proof/crashes/crash-run.js'
import { CrashStand } from '../proof/crashes/crash-stand.js'
import { SHUTDOWN_SECONDS, StopRun } from '../proof/signals/stop-run.js'
import { Random } from '../src/engine/base/random.js'
import { seed } from './seed.js'

/** `node build/test/fault-stop-requests.test.js SEED 20` for a soak: so many times as often. */
const TIMES = Number(process.argv[3] ?? 1)
const timeout = process.argv[3] === undefined ? 580_000 : 24 * 3_600_000
t.setTimeout(timeout)

t.test(`at any moment of requests, and with bad carriers; seed ${seed}`, { timeout }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-stop-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const stand = await CrashStand.make({ folder, config: { shutdownSeconds: SHUTDOWN_SECONDS } })
  t.teardown(() => stand.close())
  const run = new StopRun(stand, new Random(seed))
  const repeat = async (times: number, what: string, stop: () => Promise<string[]>): Promise<void> => {
    for (let n = 0; n < Math.ceil(times * TIMES); n++) t.strictSame(await stop(), [], `${what}, ${n + 1}`)
  }
  await repeat(5, 'at any moment of files', () => run.accepting(run.files))
  await repeat(4, 'at any moment of messages', () => run.accepting(run.singles))
  await repeat(4, 'during an upload', () => run.uploading())
  await repeat(3, 'without a carrier', () => run.dead())
  t.strictSame(await reconcile(stand, [run.files, run.singles], true), [], `${stand.messages.count} messages`)
  t.equal(stand.smsc.stats().repeats, 0, 'none came twice')
  await repeat(4, 'two signals', () => run.twice())
  await repeat(4, 'with a mute carrier', () => run.mute())
  t.strictSame(await reconcile(stand, [run.files, run.singles], true), [], `${stand.messages.count} messages`)
})
