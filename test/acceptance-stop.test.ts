/**
 * SIGTERM in mid-flight, with engine and carrier as processes of their own: it drains, unbinds and exits 0 in time, and
 * nothing is sent twice after the restart (contract.md, `serve`; reliability.md F18, F29).
 */
import { once } from 'node:events'
import path from 'node:path'
import t from 'tap'
import { spawnNode } from '../bench/processes.js'
import { makeRecipients } from '../scripts/make-recipients.js'
import { type Rig, seed, startRig, timeout } from './acceptance-run.js'

t.setTimeout(timeout)

const binds = 2
const shutdownSeconds = 5

async function startJob(rig: Rig, rows: number): Promise<{ id: string; accepted: number }> {
  const file = path.join(rig.folder, 'recipients.csv')
  const made = await makeRecipients(file, rows, seed)
  const id = await rig.createJob({ from: 'ACME', text: 'On ~appointment~', columns: { to: 'mobile' } })
  if ((await rig.upload(id, file)) !== 202) throw new Error('the upload was refused')
  return { id, accepted: made.rows - made.bad - made.duplicates }
}

t.test('during an upload and during ingest', { timeout }, async (t) => {
  const rig = await startRig(t, { config: { shutdownSeconds } })
  const file = path.join(rig.folder, 'recipients.csv')
  const made = await makeRecipients(file, 120_000, seed)
  const id = await rig.createJob({ from: 'ACME', text: 'On ~appointment~', columns: { to: 'mobile' } })
  const uploading = rig.upload(id, file)
  await rig.until(id, (job) => (job.file?.bytes ?? 0) > 0)
  const inUpload = await rig.terminate()
  t.equal(inUpload.code, 0)
  t.ok(inUpload.ms < shutdownSeconds * 1000, `stopped in ${Math.round(inUpload.ms)} ms`)
  await uploading
  await rig.start()
  // An upload that was let to its end by the stop is accepted; any other is sent again.
  if ((await rig.look(id)).state === 'receiving') t.equal(await rig.upload(id, file), 202)
  const inIngest = await rig.terminate()
  t.equal(inIngest.code, 0)
  t.ok(inIngest.ms < shutdownSeconds * 1000, `stopped in ${Math.round(inIngest.ms)} ms`)
  await rig.start()
  const accepted = made.rows - made.bad - made.duplicates
  t.match((await rig.finished(id)).counts, { rows: made.rows, accepted, delivered: accepted })
  t.match(await rig.smsc.stats(), { distinct: accepted, repeats: 0 })
})

t.test('with a carrier that has fallen silent, and for the impatient', { timeout }, async (t) => {
  const rig = await startRig(t, {
    smsc: ['--latency-ms', '20'],
    carrier: { binds, window: 50 },
    config: { shutdownSeconds: 4 },
  })
  const { id, accepted } = await startJob(rig, 6_000)
  await rig.until(id, ({ counts }) => counts.partsSent >= 500)
  rig.smsc.child.kill('SIGSTOP')
  const { code, ms } = await rig.terminate()
  t.equal(code, 0)
  // A response may take half a minute; a busy machine may need more than its four seconds, but not that.
  t.ok(ms < 15_000, `stopped in ${Math.round(ms)} ms, though nobody answers`)
  await rig.start()
  rig.engine.child.kill('SIGTERM')
  await once(rig.engine.child.stderr!, 'data')
  rig.engine.child.kill('SIGTERM')
  t.equal(await rig.engine.ended, 1, 'a second SIGTERM does not wait')
  rig.smsc.child.kill('SIGCONT')
  await rig.start()
  t.match((await rig.finished(id)).counts, { accepted, delivered: accepted })
  const { distinct, repeats } = await rig.smsc.stats()
  t.equal(distinct, accepted)
  t.ok(repeats <= 3 * binds * (50 + 50), `${repeats} repeats: only what was not answered`)
})

t.test('a second engine on the same data directory leaves it alone and says why', { timeout }, async (t) => {
  const rig = await startRig(t)
  const second = spawnNode(rig.serveArguments(), { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  second.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const [code] = await once(second, 'close')
  t.not(code, 0)
  t.match(said, /another engine is running/i)
  t.ok(said.includes(path.join(rig.folder, 'data')), 'it names the directory')
  const { id, accepted } = await startJob(rig, 500)
  t.match((await rig.finished(id)).counts, { delivered: accepted }, 'the first one works on')
})
