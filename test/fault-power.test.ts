/**
 * Power cuts: the process dies between two writes, and of what it had not synced any part is gone. What was accepted is
 * there after the next start, every row has one state, and the counts add up (reliability.md P1, F3). A disk that only
 * says that it synced is noticed by the same test.
 */
import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { noFaultyDisk as skip } from './disk-faults.js'
import { DiskStand } from './disk-stand.js'
import { cutOnce, powerCuts, ROWS } from './power-cuts.js'
import { seed } from './seed.js'

const CUTS = Number(process.argv[3] ?? 30)
/** Far more than a disk that syncs nothing needs to be found out. */
const CONTROL_CUTS = 8
const STILL_MS = 30_000
t.setTimeout(1_200_000)

t.test(`${CUTS} power cuts lose nothing that was accepted, seed ${seed}`, { skip }, async (t) => {
  await powerCuts(t, new Random(seed), CUTS)
})

t.test('a disk that syncs nothing is found out', { skip }, async (t) => {
  const random = new Random(seed)
  const on = await DiskStand.open(t, { cuts: true, rows: ROWS })
  on.disk.set({ noSync: 1 })
  const isHurt = async (): Promise<boolean> => {
    await cutOnce(on, random)
    return !(await on.start()) || (await on.missing()).length > 0
  }
  let isNoticed = false
  for (let cut = 0; cut < CONTROL_CUTS && !isNoticed; cut++) {
    // On what is left of its store it may refuse, break off, or stand still.
    isNoticed = await Promise.race([isHurt().catch(() => true), pause(STILL_MS, true, { ref: false })])
  }
  t.ok(isNoticed)
})
