/**
 * The n-th write, sync, rename or removal fails: the engine stops with an exit code, or goes on as if nothing had been;
 * what it had accepted is there after the next start, and all of it is sent (reliability.md P10, F4).
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { JobView } from '../src/engine/contract/api.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { ERRNO, FaultyDisk, noFaultyDisk as skip } from './disk-faults.js'
import { assertSums, csvOf } from './engine-harness.js'
import { Child } from './engine-process.js'
import { seed } from './seed.js'

/** Every so many operations one is tried; 1: all of them, which takes minutes. */
const STRIDE = Number(process.argv[3] ?? 24)
const ROWS = 300

const KINDS = [
  { name: 'EIO once', failErrno: ERRNO.EIO, failTimes: 1, failShort: 0 },
  { name: 'a full disk from then on', failErrno: ERRNO.ENOSPC, failTimes: 0, failShort: 0 },
  { name: 'half of a write', failErrno: 0, failTimes: 1, failShort: 1 },
  { name: 'EINTR once', failErrno: ERRNO.EINTR, failTimes: 1, failShort: 0 },
] as const

t.setTimeout(1_200_000)

interface Accepted {
  messages: string[]
  jobs: string[]
}

/** Until the engine is gone, or all is sent. */
async function work(child: Child, key: string, accepted: Accepted): Promise<void> {
  for (let n = 0; n < 3; n++) {
    const body = { to: `+44771000000${n}`, from: 'ACME', text: 'Hi' }
    const { id } = await child.call('POST', '/v1/messages', key, body)
    accepted.messages.push(id as string)
  }
  const { id } = await child.call('POST', '/v1/jobs', key, { from: 'ACME', text: 'Hi ~name~' })
  await child.call('PUT', `/v1/jobs/${id}/recipients`, key, csvOf(ROWS))
  accepted.jobs.push(id as string)
  await finished(child, key, id as string)
}

/** False: a call was refused or broke off, and the engine has stopped. */
async function worked(child: Child, key: string, accepted: Accepted): Promise<boolean> {
  try {
    await work(child, key, accepted)
    return true
  } catch {
    return await gone(child)
  }
}

async function finished(child: Child, key: string, id: string): Promise<JobView> {
  for (;;) {
    const job = (await child.call('GET', `/v1/jobs/${id}`, key)) as unknown as JobView
    assertSums(job)
    if (job.state === 'finished') return job
    await pause(10)
  }
}

t.test(`one of each ${STRIDE} operations fails, seed ${seed}`, { skip }, async (t) => {
  const random = new Random(seed)
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-io-'))
  const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
  const { port } = await smsc.listen()
  let child = new Child([path.join(folder, 'new'), String(port)])
  t.teardown(async () => {
    if (child.process.exitCode === null) child.process.kill('SIGKILL')
    await smsc.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await child.start()
  const { key } = (await child.call('POST', '/v1/accounts', child.adminKey, {
    id: 'acme',
    defaultCountry: 'GB',
  })) as { key: string }
  await child.end('SIGTERM')

  const dataDir = path.join(folder, 'data')
  const tried = { stopped: 0, wentOn: 0 }
  for (let failAt = 1 + random.below(STRIDE), isOver = false; !isOver; failAt += 1 + random.below(2 * STRIDE - 1)) {
    const { name, ...kind } = KINDS[random.below(KINDS.length)]!
    const about = `operation ${failAt}: ${name}`
    cpSync(path.join(folder, 'new'), dataDir, { recursive: true })
    const beside = path.join(folder, `faults-${failAt}`)
    mkdirSync(beside)
    const disk = new FaultyDisk(dataDir, beside)
    disk.set({ failAt, ...kind })
    child = new Child([dataDir, String(port)])
    const accepted: Accepted = { messages: [], jobs: [] }
    const started = child.start(undefined, disk.environment())
    const isUp = await Promise.race([started.then(() => true), gone(child)])
    const hasWorked = isUp && (await Promise.race([worked(child, key, accepted), gone(child)]))
    if (hasWorked) {
      tried.wentOn++
      isOver = disk.get('failed') === 0
      await child.end('SIGTERM')
    } else {
      t.not(await child.exited, 0, about)
      tried.stopped++
    }
    await child.start()
    for (const id of accepted.messages) await child.call('GET', `/v1/messages/${id}`, key)
    for (const id of accepted.jobs) t.match((await finished(child, key, id)).counts, { delivered: ROWS }, about)
    t.equal(await child.end('SIGTERM'), 0)
    rmSync(dataDir, { recursive: true })
  }
  t.comment(`${tried.stopped} times it stopped, ${tried.wentOn} times it went on`)
  t.ok(tried.stopped > 0)
})

/** False, when the process has ended by itself; requests under way fail before. */
async function gone(child: Child): Promise<false> {
  await child.exited
  return false
}
