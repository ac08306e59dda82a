/** A job from its file to its report on the real engine: threads, store, SMPP and the simulated carrier. */
import t from 'tap'
import { csvOf, type Harness, sendJob, startHarness, textOf, untilState } from './engine-harness.js'

const settings = { name: 'October', from: 'ACME', text: 'Hi ~name~' }

async function withEngine(work: (harness: Harness) => Promise<void>, options: Parameters<typeof startHarness>[0] = {}) {
  const harness = await startHarness(options)
  try {
    await work(harness)
  } finally {
    await harness.stop()
  }
}

t.test('every row of a file is delivered or refused, and the counts add up at every look', async (t) => {
  await withEngine(async (harness) => {
    const file = Buffer.concat([csvOf(2_000), Buffer.from('garbage,Nobody\n+447710000000,Again\n')])
    const sent = await sendJob(harness, settings, file)
    t.equal(sent.state, 'running', 'the answer to the upload says what is going on')
    t.equal(sent.counts.rows, 2_002, 'and has the counts of a small file')
    const job = await untilState(harness, sent.id, ['finished'])
    t.match(job.counts, { rows: 2_002, accepted: 2_000, rejected: 1, duplicate: 1, delivered: 2_000, parts: 2_000 })
    t.equal(job.counts.partsSent, 2_000)
    t.equal(harness.smsc.stats().distinct, 2_000)
    t.equal(harness.smsc.stats().repeats, 0)

    const { engine } = harness.server
    const report = (await textOf(engine.reports.job(harness.principal, sent.id, {}))).trimEnd().split('\r\n')
    t.equal(report.length, 2_001)
    t.match(report[1], /^"msg_[0-9a-z]{11}","2","\+447710000000","ACME","sms","delivered","","gsm7","1","sim","[^"]+"/)
    t.match(report[2_000], /^"msg_[0-9a-z]{11}","2001","\+447710001999"/)
    const rejects = await textOf(engine.rejects(harness.principal, sent.id, false))
    t.match(rejects, /INVALID_NUMBER/)
    t.match(rejects, /DUPLICATE/)

    const page = await engine.jobMessages(harness.principal, sent.id, { limit: 5 })
    t.equal(page.items.length, 5)
    const next = await engine.jobMessages(harness.principal, sent.id, { limit: 5, cursor: page.nextCursor! })
    t.notOk(next.items.some(({ id }) => page.items.some((item) => item.id === id)))
    const message = await engine.message(harness.principal, page.items[0]!.id)
    t.match(message, { state: 'delivered', from: 'ACME', text: /^Hi Name\d+$/, job: sent.id })
    t.match(
      message.history.map(({ event }) => event),
      ['submitted', 'delivered'],
    )
    t.match(await engine.preview(harness.principal, sent.id), { rows: [{ row: 1, text: 'Hi Name0' }] })
  })
})

t.test('single messages share commits, are sent at once and are found again', async (t) => {
  await withEngine(async (harness) => {
    const { engine } = harness.server
    const request = { to: '07710 000123', from: 'ACME', text: 'Hello' }
    const batches = await Promise.all(Array.from({ length: 50 }, () => engine.submit(harness.principal, [request])))
    const ids = batches.map(([answer]) => answer!.id!)
    t.equal(new Set(ids).size, 50)
    t.match(batches[0]![0], { state: 'queued', to: '+447710000123', encoding: 'gsm7', parts: 1 })
    await harness.smsc.waitFor(({ receiptsAcknowledged }) => receiptsAcknowledged === 50)
    t.match(await engine.message(harness.principal, ids[49]!), {
      state: 'delivered',
      job: null,
      text: 'Hello',
      line: null,
    })
    const found = await engine.messages(harness.principal, { limit: 100, to: '+447710000123' })
    t.equal(found.items.length, 50)
    t.same(await engine.messages(harness.principal, { limit: 100, to: '+447710000124' }), {
      items: [],
      nextCursor: null,
    })
    const refused = engine.previewMessages(harness.principal, [
      { to: '123', text: 'x' },
      { to: '+442079460000', text: 'x' },
    ])
    t.match(refused.rows, [{ reason: 'INVALID_NUMBER' }, { reason: 'NO_ROUTE' }])
    t.match(refused, { counts: { rows: 2, rejected: 2 }, rejectedByReason: { INVALID_NUMBER: 1, NO_ROUTE: 1 } })
    t.equal(engine.jobs(harness.principal, { limit: 10 }).items.length, 0, 'the job behind them is not listed')
  })
})

