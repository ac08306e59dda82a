/** The core under virtual time when faults stop: everything comes to its end within a bound, and so do the webhooks. */
import t from 'tap'
import { seed } from './seed.js'
import { runSeeds, seedsOf } from './simulated-run.js'

const FIXED = 1
const SEEDS = 500

t.test('liveness: the same five hundred seeds with each run', async (t) => {
  const { submits } = await runSeeds(t, FIXED, SEEDS, 'liveness')
  t.ok(submits > 1_000, 'and they send')
})

t.test('liveness: as many of the run’s own', async (t) => {
  await runSeeds(t, seed, seedsOf(SEEDS), 'liveness')
})
