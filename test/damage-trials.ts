/** So many damages of one data directory, two at a time, each judged: what a file of flips runs. */
import type { Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { DamageStand } from './damage-stand.js'
import { seed } from './seed.js'

const SIDE_BY_SIDE = 2

/** Damages `first` to `end` of the seed; each is the same whichever others are tried. */
export async function damageTrials(t: Test, first: number, end: number): Promise<void> {
  const counts = { stopped: 0, detected: 0, same: 0, silent: 0 }
  const on = await DamageStand.open(t)
  let next = first
  const worker = async (): Promise<void> => {
    for (let n = next++; n < end; n = next++) {
      const { about, verdict } = await on.trial(new Random(seed + n))
      counts[verdict.what]++
      if (verdict.what === 'silent') t.fail(`${about} (number ${n}): ${verdict.detail}`)
      else t.comment(`${about}: ${verdict.what} ${verdict.detail}`)
    }
  }
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker))
  t.equal(counts.silent, 0, JSON.stringify(counts))
}
