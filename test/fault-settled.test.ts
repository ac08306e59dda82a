/**
 * What the torture holds against the ledgers is what was in the end: it waits for a dropped file also while that lies no more
 * in its folder and is not yet read into its job, which takes long where the disk is slow.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { Stand } from '../proof/torture/stand.js'
import { FaultyDisk, noFaultyDisk } from './disk-faults.js'
import { seed } from './seed.js'
import { until } from './until.js'

t.setTimeout(200_000)

const SYNC_US = 400_000

t.test(`a file that was dropped last is waited for; seed ${seed}`, async (t) => {
  t.equal(noFaultyDisk, false, 'there can be a slow disk')
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-settled-'))
  const beside = path.join(folder, 'disk')
  mkdirSync(beside)
  const disk = new FaultyDisk(path.join(folder, 'data'), beside)
  const stand = await Stand.open({ folder, seed, environment: disk.environment(), driver: { rowsMax: 20, workers: 1 } })
  t.teardown(async () => {
    await stand.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const { driver, accounts } = stand
  driver.start()
  await until(
    async () => accounts.reduce((sum, { id }) => sum + driver.droppedOf(id).size, 0),
    (dropped) => dropped > 0,
  )
  disk.set({ syncDelayUs: SYNC_US })
  t.equal(await stand.settle(), null, 'nothing waits in the end')
  const { violations, messages } = await stand.reconcile()
  t.same(violations, [], `${messages} messages`)
})
