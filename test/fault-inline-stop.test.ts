/**
 * Jobs whose rows came in the request that made them, and a stop in between: whoever was told no can ask again, and no empty
 * job is left that waits for rows for ever. Found by `npm run torture -- --seed 31`.
 */
import t from 'tap'
import { startHarness } from './engine-harness.js'
import { until } from './until.js'

const JOBS = 12
const ROWS = 2_000

t.test('a stop between a job and its rows leaves no job without rows', async (t) => {
  const harness = await startHarness()
  t.teardown(() => harness.stop())
  const { principal } = harness
  const recipients = Array.from({ length: ROWS }, (_, row) => ({ to: `+4477${10_000_000 + row}` }))
  const { engine } = harness.server
  const jobs = () => harness.server.engine.jobs(principal, { limit: 200 }).items
  const made = Array.from({ length: JOBS }, () => engine.createJob(principal, { from: 'ACME', text: 'Hi' }, recipients))
  const ends = Promise.allSettled(made)
  await until(
    async () => jobs().length,
    (count) => count >= JOBS / 2,
  )
  await harness.restart()
  const refused = (await ends).filter(({ status }) => status === 'rejected').length
  t.comment(`${refused} of ${JOBS} were refused`)
  t.same(
    jobs().filter(({ state }) => state === 'receiving'),
    [],
    'nobody waits for rows',
  )
  const kept = await until(
    async () => jobs().filter(({ state }) => state !== 'canceled'),
    (all) => all.every(({ state }) => state === 'finished'),
  )
  t.same(
    kept.map(({ counts }) => counts.delivered),
    Array(JOBS - refused).fill(ROWS),
    'those that were accepted are whole',
  )
})
