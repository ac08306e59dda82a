/** The core under virtual time with faults to the end: whatever happens, nothing is lost, doubled unlisted, too fast or too late. */
import t from 'tap'
import { simulate } from '../proof/simulate/world.js'
import { seed } from './seed.js'
import { runSeeds, seedsOf } from './simulated-run.js'

const FIXED = 1
const SEEDS = 500

t.test('safety: the same five hundred seeds with each run', async (t) => {
  const { submits } = await runSeeds(t, FIXED, SEEDS, 'safety')
  t.ok(submits > 1_000, 'and they send')
})

t.test('safety: as many of the run’s own', async (t) => {
  await runSeeds(t, seed, seedsOf(SEEDS), 'safety')
})

t.test('the same seed is the same run, event for event', async (t) => {
  for (const mode of ['safety', 'liveness'] as const) {
    for (let n = seed; n < seed + 5; n++) {
      const [one, other] = [await simulate(n, mode), await simulate(n, mode)]
      t.equal(one.hash, other.hash, `seed ${n}, ${mode}`)
      t.same(one.last, other.last)
    }
  }
  const [one, other] = [await simulate(seed, 'safety'), await simulate(seed + 1, 'safety')]
  t.not(one.hash, other.hash, 'another seed is another run')
})
