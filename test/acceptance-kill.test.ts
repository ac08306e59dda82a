/**
 * kill -9 of the engine at random moments, with engine and carrier as processes of their own: no row is lost, the counts
 * add up at every look, and the carrier sees no more repeats than window and cap allow (reliability.md P1, P2).
 */
import { statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { makeRecipients } from '../scripts/make-recipients.js'
import { Random } from '../src/engine/base/random.js'
import type { JobView } from '../src/engine/contract/api.js'
import type { Counts } from '../src/engine/contract/job.js'
import { limits } from '../src/engine/contract/limits.js'
import { type Rig, seed, startRig, timeout } from './acceptance-run.js'

t.setTimeout(timeout)

const window = 50
const binds = 2
/** window + unsettledCap, which is as window where it is not set, of every bind. */
const repeatsPerKill = binds * (window + window)
const random = new Random(seed)

/** Names outside GSM 7-bit make it two parts. */
const text = 'Hi ~name~, your appointment with Dr Brown in Park Street is on ~appointment~. Reply YES.'

/** The moment of a kill: what the job must have come to, then some random milliseconds. */
interface Moment {
  stage: string
  comes(job: JobView): boolean
  withinMs: number
}

function sentShare({ counts }: JobView): number {
  return counts.parts === 0 ? 0 : counts.partsSent / counts.parts
}

function during(stage: 'dispatch', share: number): Moment {
  return { stage, comes: (job) => sentShare(job) >= share, withinMs: 60 }
}

const receipts: Moment = { stage: 'receipts', comes: (job) => sentShare(job) === 1, withinMs: 100 }

async function killAt(rig: Rig, id: string, moment: Moment): Promise<string> {
  const job = await rig.until(id, (seen) => seen.state === 'finished' || moment.comes(seen))
  await pause(random.below(moment.withinMs))
  await rig.kill()
  return `${moment.stage}: ${job.state}, ${job.counts.rows} rows, ${job.counts.partsSent} parts sent, ${job.counts.delivered} delivered`
}

/** Uploads a part of the file, and kills; the client sends it again after the restart, as it must. */
async function killDuringUpload(rig: Rig, id: string, file: string): Promise<string> {
  // A whole file may be there before the kill is.
  const bytes = 1 + random.below(statSync(file).size - 1)
  const uploading = rig.upload(id, file, bytes)
  await rig.until(id, (job) => (job.file?.bytes ?? 0) > 0)
  await pause(random.below(30))
  await rig.kill()
  const status = await uploading
  return `receive: after ${bytes} octets, answered ${status}`
}

function delivered(counts: Counts, made: { rows: number; bad: number; duplicates: number }): Partial<Counts> {
  const accepted = made.rows - made.bad - made.duplicates
  const { rows, bad: rejected, duplicates: duplicate } = made
  return { rows, accepted, rejected, duplicate, suppressed: 0, delivered: accepted, partsSent: counts.parts }
}

t.test(`ten kills: receive, ingest, dispatch, receipts; seed ${seed}`, { timeout }, async (t) => {
  const rig = await startRig(t, {
    smsc: ['--dlr-delay-ms', '800', '--window', String(window)],
    carrier: { window, binds },
  })
  const file = path.join(rig.folder, 'recipients.csv')
  const made = await makeRecipients(file, 72_000, seed)
  t.ok(statSync(file).size > limits.sniffBytes, 'large enough to be answered before it is ingested')
  const id = await rig.createJob({ from: 'ACME', text, columns: { to: 'mobile' } })
  const kills: string[] = []

  for (let n = 0; n < 2; n++) {
    kills.push(await killDuringUpload(rig, id, file))
    await rig.start()
    t.match(await rig.look(id), { state: 'receiving', counts: { rows: 0 } }, 'nothing of a broken upload stays')
  }
  t.equal(await rig.upload(id, file), 202, 'accepted')
  await rig.kill()
  kills.push('ingest: right after the 202')
  await rig.start()
  await pause(random.below(120))
  await rig.kill()
  kills.push('ingest: in the midst of it')
  await rig.start()
  for (const share of [0.05, 0.25, 0.5, 0.8]) {
    kills.push(await killAt(rig, id, during('dispatch', share)))
    await rig.start()
  }
  kills.push(await killAt(rig, id, receipts))
  await rig.start()
  await rig.kill()
  kills.push('receipts: while they are delivered again')
  await rig.start()

  const job = await rig.finished(id)
  const stats = await rig.smsc.stats()
  for (const kill of kills) t.comment(kill)
  t.comment(`${rig.looks} looks; ${stats.repeats} repeats, at most ${kills.length * repeatsPerKill}`)
  t.equal(kills.length, 10, 'ten kills')
  t.match(job.counts, delivered(job.counts, made), 'every row is accounted for and every accepted one delivered')
  t.equal(stats.distinct, job.counts.parts, 'every part came to the carrier')
  t.ok(stats.repeats <= kills.length * repeatsPerKill, `${stats.repeats} repeats`)
  t.match(stats, { windowViolations: 0, protocolErrors: 0, receiptsWaiting: 0 }, 'and saw no other wrong')
})
