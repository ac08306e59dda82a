/** More bits are flipped and files cut off, as in fault-flips: the second half of reliability.md F7. */
import t from 'tap'
import { damageTrials } from './damage-trials.js'
import { seed } from './seed.js'

const FIRST = 20
const FLIPS = Number(process.argv[3] ?? 20)
t.setTimeout(1_200_000)

t.test(`${FLIPS} more damages, seed ${seed}`, async (t) => await damageTrials(t, FIRST, FIRST + FLIPS))
