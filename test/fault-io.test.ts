/**
 * The n-th write, sync, rename, removal or opening of a working engine fails: it ends with a code above 0, or goes on as if
 * nothing had been; it never stands still. What it had accepted is there after the next start, and all of it is sent
 * (reliability.md P10, F4). Each single operation: fault-store-io.test.ts; here the whole engine, a part of them each run.
 */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { ERRNO, noFaultyDisk as skip } from './disk-faults.js'
import { DiskStand } from './disk-stand.js'
import { seed } from './seed.js'

const TRIALS = Number(process.argv[3] ?? 16)
const STANDS = 2
const ROWS = 20
/** Operations of the work, about. */
const OPS_MOST = 90
/** Operations of a start. */
const START_OPS_MOST = 12
/** One of so many trials is about a start. */
const START_ONE_OF = 4

const KINDS = [
  { name: 'EIO once', failErrno: ERRNO.EIO, failTimes: 1, failShort: 0 },
  { name: 'a full disk from then on', failErrno: ERRNO.ENOSPC, failTimes: 0, failShort: 0 },
  { name: 'half of a write', failErrno: 0, failTimes: 1, failShort: 1 },
  { name: 'EINTR once', failErrno: ERRNO.EINTR, failTimes: 1, failShort: 0 },
] as const

t.setTimeout(1_200_000)
const counts = { stopped: 0, wentOn: 0, missed: 0 }

async function work(on: DiskStand): Promise<void> {
  await on.message()
  const number = 447_710_000_000 + on.messages.length
  await on.child.call('PUT', `/v1/contacts/+${number}`, on.key, { tags: ['tried'] })
  await on.finished(await on.upload())
}

/** Gives what was tried. */
async function trial(on: DiskStand, random: Random): Promise<string> {
  const { name, ...fault } = KINDS[random.below(KINDS.length)]!
  const isStart = random.below(START_ONE_OF) === 0
  if (isStart) await on.child.end('SIGKILL')
  const failAt = 1 + random.below(isStart ? START_OPS_MOST : OPS_MOST)
  on.disk.set({ failed: 0, failAt: on.disk.get('ops') + failAt, ...fault })
  const isUp = isStart ? await on.start() : await on.during(() => work(on))
  const isReached = on.disk.get('failed') > 0
  on.disk.set({ failAt: 0 })
  counts[isUp ? (isReached ? 'wentOn' : 'missed') : 'stopped']++
  if (!isUp && !(await on.start())) throw new Error('it does not start again')
  return `${isStart ? 'start' : 'work'}, operation ${failAt}: ${name}`
}

t.test(`${TRIALS} failures under a working engine, seed ${seed}`, { skip }, async (t) => {
  const runs = Array.from({ length: STANDS }, async (_, index) => {
    const random = new Random(seed + index)
    const on = await DiskStand.open(t, { rows: ROWS })
    for (let n = index; n < TRIALS; n += STANDS) {
      const looked = on.messages.length
      const about = await trial(on, random)
      t.same(await on.missing(looked), [], about)
    }
    t.same(await on.missing(), [], 'after all of them')
    for (const id of on.files) {
      t.match((await on.finished(id)).counts, { rows: ROWS, delivered: ROWS }, `job ${id}`)
    }
    t.equal(await on.child.end('SIGTERM'), 0)
  })
  await Promise.all(runs)
  t.comment(`${counts.stopped} times it stopped, ${counts.wentOn} times it went on, ${counts.missed} not reached`)
  t.ok(counts.stopped > 0)
})
