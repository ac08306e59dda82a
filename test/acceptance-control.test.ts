/**
 * Pause, resume and cancel act at once on queued work, a job waits for its time, a small job is not held up by a
 * large one, and memory stays bounded: over HTTP, counted at the carrier, in processes of their own.
 */
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { makeRecipients } from '../scripts/make-recipients.js'
import type { JobView } from '../src/engine/contract/api.js'
import { type Rig, seed, startRig, timeout } from './acceptance-run.js'

t.setTimeout(timeout)

const settings = { from: 'ACME', text: 'On ~appointment~', columns: { to: 'mobile' } }
const memoryBytesMax = 512 * 2 ** 20

async function startJob(rig: Rig, rows: number, more: object = {}): Promise<{ id: string; accepted: number }> {
  const file = path.join(rig.folder, `recipients-${rows}.csv`)
  const made = await makeRecipients(file, rows, seed)
  const id = await rig.createJob({ ...settings, ...more })
  if ((await rig.upload(id, file)) !== 202) throw new Error('the upload was refused')
  return { id, accepted: made.rows - made.bad - made.duplicates }
}

async function submits(rig: Rig): Promise<number> {
  return (await rig.smsc.stats()).submits
}

/** Once there is none for half a second. */
async function submitsAtRest(rig: Rig): Promise<number> {
  for (let before = await submits(rig); ; ) {
    await pause(500)
    const now = await submits(rig)
    if (now === before) return now
    before = now
  }
}

t.test('pause, resume and cancel act at once', { timeout }, async (t) => {
  const rig = await startRig(t, { smsc: ['--latency-ms', '20'], carrier: { ratePerSecond: 1_000, window: 50 } })
  const { id, accepted } = await startJob(rig, 20_000)
  await rig.until(id, ({ counts }) => counts.partsSent >= 1_000)
  t.equal((await rig.client.post<JobView>(`/v1/jobs/${id}/pause`, {})).state, 'paused')
  const afterPause = await submitsAtRest(rig)
  t.ok(afterPause < accepted, 'submitting stops in the midst')
  t.match(await rig.look(id), { state: 'paused', counts: { sending: 0 } })

  await rig.client.post(`/v1/jobs/${id}/resume`, {})
  await rig.until(id, ({ counts }) => counts.partsSent > afterPause)
  await rig.until(id, ({ counts }) => counts.partsSent >= afterPause + 1_000)
  await rig.client.post(`/v1/jobs/${id}/cancel`, {})
  const afterCancel = await submitsAtRest(rig)
  t.ok(afterCancel < accepted, 'submitting stops in the midst')
  const { state, counts } = await rig.until(id, (job) => job.counts.sent === 0)
  t.equal(state, 'canceled')
  t.match(counts, { accepted, delivered: afterCancel, canceled: accepted - afterCancel, queued: 0, sending: 0 })
})

t.test('a job with a time to come waits for it', { timeout }, async (t) => {
  const rig = await startRig(t)
  const sendAtMs = Date.now() + 20_000
  const { id, accepted } = await startJob(rig, 200, { sendAt: new Date(sendAtMs).toISOString() })
  t.match(await rig.look(id), { state: 'scheduled', counts: { scheduled: accepted, queued: 0 } })
  await rig.until(id, ({ counts }) => counts.partsSent > 0)
  t.ok(Date.now() >= sendAtMs, 'not before its time')
  t.match((await rig.finished(id)).counts, { delivered: accepted, scheduled: 0 })
})

t.test('ten rows are delivered while 300,000 are taken in and sent, in bounded memory', { timeout }, async (t) => {
  const rig = await startRig(t, { carrier: { binds: 2, window: 500 } })
  const file = path.join(rig.folder, 'large.csv')
  const made = await makeRecipients(file, 300_000, seed)
  const large = await rig.createJob(settings)
  const uploading = rig.upload(large, file)
  await rig.until(large, ({ counts }) => counts.rows > 0)
  const beside = async (): Promise<void> => {
    const recipients = Array.from({ length: 10 }, (_, n) => ({ to: `+44750000000${n}` }))
    const small = await rig.createJob({ from: 'ACME', text: `Small ${performance.now()}`, recipients })
    t.match((await rig.finished(small)).counts, { delivered: 10 })
  }
  await beside()
  const duringIngest = await rig.look(large)
  t.ok(duringIngest.counts.delivered < made.rows / 2, 'done while the large one is taken in')
  t.equal(await uploading, 202)
  await rig.until(large, ({ counts }) => counts.partsSent > 1_000)
  await beside()
  t.equal((await rig.look(large)).state, 'running', 'done before the large one that is sent')
  const accepted = made.rows - made.bad - made.duplicates
  t.match((await rig.finished(large)).counts, { accepted, delivered: accepted })
  t.comment(`most memory ${Math.round(rig.bytesMax / 2 ** 20)} MiB`)
  t.ok(rig.bytesMax > 0 && rig.bytesMax < memoryBytesMax, 'below 512 MiB at every look')
})
