/** More power cuts, as in fault-power: the second half of reliability.md F3. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { noFaultyDisk as skip } from './disk-faults.js'
import { powerCuts } from './power-cuts.js'
import { seed } from './seed.js'

const CUTS = Number(process.argv[3] ?? 30)
t.setTimeout(1_200_000)

t.test(`${CUTS} more power cuts lose nothing that was accepted, seed ${seed}`, { skip }, async (t) => {
  await powerCuts(t, new Random(seed + 1), CUTS)
})
