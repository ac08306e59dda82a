/**
 * A slow disk: syncs take up to two seconds, and now and then ten. Nothing counts as a timeout of a carrier, nothing is sent
 * twice, the window is used, memory stays bounded, /readyz tells; the engine does not take it for dead (reliability.md F6).
 */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { StorePulse } from '../src/engine/store/store-pulse.js'
import { StuckWrites } from '../src/engine/store/stuck-writes.js'
import { noFaultyDisk as skip } from './disk-faults.js'
import { DiskStand } from './disk-stand.js'
import { seed } from './seed.js'
import { until } from './until.js'

const CASES = Number(process.argv[3] ?? 10)
/** A stall of a soak is one of ten seconds; here it is enough that it is seen. */
const STALL_MS = CASES > 10 ? 10_000 : 4_000
const DELAYS_MS = [5, 20, 50, 100, 200, 500, 1_000, 2_000]
const ROWS = 300
const RSS_KB_MOST = 512 * 1024
t.setTimeout(1_200_000)

/** Anonymous and shared memory of the engine in KiB: what the kernel could not take back. */
function memory(on: DiskStand): number {
  const status = readFileSync(`/proc/${on.child.process.pid}/status`, 'utf8')
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)![1])
  return of('RssAnon') + of('RssShmem')
}

async function diskCheck(on: DiskStand): Promise<string> {
  const answer = await (await fetch(`${on.child.url}/readyz`)).json()
  const { checks } = answer as { checks: { name: string; detail: string }[] }
  return checks.find(({ name }) => name === 'disk')!.detail
}

t.test(`${CASES} slow disks, seed ${seed}`, { skip }, async (t) => {
  const random = new Random(seed)
  const on = await DiskStand.open(t, { rows: ROWS, answerMs: 20 })
  for (let n = 0; n < CASES; n++) {
    const delayMs = n % 5 === 4 ? STALL_MS : DELAYS_MS[random.below(n < 8 ? 6 : DELAYS_MS.length)]!
    on.disk.set({ syncDelayUs: delayMs * 1000 })
    const sending = on.upload()
    if (delayMs === STALL_MS) {
      await until(
        () => diskCheck(on),
        (detail) => detail.startsWith('a write has taken'),
      )
      on.disk.set({ syncDelayUs: 0 })
    }
    const job = await on.finished(await sending)
    t.match(job.counts, { rows: ROWS, delivered: ROWS, failed: 0, expired: 0, unknown: 0 }, `${delayMs} ms a sync`)
    await on.message()
  }
  on.disk.set({ syncDelayUs: 0 })
  await until(
    () => diskCheck(on),
    (detail) => detail === 'writes in time',
  )
  const wanted = on.files.length * ROWS + on.messages.length
  await until(
    async () => on.smsc.stats().submits,
    (submits) => submits >= wanted,
  )
  const { submits, maxInFlight, windowViolations } = on.smsc.stats()
  t.match({ submits, windowViolations }, { submits: wanted, windowViolations: 0 })
  t.ok(maxInFlight > 25, `${maxInFlight} outstanding`)
  t.ok(memory(on) <= RSS_KB_MOST, `${memory(on)} KiB`)
  t.same(await on.missing(), [])
  t.equal(await on.child.end('SIGTERM'), 0)
})

t.test('a write that never comes back is told from a disk that stalls', async (t) => {
  const pulse = new StorePulse()
  const slot = pulse.takeSlot()
  const other = pulse.takeSlot()
  let answers = true
  const stuck = new StuckWrites(pulse, { looks: 30, probe: () => answers })
  const looks = (times: number): boolean[] => Array.from({ length: times }, () => stuck.look())
  t.notOk(looks(100).includes(true), 'nothing is under way')
  pulse.begin(slot)
  answers = false
  t.notOk(looks(100).includes(true), 'the disk answers nobody')
  answers = true
  t.notOk(looks(29).includes(true))
  pulse.end(slot)
  pulse.begin(slot)
  for (let n = 0; n < 100; n++) {
    pulse.begin(other)
    t.equal(stuck.look(), n >= 34, 'writes of others that end do not hide it')
    pulse.end(other)
    if (n >= 34) break
  }
})
