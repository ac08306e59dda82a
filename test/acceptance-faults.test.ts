/**
 * Carriers that drop connections, throttle, lose answers, and send receipts early or again: the job ends, nothing is lost,
 * and the counts add up at every look (reliability.md F8 to F12). Engine and carrier are processes of their own.
 */
import path from 'node:path'
import t from 'tap'
import { makeRecipients } from '../scripts/make-recipients.js'
import { type Rig, seed, startRig, timeout } from './acceptance-run.js'

t.setTimeout(timeout)
t.jobs = 2

async function startJob(rig: Rig, rows: number): Promise<{ id: string; accepted: number }> {
  const file = path.join(rig.folder, 'recipients.csv')
  const made = await makeRecipients(file, rows, seed)
  const id = await rig.createJob({ from: 'ACME', text: 'On ~appointment~', columns: { to: 'mobile' } })
  if ((await rig.upload(id, file)) !== 202) throw new Error('the upload was refused')
  return { id, accepted: made.rows - made.bad - made.duplicates }
}

/** What each fault may cost in repeats: only what was in doubt is sent again. */
const faults = [
  { name: 'cuts connections', faults: 'drop=0.002', carrier: {}, seldom: true },
  { name: 'throttles one in five', faults: 'throttle=0.2', carrier: {}, seldom: false },
  { name: 'loses answers', faults: 'noresp=0.01', carrier: { responseTimeoutMs: 300 }, seldom: true },
  { name: 'refuses for now', faults: 'reject=0.05:0x08', carrier: {}, seldom: false },
  { name: 'sends receipts before answers', faults: 'early=0.5', carrier: {}, seldom: false },
  { name: 'answers twice', faults: 'dupresp=0.1', carrier: {}, seldom: false },
]

for (const fault of faults) {
  t.test(`a carrier that ${fault.name}; seed ${seed}`, { timeout }, async (t) => {
    const rig = await startRig(t, {
      smsc: ['--faults', fault.faults, '--seed', String(seed), '--dlr-delay-ms', '50', '--latency-ms', '2'],
      carrier: { binds: 2, window: 50, ...fault.carrier },
    })
    const { id, accepted } = await startJob(rig, 3_000)
    const { counts } = await rig.finished(id)
    const stats = await rig.smsc.stats()
    t.match(counts, { accepted, delivered: accepted, failed: 0, unknown: 0 })
    t.equal(stats.distinct, accepted, 'every message came to the carrier')
    t.equal(stats.protocolErrors, 0)
    if (fault.seldom) t.ok(stats.repeats > 0, `${stats.repeats} repeats of what was not answered`)
    else t.equal(stats.repeats, 0, 'nothing twice')
  })
}

t.test(
  `receipts that were not acknowledged before a kill come again and are joined; seed ${seed}`,
  { timeout },
  async (t) => {
    const rig = await startRig(t, {
      smsc: ['--dlr-delay-ms', '400', '--faults', 'early=0.2', '--seed', String(seed)],
      carrier: { binds: 2, window: 50 },
    })
    const { id, accepted } = await startJob(rig, 20_000)
    await rig.until(id, ({ counts }) => counts.delivered >= 2_000)
    await rig.kill()
    const before = await rig.smsc.stats()
    t.ok(before.receiptsSent > before.receiptsAcknowledged, 'some were under way')
    await rig.start()
    t.match((await rig.finished(id)).counts, { accepted, delivered: accepted })
    const after = await rig.smsc.stats()
    t.equal(after.receiptsWaiting, 0)
    t.ok(after.receiptsSent > after.receiptsAcknowledged, 'and were sent again')
  },
)
