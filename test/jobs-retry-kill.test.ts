/** kill -9 while a job is retried: no message comes twice, none is left out, memory stays flat. */
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { makeRecipients } from '../scripts/make-recipients.js'
import { Random } from '../src/engine/base/random.js'
import type { JobView, Page } from '../src/engine/contract/api.js'
import { type Rig, seed, startRig, timeout } from './acceptance-run.js'
import { orKilled, post } from './rig-requests.js'

t.setTimeout(timeout)
const random = new Random(seed)

/** A job of which every message was canceled before its time. */
async function canceledJob(rig: Rig, rows: number): Promise<{ id: string; accepted: number }> {
  const file = path.join(rig.folder, 'recipients.csv')
  const made = await makeRecipients(file, rows, seed)
  const settings = { from: 'ACME', text: 'Hi ~name|you~', columns: { to: 'mobile' }, sendAt: '2100-01-01T00:00:00Z' }
  const id = await rig.createJob(settings)
  await rig.upload(id, file)
  const accepted = made.rows - made.bad - made.duplicates
  // Canceled while its rows are still read it would give them all back, and have none to retry.
  await rig.until(id, ({ counts, progress }) => counts.scheduled === accepted && progress.rowsPerSecond === 0)
  await post(rig, `/v1/jobs/${id}/cancel`, {})
  await rig.until(id, ({ state, counts }) => state === 'canceled' && counts.canceled === accepted)
  return { id, accepted }
}

t.test(`a retry of 100,000 rows goes on behind each kill; seed ${seed}`, { timeout }, async (t) => {
  // So slow a carrier takes next to nothing of what is made here.
  const rig = await startRig(t, { carrier: { ratePerSecond: 1 } })
  const { id, accepted } = await canceledJob(rig, 100_000)
  rig.bytesMax = 0
  await rig.look(id)
  const before = rig.bytesMax
  const retry = () => post<JobView>(rig, `/v1/jobs/${id}/retry`, {}, 'once')
  for (let kill = 0; kill < 2; kill++) {
    const asked = orKilled(retry())
    await pause(50 + random.below(300))
    await rig.kill()
    await asked
    await rig.start()
  }
  const { id: again } = await retry()
  const job = await rig.until(again, ({ counts }) => counts.accepted === accepted && counts.records === accepted)
  t.match(job, { retryOf: id, counts: { rows: accepted, rejected: 0, duplicate: 0 } }, 'all of them, each once')
  t.ok(rig.bytesMax < before + (256 << 20), `${Math.round((rig.bytesMax - before) / 2 ** 20)} MiB more than before`)
  const { items } = await rig.client.get<Page<JobView>>('/v1/jobs')
  t.equal(items.length, 2, 'and one retry')
})
