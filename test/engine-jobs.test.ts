/** What a job refuses, what survives a broken upload and a restart, who sees what, and what is done only once. */
import { readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { silentLog } from '../src/engine/contract/log.js'
import { startServer } from '../src/start.js'
import {
  chunksOf,
  configFor,
  csvOf,
  type Harness,
  sendJob,
  startHarness,
  untilMessage,
  untilState,
} from './engine-harness.js'

const settings = { from: 'ACME', text: 'Hi ~name~' }

let harness: Harness
t.before(async () => {
  harness = await startHarness()
})
t.teardown(() => harness.stop())

t.test('settings that cannot work are refused with every field named', async (t) => {
  const { engine } = harness.server
  const wrong = { text: undefined, from: 'much too long a name', defaultCountry: 'XX', maxParts: 99, sendAt: 'soon' }
  await t.rejects(engine.createJob(harness.principal, wrong, null), {
    code: 'VALIDATION',
    fields: ['/text', '/from', '/defaultCountry', '/maxParts', '/sendAt'].map((pointer) => ({ pointer })),
  })
  await t.rejects(engine.createJob(harness.principal, { text: 'Hi ~name' }, null), { code: 'TEMPLATE_INVALID' })
  await t.rejects(engine.createJob({ kind: 'admin' }, settings, null), { code: 'FORBIDDEN' })
})

t.test('a file that is none fails its job and says why', async (t) => {
  const { engine } = harness.server
  const files: [string, Buffer][] = [
    ['FILE_EMPTY', Buffer.alloc(0)],
    ['FILE_EMPTY', Buffer.from('to,name\n')],
    ['FILE_NOT_CSV', Buffer.from('%PDF-1.7 and so on')],
    ['TEMPLATE_LABEL_UNKNOWN', Buffer.from('to,first\n+447710000001,Ann\n')],
  ]
  for (const [code, file] of files) {
    const job = await engine.createJob(harness.principal, settings, null)
    await t.rejects(engine.upload(harness.principal, job.id, chunksOf(file)), { code })
    t.match(engine.job(harness.principal, job.id), { state: 'failed', reason: code })
  }
})

t.test('an upload that breaks off leaves nothing, and the file is sent again from its start', async (t) => {
  const { engine } = harness.server
  const job = await engine.createJob(harness.principal, settings, null)
  const file = csvOf(300_000)
  async function* breaking(): AsyncIterable<Buffer> {
    yield* chunksOf(file.subarray(0, file.length - 100_000))
    throw new Error('socket hang up')
  }
  await t.rejects(engine.upload(harness.principal, job.id, breaking()), { code: 'BAD_REQUEST' })
  t.match(engine.job(harness.principal, job.id), { state: 'receiving', counts: { rows: 0 } })
  const upload = engine.upload(harness.principal, job.id, chunksOf(file))
  await t.rejects(engine.upload(harness.principal, job.id, chunksOf(file)), { code: 'UPLOAD_RUNNING' })
  await upload
  await engine.pauseJob(harness.principal, job.id)
  t.match(
    await engine.upload(harness.principal, job.id, chunksOf(file)),
    { id: job.id, state: 'paused' },
    'the answer was lost',
  )
  await t.rejects(engine.upload(harness.principal, job.id, chunksOf(csvOf(9))), { code: 'WRONG_STATE' }, 'another file')
  const { counts } = await untilRows(job.id, 300_000)
  t.match(counts, { records: 300_000, accepted: 300_000, rejected: 0, duplicate: 0 })
  t.match(await engine.cancelJob(harness.principal, job.id), { state: 'canceled' })
})

async function untilRows(id: string, rows: number) {
  for (;;) {
    const job = harness.server.engine.job(harness.principal, id)
    if (job.counts.rows === rows && job.progress.rowsPerSecond === 0) return job
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

t.test('ingest that a stop cut short goes on at the next start, without a row lost or doubled', async (t) => {
  const rows = 400_000
  const job = await harness.server.engine.createJob(harness.principal, { ...settings, review: true }, null)
  await harness.server.engine.upload(harness.principal, job.id, chunksOf(csvOf(rows)))
  await harness.restart()
  const ready = await untilState(harness, job.id, ['ready'], 60)
  t.match(ready.counts, { records: rows, rows, accepted: rows, queued: rows, duplicate: 0 })
  const canceled = await harness.server.engine.cancelJob(harness.principal, job.id)
  t.equal(canceled.counts.canceled + canceled.counts.queued, rows)
})

t.test('a cancel while the file is read takes everything back', async (t) => {
  const { engine } = harness.server
  const job = await engine.createJob(harness.principal, settings, null)
  const upload = engine.upload(harness.principal, job.id, chunksOf(csvOf(200_000)))
  const refused = t.rejects(upload, { code: 'WRONG_STATE' })
  await engine.cancelJob(harness.principal, job.id)
  await refused
  t.match(engine.job(harness.principal, job.id), { state: 'canceled', counts: { rows: 0, accepted: 0 } })
  t.notOk(readdirSync(path.join(harness.dataDir, 'uploads')).includes(`${job.id}.csv`))
})

t.test('a foreign job or message is answered exactly as an unknown one', async (t) => {
  const { engine } = harness.server
  await engine.createAccount('rival', {})
  const rival = { kind: 'account' as const, account: 'rival', key: 'test' }
  const job = await sendJob(harness, settings, csvOf(3))
  await untilState(harness, job.id, ['finished'])
  const { items } = await engine.jobMessages(harness.principal, job.id, { limit: 1 })
  const unknown = { code: 'NOT_FOUND', message: 'There is no such job.' }
  for (const id of [job.id, 'job_zzzzzzzz', 'nonsense']) {
    t.throws(() => engine.job(rival, id), unknown)
    t.throws(() => engine.reports.job(rival, id, {}), unknown)
    await t.rejects(engine.cancelJob(rival, id), unknown)
    await t.rejects(engine.jobMessages(rival, id, { limit: 1 }), unknown)
  }
  for (const id of [items[0]!.id, 'msg_zzzzzzzzzzz', 'nonsense']) {
    await t.rejects(engine.message(rival, id), { code: 'NOT_FOUND', message: 'There is no such message.' })
  }
  t.same(await engine.messages(rival, { limit: 10 }), { items: [], nextCursor: null })
  t.same(engine.jobs(rival, { limit: 10 }), { items: [], nextCursor: null })
})

t.test('keys: shown once, two at a time, dead at once', async (t) => {
  const { engine } = harness.server
  const { account, key } = await engine.createAccount('keys', {})
  const scopes = ['read', 'send', 'manage']
  t.same(engine.authenticate(key), {
    kind: 'account',
    account: 'keys',
    key: account.keys[0]!.id,
    scopes,
    ip: undefined,
  })
  t.same(engine.authenticate(harness.server.adminKey), { kind: 'admin', ip: undefined })
  for (const wrong of ['', 'x', key.slice(0, -9)]) t.equal(engine.authenticate(wrong), null)
  for (const mistyped of [`${key}x`, key.slice(0, -1), key.replace(/.$/, '*')]) {
    t.throws(() => engine.authenticate(mistyped), { code: 'UNAUTHORIZED', message: /checksum/ })
  }
  const second = await engine.createKey('keys')
  await t.rejects(engine.createKey('keys'), { code: 'WRONG_STATE' })
  await engine.deleteKey('keys', account.keys[0]!.id)
  t.equal(engine.authenticate(key), null)
  t.ok(engine.authenticate(second.key))
  t.type(engine.account('keys').keys[0]!.lastUsedAt, 'string')
  await engine.deleteAccount('keys')
  t.equal(engine.authenticate(second.key), null)
  t.equal(statSync(path.join(harness.dataDir, 'admin.key')).mode & 0o777, 0o600)
})

t.test('an Idempotency-Key does its work once, also over a restart', async (t) => {
  const once = (key: string, print: string, text: string) =>
    harness.server.engine.idempotent(harness.principal, key, print, () =>
      harness.server.engine.submit(harness.principal, [{ to: '+447710000001', text }]),
    )
  const first = await once('a', '1', 'Hello')
  t.equal(first.replayed, false)
  t.same(await once('a', '1', 'Hello'), { value: first.value, replayed: true })
  await t.rejects(once('a', '2', 'Other'), { code: 'IDEMPOTENCY_MISMATCH' })
  const [, second] = await Promise.allSettled([once('b', '1', 'Hello'), once('b', '1', 'Hello')])
  t.match(second, { status: 'rejected', reason: { code: 'IDEMPOTENCY_RUNNING' } })
  const makeJob = () =>
    harness.server.engine.idempotent(harness.principal, 'job', '1', () =>
      harness.server.engine.createJob(harness.principal, settings, [{ to: '+447710000009', name: 'x' }]),
    )
  const job = await makeJob()
  await harness.restart()
  t.same(await once('a', '1', 'Hello'), { value: first.value, replayed: true })
  t.match(await makeJob(), { value: { id: job.value.id }, replayed: true })
})

t.test(
  'a job that was refused is refused again by its Idempotency-Key, also where the process ended before the answer',
  async (t) => {
    await harness.server.engine.createAccount('broke', { defaultCountry: 'GB', prices: [{ price: 1 }], balance: 0 })
    const poor = { kind: 'account', account: 'broke', key: 'test' } as const
    const make = () => harness.server.engine.createJob(poor, settings, [{ to: '+447710000009', name: 'x' }])
    let isRefused = () => {}
    const refused = new Promise<void>((resolve) => {
      isRefused = resolve
    })
    const cut = async (): Promise<never> => {
      await make().catch(isRefused)
      return await new Promise<never>(() => {})
    }
    harness.server.engine.idempotent(poor, 'refused', '1', cut).catch(() => {})
    await refused
    await harness.restart()
    const again = () => harness.server.engine.idempotent(poor, 'refused', '1', make)
    await t.rejects(again(), { code: 'INSUFFICIENT_BALANCE' })
    await harness.server.engine.money.topUp({ kind: 'admin' }, 'broke', { amount: 1 })
    t.match(await again(), { replayed: false, value: { counts: { accepted: 1 } } })
  },
)

t.test('a second engine on the same directory is refused at once', async (t) => {
  const config = configFor(harness.dataDir, 1, {})
  await t.rejects(startServer(config, { log: silentLog }), {
    code: 'CONFIG_INVALID',
    message: /Another engine is running/,
  })
})

t.test('readiness, carriers and metrics tell what is going on', async (t) => {
  const { engine } = harness.server
  t.match(engine.readiness(), { ready: true })
  t.match(await engine.carriers(), [{ id: 'sim', paused: false }])
  t.match(await engine.patchCarrier('sim', { paused: true }), { id: 'sim', paused: true })
  await t.rejects(engine.patchCarrier('none', { paused: true }), { code: 'NOT_FOUND' })
  const [answer] = await engine.submit(harness.principal, [{ to: '+447710000001', text: 'x' }])
  const { body } = await engine.metrics()
  t.match(body, /trunkline_queue_depth\{route="sms:",priority="normal"\} 1\n/)
  t.match(body, /trunkline_store_free_bytes \d+/)
  await engine.patchCarrier('sim', { paused: false })
  // Receipts of other tests may still be under way, so the carrier's count of them says nothing of this one.
  await untilMessage(harness, answer!.id!, 'delivered')
  t.pass('sent and delivered once the pause ends')
})

t.test('a start that fails leaves no thread and no lock behind', async (t) => {
  const taken = Number(new URL(harness.server.url).port)
  const dataDir = path.join(harness.dataDir, 'second')
  const config = configFor(dataDir, 1, {})
  await t.rejects(startServer({ ...config, http: { ...config.http, port: taken } }, { log: silentLog }), {
    code: 'EADDRINUSE',
  })
  const server = await startServer(config, { log: silentLog })
  await server.stop()
})