t.test('pause holds, resume goes on, and cancel takes out what is queued', async (t) => {
  await withEngine(
    async (harness) => {
      const { engine } = harness.server
      const { id } = await sendJob(harness, settings, csvOf(2_000))
      await harness.smsc.waitFor(({ submits }) => submits > 20)
      t.equal((await engine.pauseJob(harness.principal, id)).state, 'paused')
      t.equal((await engine.resumeJob(harness.principal, id)).state, 'running')
      t.equal((await engine.cancelJob(harness.principal, id)).state, 'canceled')
      await untilClosed(harness, id)
      const { counts, state } = engine.job(harness.principal, id)
      t.equal(state, 'canceled')
      t.ok(counts.canceled > 0 && counts.delivered > 0 && counts.canceled + counts.delivered === 2_000, 'all are final')
      await t.rejects(engine.resumeJob(harness.principal, id), { code: 'WRONG_STATE' })
    },
    { carrier: { ratePerSecond: 200 } },
  )
})

/** Until nothing of the job is queued, under way or awaited. */
async function untilClosed(harness: Harness, id: string): Promise<void> {
  const end = performance.now() + 20_000
  for (;;) {
    const { counts } = harness.server.engine.job(harness.principal, id)
    if (counts.queued + counts.sending + counts.sent === 0) return
    if (performance.now() > end) throw new Error(JSON.stringify(counts))
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

t.test('a draft waits for start, a later job for its time', async (t) => {
  await withEngine(async (harness) => {
    const { engine } = harness.server
    const draft = await sendJob(harness, { ...settings, review: true }, csvOf(10))
    t.match(draft, { state: 'ready', counts: { accepted: 10, queued: 10 } })
    const later = new Date(Date.now() + 3_600_000).toISOString()
    const scheduled = await sendJob(harness, { ...settings, sendAt: later }, csvOf(10))
    t.match(scheduled, { state: 'scheduled', counts: { accepted: 10, scheduled: 10, queued: 0 } })
    await engine.startJob(harness.principal, draft.id)
    await untilState(harness, draft.id, ['finished'])
    t.equal(harness.smsc.stats().submits, 10, 'the scheduled one has not moved')
    await engine.patchJob(harness.principal, scheduled.id, { sendAt: new Date(Date.now() - 1_000).toISOString() })
    t.equal((await untilState(harness, scheduled.id, ['finished'])).counts.delivered, 10)
  })
})

t.test('a job takes its rows inline', async (t) => {
  await withEngine(async (harness) => {
    const { engine } = harness.server
    const rows = [
      { to: '+447710000001', name: 'Ann, "the first"' },
      { to: '+447710000002', name: 'Bob\nSecond', other: 7 },
      { to: 'nobody', name: 'x' },
    ]
    const suppressed = ['+447710000002']
    const job = await engine.createJob(harness.principal, { ...settings, suppressed }, rows)
    t.match(job, { state: 'running', counts: { rows: 3, accepted: 1, suppressed: 1, rejected: 1 } })
    await untilState(harness, job.id, ['finished'])
    const { items } = await engine.jobMessages(harness.principal, job.id, { limit: 10 })
    t.match(items, [{ text: 'Hi Ann, "the first"', to: '+447710000001' }])
  })
})

t.test('a file that cannot be cut by its quotes is read in sequence, with the same result', async (t) => {
  await withEngine(async (harness) => {
    const { engine } = harness.server
    const [label, ...lines] = csvOf(160_000).toString().trimEnd().split('\n')
    // Every name has a line end within its quotes. Past the 4 MiB that decide the dialect, a stray quote turns inside out
    // what the cutter takes for quoted.
    const wide = lines.map((line) => `${line.replace(',', ',"')}\nof the long name"`)
    wide[100_000] = '+447719999999,5" pipe'
    const job = await sendJob(harness, { ...settings, review: true }, Buffer.from([label, ...wide].join('\n')))
    const ready = await untilState(harness, job.id, ['ready'], 60)
    t.match(ready.counts, { rows: 160_000, accepted: 159_999, rejected: 1 })
    t.match(ready.file, { dialect: { parser: 'general' } })
    const rejects = await textOf(engine.rejects(harness.principal, job.id, false))
    t.match(rejects, /^200002,.*STRAY_QUOTE/m)
  })
})

t.test('a stop does not wait for a silent upload', async (t) => {
  await withEngine(async (harness) => {
    const { engine } = harness.server
    const job = await engine.createJob(harness.principal, settings, null)
    async function* silent(): AsyncIterable<Buffer> {
      yield csvOf(10)
      await new Promise(() => {})
    }
    const upload = t.rejects(engine.upload(harness.principal, job.id, silent()), { code: 'WRONG_STATE' })
    // The upload never ends by itself: a stop that waited for it would run into the time limit of the test.
    await harness.restart()
    await upload
    t.match(harness.server.engine.job(harness.principal, job.id), { state: 'receiving', file: null })
  })
})
