/**
 * Power cuts: the process dies between two writes, and of what it had not synced any part is gone. What was accepted is
 * there after the next start, every row has one state, and the counts add up (reliability.md P1, F3). A disk that only
 * says that it synced is noticed by the same test.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { JobView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { FaultyDisk, noFaultyDisk as skip } from './disk-faults.js'
import { assertSums, csvOf } from './engine-harness.js'
import { Child } from './engine-process.js'
import { seed } from './seed.js'

const CUTS = Number(process.argv[3] ?? 8)
t.setTimeout(600_000)

const STILL_MS = 30_000

const ROWS = 300
/** Writes and syncs of the engine until the power fails, at most. */
const OPS_MOST = 240

interface Stand {
  disk: FaultyDisk
  child: Child
  key: string
  /** What the engine said yes to. */
  messages: string[]
  jobs: string[]
  /** Jobs whose file it has. */
  files: string[]
}

async function stand(t: Test): Promise<Stand> {
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-power-'))
  const dataDir = path.join(folder, 'data')
  mkdirSync(dataDir)
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  const child = new Child([dataDir, String(port)])
  t.teardown(async () => {
    if (child.process.exitCode === null) child.process.kill('SIGKILL')
    await smsc.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const disk = new FaultyDisk(dataDir, folder)
  await child.start(undefined, disk.environment(true))
  const { key } = await child.call('POST', '/v1/accounts', child.adminKey, { id: 'acme', defaultCountry: 'GB' })
  return { disk, child, key: key as string, messages: [], jobs: [], files: [] }
}

/** Messages one by one and files side by side, until the engine is gone. */
async function work({ child, key, messages, jobs, files }: Stand): Promise<void> {
  const singles = async () => {
    for (;;) {
      const { id } = await child.call('POST', '/v1/messages', key, { to: '+447710000000', from: 'ACME', text: 'Hi' })
      messages.push(id as string)
    }
  }
  const uploads = async () => {
    for (;;) {
      const { id } = await child.call('POST', '/v1/jobs', key, { from: 'ACME', text: 'Hi ~name~' })
      jobs.push(id as string)
      await child.call('PUT', `/v1/jobs/${id}/recipients`, key, csvOf(ROWS))
      files.push(id as string)
    }
  }
  const ends = await Promise.allSettled([singles(), uploads()])
  // Nothing but the end of the engine ends the work.
  for (const end of ends) if (end.status === 'rejected' && end.reason.code !== undefined) throw end.reason
}

/** What was accepted and is not there any more; the rest adds up. `from`: of the messages, those before were looked at. */
async function missing({ child, key, messages, jobs }: Stand, from = 0): Promise<string[]> {
  const gone: string[] = []
  for (const id of messages.slice(from)) {
    const found = await child.call('GET', `/v1/messages/${id}`, key).catch(() => null)
    if (found === null) gone.push(id)
  }
  for (const id of jobs) {
    const job = (await child.call('GET', `/v1/jobs/${id}`, key).catch(() => null)) as unknown as JobView | null
    if (job === null) gone.push(id)
    else assertSums(job)
  }
  return gone
}

async function cutOnce(on: Stand, random: Random): Promise<number> {
  const { disk, child } = on
  disk.set({ killAt: disk.get('ops') + 1 + random.below(OPS_MOST) })
  await work(on)
  await child.exited
  const lost = disk.cut(random)
  disk.set({ killAt: 0 })
  return lost
}

t.test(`${CUTS} power cuts lose nothing that was accepted, seed ${seed}`, { skip }, async (t) => {
  const random = new Random(seed)
  const on = await stand(t)
  let pages = 0
  for (let cut = 0; cut < CUTS; cut++) {
    const before = on.messages.length
    pages += await cutOnce(on, random)
    await on.child.start(undefined, on.disk.environment(true))
    t.same(await missing(on, before), [], `after cut ${cut}`)
  }
  t.same(await missing(on), [], 'after all of them')
  t.ok(pages > 0, `${pages} pages lost something`)
  t.ok(on.messages.length + on.jobs.length > 0, `${on.messages.length} messages, ${on.files.length} files`)
  for (const id of on.files) {
    for (;;) {
      const job = (await on.child.call('GET', `/v1/jobs/${id}`, on.key)) as unknown as JobView
      assertSums(job)
      if (job.state !== 'finished') continue
      t.match(job.counts, { rows: ROWS, accepted: ROWS, delivered: ROWS })
      break
    }
  }
  t.equal(await on.child.end('SIGTERM'), 0)
})

t.test('a disk that syncs nothing is found out', { skip }, async (t) => {
  const random = new Random(seed)
  const on = await stand(t)
  on.disk.set({ noSync: 1 })
  const isHurt = async (): Promise<boolean> => {
    await cutOnce(on, random)
    const started = on.child.start(undefined, on.disk.environment(true)).then(() => true)
    const isUp = await Promise.race([started, on.child.exited.then(() => false)])
    return !isUp || (await missing(on)).length > 0
  }
  let isNoticed = false
  for (let cut = 0; cut < CUTS && !isNoticed; cut++) {
    // On what is left of its store it may refuse, break off, or stand still.
    isNoticed = await Promise.race([isHurt().catch(() => true), pause(STILL_MS, true, { ref: false })])
  }
  t.ok(isNoticed)
})
