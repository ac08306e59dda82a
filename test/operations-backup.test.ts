/**
 * Backups that are taken while the engine works: each shows one moment, from which a restored engine goes on to the end; and the
 * engine that was backed up ends as if nothing had been. Engines, carriers and commands are processes of their own.
 */
import path from 'node:path'
import t, { type Test } from 'tap'
import { makeRecipients } from '../scripts/make-recipients.js'
import { Random } from '../src/engine/base/random.js'
import type { JobView } from '../src/engine/contract/api.js'
import type { CarrierView } from '../src/engine/contract/channel.js'
import type { Readiness } from '../src/engine/contract/readiness.js'
import { verifyDirectory } from '../src/engine/verify/verify-directory.js'
import { type Rig, seed, startRig } from './acceptance-run.js'
import { run } from './cli-run.js'
import { assertSums } from './engine-harness.js'
import { backUp, backUpOverHttp, patchCarrier, type RestoredEngine, restoreAndStart } from './operations-stand.js'
import { until } from './until.js'

/** Of an engine and three restored ones on a busy machine. */
const timeout = 580_000
t.setTimeout(timeout)

const random = new Random(seed)
const window = 20
/** Of messages that were sent before the backup the new carrier knows nothing: their receipts never come. */
const carrier = { window, receiptTimeoutSeconds: 2 }
const rows = 800

function sentShare({ counts }: JobView): number {
  return counts.parts === 0 ? 0 : counts.partsSent / counts.parts
}

/** At moments that the seed chooses: the first perhaps while another file comes in. */
async function backupsOf(rig: Rig, id: string): Promise<string[]> {
  const backups: string[] = []
  for (const [n, from] of [0, 0.5].entries()) {
    const share = from + random.next() * 0.3
    await rig.until(id, (job) => job.state === 'finished' || sentShare(job) >= share)
    backups.push(await (n === 1 ? backUp : backUpOverHttp)(rig, `backup-${n}`))
  }
  return backups
}

t.test(`two backups during ingest, dispatch and receipts; seed ${seed}`, { timeout }, async (t) => {
  // So slow that the backups are made in the midst of it, however busy the machine is.
  const rate = { ratePerSecond: 150 }
  const rig = await startRig(t, {
    smsc: ['--dlr-delay-ms', '500', '--window', String(window)],
    carrier: { ...carrier, ...rate },
  })
  const file = path.join(rig.folder, 'recipients.csv')
  const made = await makeRecipients(file, rows, seed)
  const accepted = made.rows - made.bad - made.duplicates
  const ids = [
    await rig.createJob({ from: 'ACME', text: 'Hi ~name~', columns: { to: 'mobile' } }),
    await rig.createJob({ from: 'ACME', text: 'More ~name~', columns: { to: 'mobile' } }),
  ]
  t.equal(await rig.upload(ids[0]!, file), 202, 'a file is accepted')
  const uploading = rig.upload(ids[1]!, file)
  const backups = await backupsOf(rig, ids[0]!)
  t.equal(await uploading, 202, 'and so is one that comes in beside a backup')
  await patchCarrier(rig.engine.url, { ratePerSecond: null })
  for (const id of ids) t.match((await rig.finished(id)).counts, { accepted, delivered: accepted }, 'all is delivered')
  t.match(await rig.smsc.stats(), { repeats: 0, windowViolations: 0 }, 'nothing twice')
  await rig.terminate()
  const { dataDir } = rig.config as { dataDir: string }
  t.match(
    await verifyDirectory(dataDir, () => {}),
    { ok: true, findings: [] },
    'what the engine has at its end is whole',
  )

  const { stdout } = await run(['verify', '--backup', backups[0]!, '--json'])
  t.match(JSON.parse(stdout), { ok: true, findings: [] }, 'so is a backup')

  for (const backup of backups) {
    const restored = await restoreAndStart(t, rig, { backup, carrier })
    await isPaused(t, restored)
    const before = await Promise.all(ids.map((id) => looked(restored, id)))
    await restored.resume()
    for (const { id } of before.filter(({ state }) => state === 'receiving')) {
      t.equal(await restored.client.upload(`/v1/jobs/${id}/recipients`, file), 202, 'what was coming in is sent again')
    }
    const jobs = await Promise.all(ids.map((id) => until(() => looked(restored, id), isFinished)))
    for (const { counts } of jobs) {
      t.match(
        counts,
        { accepted, partsSent: counts.parts, queued: 0, sending: 0, unknown: 0 },
        'a job comes to its end',
      )
      t.equal(counts.delivered + counts.sent, accepted, 'and every message of it to a good one')
    }
    const sentBefore = sum(before.map(({ counts }) => counts.partsSent))
    t.comment(`${sentBefore} parts were sent at the moment of ${path.basename(backup)}`)
    const distinct = sum(jobs.map(({ counts }) => counts.parts)) - sentBefore
    t.match(await restored.smsc.stats(), { distinct, repeats: 0 }, 'exactly what was not sent at that moment is sent')
    await restored.end('SIGTERM')
  }
})

async function looked(restored: RestoredEngine, id: string): Promise<JobView> {
  const job = await restored.client.get<JobView>(`/v1/jobs/${id}`)
  assertSums(job)
  return job
}

function isFinished({ state }: JobView): boolean {
  return state === 'finished'
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

/** Nothing is sent before the operator says so, and everybody is told why. */
async function isPaused(t: Test, restored: RestoredEngine): Promise<void> {
  const { items } = await restored.admin.get<{ items: CarrierView[] }>('/v1/carriers')
  t.match(items, [{ id: 'sim', paused: true, pausedBecause: /restored from a backup/ }], 'its carrier is paused')
  const { checks } = await restored.admin.get<Readiness>('/readyz')
  t.match(
    checks.find(({ name }) => name === 'restored'),
    { ok: false, detail: /carriers are paused/ },
    'and /readyz says why',
  )
  t.equal((await restored.smsc.stats()).submits, 0, 'nothing is sent')
}
