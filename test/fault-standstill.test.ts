/**
 * An engine that stands still for a while, is starved, or whose event loops are blocked, and goes on: it makes up for nothing
 * above the agreed rate, sessions are there again, nothing is lost, and what comes twice is listed (reliability.md F19).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { CrashStand } from '../proof/crashes/crash-stand.js'
import { blockingPreload, freeze, mostAllowed, mostPerSecond, starve } from '../proof/signals/freeze-run.js'
import { handIn } from '../proof/signals/hand-in.js'
import { Random } from '../src/engine/base/random.js'
import { seed } from './seed.js'

/** `node build/test/fault-standstill.test.js SEED 500` for a soak. */
const FREEZES = Number(process.argv[3] ?? 14)
const STARVED = 3
const BLOCKED_ROUNDS = 3
const RATE = 80
/** More than is sent meanwhile. */
const ROWS = 150
const timeout = process.argv[3] === undefined ? 280_000 : 24 * 3_600_000
t.setTimeout(timeout)

t.test(`standing still while there is work; seed ${seed}`, { timeout }, async (t) => {
  const random = new Random(seed)
  const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-still-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const stand = await CrashStand.make({ folder, sim: { ratePerSecond: RATE, enquireLinkMs: 1_000 } })
  t.teardown(() => stand.close())
  await stand.engine.start()
  for (let n = 0; n < FREEZES; n++) {
    await handIn(stand, ROWS)
    const ms = await freeze(stand, random)
    t.pass(`stood still for ${ms} ms`)
    // As much of it as is left is there when it stands still again.
    if (n % 4 === 3) await stand.messages.untilDelivered()
  }
  for (let n = 0; n < STARVED; n++) {
    await handIn(stand, ROWS)
    await starve(stand)
    t.pass('was starved')
  }
  await stand.messages.untilDelivered()
  await stand.engine.stop()

  const times = { firstMs: 2_000, blockedMs: 1_500, everyMs: 4_000 }
  await stand.engine.start({ NODE_OPTIONS: blockingPreload(folder, times) })
  for (let n = 0; n < BLOCKED_ROUNDS; n++) await handIn(stand, 2 * ROWS)
  await stand.messages.untilDelivered()
  const { end } = await stand.engine.stop()
  t.equal(end, 0, 'it stops in good order')
  const most = await mostPerSecond(stand.carrierLedger)
  t.ok(most <= mostAllowed(RATE), `${most} parts in one second, of ${RATE} agreed`)
  await stand.engine.start()
  t.comment(`most in a second: ${most}`)
  t.strictSame(await stand.messages.check(), [], `${stand.messages.count} messages`)
})
