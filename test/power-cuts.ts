/** Power cuts under an engine that accepts messages and files, for the tests of them (reliability.md F3). */
import type { Test } from 'tap'
import type { Random } from '../src/engine/base/random.js'
import { DiskStand } from './disk-stand.js'

/** Rows of each file. */
export const ROWS = 300
/** Writes and syncs of the engine until the power fails, at most. */
const OPS_MOST = 240

/** Messages one by one and files side by side, until the engine is gone. */
async function work(on: DiskStand): Promise<void> {
  const singles = async () => {
    for (;;) await on.message()
  }
  const uploads = async () => {
    for (;;) await on.upload()
  }
  const ends = await Promise.allSettled([singles(), uploads()])
  // Nothing but the end of the engine ends the work.
  for (const end of ends) if (end.status === 'rejected' && end.reason.code !== undefined) throw end.reason
}

/** Gives how many pages lost something. */
export async function cutOnce(on: DiskStand, random: Random): Promise<number> {
  const { disk, child } = on
  disk.set({ killAt: disk.get('ops') + 1 + random.below(OPS_MOST) })
  await work(on)
  await child.exited
  const lost = disk.cut(random)
  disk.set({ killAt: 0 })
  return lost
}

/** So many, one after the other; then everything accepted comes to its end. */
export async function powerCuts(t: Test, random: Random, times: number): Promise<void> {
  const on = await DiskStand.open(t, { cuts: true, rows: ROWS })
  let pages = 0
  for (let cut = 0; cut < times; cut++) {
    const looked = on.messages.length
    pages += await cutOnce(on, random)
    if (!(await on.start())) throw new Error(`it does not start after cut ${cut}`)
    t.same(await on.missing(looked), [], `after cut ${cut}`)
  }
  t.same(await on.missing(), [], 'after all of them')
  t.ok(pages > 0, `${pages} pages lost something`)
  t.ok(on.messages.length + on.jobs.length > 0, `${on.messages.length} messages, ${on.files.length} files`)
  for (const id of on.files) {
    t.match((await on.finished(id)).counts, { rows: ROWS, accepted: ROWS, delivered: ROWS })
  }
  t.equal(await on.child.end('SIGTERM'), 0)
}
