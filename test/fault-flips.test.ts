/**
 * One bit of a store is flipped, or its file is cut off: nothing wrong is served in silence. Either the records are as they
 * were, or the damaged one is named, or the engine does not run (reliability.md F7). The first half; fault-flips-more has the
 * second, so that neither takes long.
 */
import t from 'tap'
import { damageTrials } from './damage-trials.js'
import { seed } from './seed.js'

const FLIPS = Number(process.argv[3] ?? 20)
t.setTimeout(1_200_000)

t.test(`${FLIPS} damages, seed ${seed}`, async (t) => await damageTrials(t, 0, FLIPS))
