/**
 * Retry and settle over HTTP, the real engine and simulated carriers, counted at both ends: nothing comes twice, nothing is
 * left out, and the sums hold at every look.
 */
import t, { type Test } from 'tap'
import type { JobView, MessageView } from '../src/engine/contract/api.js'
import type { JobSettings } from '../src/engine/contract/job.js'
import { assertSums, csvOf, type Harness, sendJob, startHarness, untilState } from './engine-harness.js'
import { type Answer, send } from './http-engine.js'

t.setTimeout(580_000)

type Options = Parameters<typeof startHarness>[0]

interface Stand extends Harness {
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

async function stand(t: Test, options: Options = {}): Promise<Stand> {
  const harness = await startHarness(options)
  t.teardown(() => harness.stop())
  return Object.assign(harness, {
    call: (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
      const { url, adminKey } = harness.server
      return send(url + path, method, { key: adminKey, body, headers: { 'trunkline-account': 'acme', ...headers } })
    },
  })
}

/** Every message of the job, page by page. */
async function messagesOf(at: Stand, id: string, state?: string): Promise<MessageView[]> {
  const items: MessageView[] = []
  for (let cursor = ''; ; ) {
    const { json } = await at.call('GET', `/v1/jobs/${id}/messages?limit=200${cursor}${state ? `&state=${state}` : ''}`)
    items.push(...json.items)
    if (json.nextCursor === null) return items
    cursor = `&cursor=${json.nextCursor}`
  }
}

async function finished(at: Stand, id: string): Promise<JobView> {
  return await untilState(at, id, ['finished'])
}

t.test('failed messages go again in a new job, until each has arrived once', async (t) => {
  const at = await stand(t, { smsc: { faults: 'reject=0.4:0x0b' } })
  const rows = 100
  const settings: JobSettings = { from: 'ACME', text: 'Hi ~name~', name: 'First', validForSeconds: 3600 }
  const first = await finished(at, (await sendJob(at, settings, csvOf(rows))).id)
  t.ok(first.counts.failed > 0 && first.counts.delivered > 0)
  const delivered = (await messagesOf(at, first.id, 'delivered')).map(({ to }) => to)
  let job = first
  while (job.counts.failed > 0) {
    const failed = await messagesOf(at, job.id, 'failed')
    const headers = { 'idempotency-key': `retry-${job.id}` }
    const made = await at.call('POST', `/v1/jobs/${job.id}/retry`, undefined, headers)
    t.match(made, { status: 202, json: { retryOf: job.id, name: 'First', file: null, settings } }, made.text)
    t.match(made.json.counts, { rows: failed.length, accepted: failed.length, records: failed.length })
    const replay = await at.call('POST', `/v1/jobs/${job.id}/retry`, undefined, headers)
    t.match([replay.json.id, replay.headers.get('idempotent-replay')], [made.json.id, 'true'])
    const twice = await at.call('POST', `/v1/jobs/${job.id}/retry`)
    t.match(twice, { status: 409, json: { code: 'WRONG_STATE', detail: new RegExp(made.json.id) } }, twice.text)
    job = await finished(at, made.json.id)
    const again = await messagesOf(at, job.id)
    const facts = ({ to, text, line }: MessageView) => `${to} ${text} ${line}`
    t.same(again.map(facts).sort(), failed.map(facts).sort(), 'the same texts, at the same lines of the file')
    delivered.push(...again.filter(({ state }) => state === 'delivered').map(({ to }) => to))
  }
  t.equal(delivered.length, rows)
  t.equal(new Set(delivered).size, rows, 'every number once')
  const { submits, rejected } = at.smsc.stats()
  t.equal(submits - rejected, rows, 'and the carrier saw it so')
  const nothing = await at.call('POST', `/v1/jobs/${job.id}/retry?states=failed,expired`)
  t.match(nothing, { status: 409, json: { detail: /no message that is failed or expired/ } }, nothing.text)
  t.equal((await at.call('POST', `/v1/jobs/${job.id}/retry?states=sent`)).status, 422)
  t.equal((await at.call('POST', '/v1/jobs/job_0000zzzz/retry')).status, 404)
  t.match(await at.call('GET', `/v1/jobs/${job.id}/preview`), { status: 409 })
  t.match((await at.call('GET', `/v1/jobs/${job.id}/rejects.csv`)).text, /^line,column,code,reason,record/)
})

t.test('what a cancel took out at one stroke goes again, without duplicates and at today’s rules', async (t) => {
  const at = await stand(t)
  const rows = [...csvOf(50).toString().trim().split('\n'), '+447710000001,Twice', '+447710000060,Last'].join('\n')
  const settings = { from: 'ACME', text: 'Hi ~name~', sendAt: '2100-01-01T00:00:00Z' }
  const job = await sendJob(at, settings, Buffer.from(rows))
  t.match(await at.call('POST', `/v1/jobs/${job.id}/retry`), { status: 409 }, 'it goes on')
  await at.call('POST', `/v1/jobs/${job.id}/cancel`)
  await at.server.engine.patchAccount('acme', { denyPrefixes: ['447710000060'] })
  const made = await at.call('POST', `/v1/jobs/${job.id}/retry?states=canceled`)
  t.match(made.json, { retryOf: job.id, counts: { rows: 51, accepted: 50 }, rejectedByReason: { PREFIX_DENIED: 1 } })
  t.match((await at.call('GET', `/v1/jobs/${made.json.id}/rejects.csv`)).text, /\n53,1,PREFIX_DENIED,.*\+447710000060/)
  t.match((await finished(at, made.json.id)).counts, { delivered: 50, partsSent: 50 })
  const source = (await at.call('GET', `/v1/jobs/${job.id}`)).json
  t.match(source, { state: 'canceled', counts: { rows: 52, accepted: 51, duplicate: 1, canceled: 51 } })
  t.equal(at.smsc.stats().submits, 50)
})

t.test('a suppressed message is not retried', async (t) => {
  const at = await stand(t, { smsc: { faults: 'reject=1:0x0b' } })
  const made = await at.call('POST', '/v1/jobs', {
    ...{ from: 'ACME', text: 'Hi', review: true },
    recipients: ['+447710000001', '+447710000002', '+447710000003'],
  })
  t.match(made.json, { state: 'ready' }, made.text)
  const put = await at.call('PUT', '/v1/suppressions/+447710000002', {})
  t.equal(put.status, 200, put.text)
  await at.call('POST', `/v1/jobs/${made.json.id}/start`)
  t.match((await finished(at, made.json.id)).counts, { failed: 3 })
  const retried = await at.call('POST', `/v1/jobs/${made.json.id}/retry`)
  t.match(retried.json, { counts: { rows: 2, accepted: 2, suppressed: 0 } }, retried.text)
  await finished(at, retried.json.id)
})

const deaf = { smsc: { faults: 'noresp=1' }, carrier: { responseTimeoutMs: 1_000, binds: 1 } }

t.test('messages whose end is unknown are settled, each by a line of its history', async (t) => {
  const at = await stand(t, deaf)
  const settings: JobSettings = { from: 'ACME', text: 'Hi ~name~', onUnanswered: 'hold' }
  const job = await finished(at, (await sendJob(at, settings, csvOf(6))).id)
  t.match(job.counts, { unknown: 6 })
  const ids = (await messagesOf(at, job.id)).map(({ id }) => id)
  const settle = (id: string, state: string, headers?: Record<string, string>) =>
    at.call('POST', `/v1/messages/${id}/settle`, { state }, headers)
  for (const [index, state] of ['delivered', 'failed', 'sent', 'undelivered'].entries()) {
    const { json, text } = await settle(ids[index]!, state)
    t.match(json, { id: ids[index], state, reason: 'SETTLED_BY_OPERATOR' }, text)
    t.match(json.history.at(-1), { event: 'settled', state, by: 'admin' })
  }
  const known = await settle(ids[0]!, 'failed')
  t.match(known, { status: 409, json: { code: 'WRONG_STATE', detail: /delivered/ } }, known.text)
  t.equal((await settle('msg_00000zzzzzz', 'failed')).status, 404)
  t.equal((await settle(ids[4]!, 'queued')).status, 422)
  const { counts } = (await at.call('GET', `/v1/jobs/${job.id}`)).json as JobView
  t.match(counts, { delivered: 1, failed: 1, sent: 1, undelivered: 1, unknown: 2, partsSent: 0 })

  const { submits } = at.smsc.stats()
  const again = await settle(ids[4]!, 'resend')
  t.match(again.json, { reason: null, history: [{}, { event: 'settled', state: 'queued' }] }, again.text)
  t.match((await finished(at, job.id)).counts, { unknown: 2 }, 'it went again, and was not answered again')
  t.equal(at.smsc.stats().submits, submits + 1)

  const all = await at.call('POST', `/v1/jobs/${job.id}/settle`, { state: 'delivered' })
  t.match(all.json, { settled: 2, job: { state: 'finished', counts: { delivered: 3, unknown: 0 } } }, all.text)
  await at.restart()
  const after = (await at.call('GET', `/v1/jobs/${job.id}`)).json as JobView
  assertSums(after)
  t.match(after.counts, { delivered: 3, failed: 1, sent: 1, undelivered: 1, unknown: 0 })
  t.match(await at.call('POST', `/v1/jobs/${job.id}/settle`, { state: 'failed' }), { json: { settled: 0 } })
})

t.test('what is sent again until it is answered arrives, and nothing else is touched', async (t) => {
  const at = await stand(t, { ...deaf, smsc: { faults: 'noresp=0.5' } })
  const settings: JobSettings = { from: 'ACME', text: 'Hi ~name~', onUnanswered: 'hold' }
  let job = await finished(at, (await sendJob(at, settings, csvOf(10))).id)
  t.ok(job.counts.unknown > 0, 'some are unknown')
  while (job.counts.unknown > 0) {
    // An answer that comes late settles one as well.
    const answer = await at.call('POST', `/v1/jobs/${job.id}/settle`, { state: 'resend' })
    t.ok(answer.json.settled <= job.counts.unknown, answer.text)
    job = await finished(at, job.id)
  }
  t.match(job.counts, { accepted: 10, delivered: 10, partsSent: 10 })
})
