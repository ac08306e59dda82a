/**
 * A disk that is really full: below the watermark what is new is refused with 503 before a write fails, what was accepted is
 * sent, files that are being read wait, and all goes on by itself when there is room again. Without the watermark the engine
 * stops, and all that it accepted is there when the disk is larger (reliability.md F5, P10).
 */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { limits } from '../src/engine/contract/limits.js'
import { DiskStand } from './disk-stand.js'
import { csvOf } from './engine-harness.js'
import { seed } from './seed.js'
import { noSmallDisk, SmallDisk } from './small-disk.js'
import { until } from './until.js'

const CYCLES = Number(process.argv[3] ?? 20)
/** Of them so many without the watermark, each of which costs a start. */
const WITHOUT = Math.ceil(CYCLES / 5)
const DISK_MB = 48
const ROWS = 300
const NO_WATERMARK = fileURLToPath(new URL('./full-disk-child.js', import.meta.url))
t.setTimeout(1_200_000)

async function refusal(on: DiskStand): Promise<Response> {
  return await fetch(`${on.child.url}/v1/messages`, {
    method: 'POST',
    headers: { authorization: `Bearer ${on.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ to: '+447710000000', from: 'ACME', text: 'Hi' }),
  })
}

async function ready(on: DiskStand): Promise<boolean> {
  return (await fetch(`${on.child.url}/readyz`)).status === 200
}

async function metric(on: DiskStand, start: string): Promise<number> {
  const text = await (await fetch(`${on.child.url}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line.startsWith(start))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** A file that finds no room is refused, and that is no failed write of the store: the engine goes on. */
function unlessFull(error: { code?: string }): void {
  if (error.code !== 'STORE_FULL') throw error
}

t.test(`${CYCLES - WITHOUT} times nearly full, seed ${seed}`, { skip: noSmallDisk }, async (t) => {
  const random = new Random(seed)
  const small = new SmallDisk(DISK_MB)
  t.teardown(() => small.remove())
  const on = await DiskStand.open(t, { dataDir: small.dataDir, rows: ROWS })
  for (let cycle = 0; cycle < CYCLES - WITHOUT; cycle++) {
    const watermark = small.totalBytes * limits.storeFreeRatio
    // A job that was accepted before the disk fills up, and one whose file is on its way.
    const running = await on.upload()
    const draft = await on.child.call('POST', '/v1/jobs', on.key, { from: 'ACME', text: 'Hi ~name~' })
    small.fillTo(watermark / 2 + random.below(watermark / 4))
    await until(
      () => ready(on),
      (isReady) => !isReady,
    )
    const refused = await refusal(on)
    const { code } = (await refused.json()) as { code: string }
    const late = await on.child
      .call('PUT', `/v1/jobs/${draft.id}/recipients`, on.key, csvOf(ROWS))
      .catch((error: { code?: string }) => error)
    const counted = await metric(on, 'trunkline_requests_refused_total')
    const free = await metric(on, 'trunkline_store_free_bytes')
    const { counts } = await on.finished(running)
    if (random.below(2) === 0) small.clear()
    else small.resize(DISK_MB * 2)
    await until(
      () => ready(on),
      (isReady) => isReady,
    )
    await on.message()
    await on.child.call('PUT', `/v1/jobs/${draft.id}/recipients`, on.key, csvOf(ROWS))
    on.jobs.push(draft.id as string)
    on.files.push(draft.id as string)
    small.clear()
    small.resize(DISK_MB)
    t.match(
      { status: refused.status, after: refused.headers.get('retry-after'), code, late, sent: counts.delivered },
      { status: 503, after: /^\d+$/, code: 'STORE_FULL', late: { code: 'STORE_FULL' }, sent: ROWS },
      `cycle ${cycle}`,
    )
    t.ok(counted > 0 && free < watermark, `${counted} refused, ${free} free`)
  }
  for (const id of on.files) t.match((await on.finished(id)).counts, { delivered: ROWS })
  t.same(await on.missing(), [])
  t.equal(await on.child.end('SIGTERM'), 0)
})

t.test('a file that was accepted waits for room until it is read', { skip: noSmallDisk }, async (t) => {
  const small = new SmallDisk(DISK_MB)
  t.teardown(() => small.remove())
  const on = await DiskStand.open(t, { dataDir: small.dataDir, rows: ROWS })
  await on.child.end('SIGTERM')
  // Killed when the file is accepted and nothing of it is read.
  await on.child.start(undefined, { CRASH_AT: 'upload-accepted:1' })
  await on.upload().catch(() => null)
  await on.child.exited
  small.fillTo((small.totalBytes * limits.storeFreeRatio) / 2)
  t.ok(await on.start(), 'it starts on a disk that is nearly full')
  const id = on.jobs[0]!
  t.equal(await ready(on), false)
  t.match(await on.job(id), { state: 'running', counts: { rows: 0, queued: 0 } })
  t.equal((await refusal(on)).status, 503)
  small.clear()
  t.match((await on.finished(id)).counts, { rows: ROWS, delivered: ROWS })
  t.equal(await on.child.end('SIGTERM'), 0)
})

t.test(`${WITHOUT} times full without a watermark`, { skip: noSmallDisk }, async (t) => {
  const random = new Random(seed)
  const small = new SmallDisk(DISK_MB)
  t.teardown(() => small.remove())
  const on = await DiskStand.open(t, { dataDir: small.dataDir, rows: ROWS, script: NO_WATERMARK })
  for (let cycle = 0; cycle < WITHOUT; cycle++) {
    const looked = on.messages.length
    small.fillTo(random.below(256 * 1024))
    const isUp = await on.during(async () => {
      for (;;) await Promise.all([on.message(), on.upload().catch(unlessFull)])
    })
    t.notOk(isUp, 'it has stopped')
    small.clear()
    if (random.below(2) === 0) small.resize(DISK_MB * 2)
    t.ok(await on.start(), 'it starts again')
    t.same(await on.missing(looked), [], `cycle ${cycle}`)
    small.resize(DISK_MB)
  }
  for (const id of on.files) t.match((await on.finished(id)).counts, { delivered: ROWS })
  t.same(await on.missing(), [])
  t.equal(await on.child.end('SIGTERM'), 0)
})
