/** Recurring jobs over the real engine with a clock that the test moves: a job for each run, with counts of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import type { JobView } from '../src/engine/contract/api.js'
import type { Clock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { Smsc } from '../src/smpp/simulator/smsc.js'
import { startServer } from '../src/start.js'
import { type Answer, type CallOptions, send } from './http-engine.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
t.setTimeout(580_000)
const admin = 'admin-key-of-this-test'
const folder = mkdtempSync(join(tmpdir(), 'trunkline-recurring-'))
const smsc = new Smsc({ host: '127.0.0.1', port: 0 }, silentLog)
const { port: smscPort } = await smsc.listen()
const yaml = `
dataDir: ${folder}
http: { port: 0, adminKey: ${admin} }
carriers: [{ id: sim, protocol: smpp, host: 127.0.0.1, port: ${smscPort}, systemId: trunk, password: secret }]
`
const config = parseConfig(yaml, { name: 'test', folder, env: {} })
let aheadMs = 0
const clock: Clock = { now: () => Date.now() + aheadMs, monotonic: () => performance.now() }
const start = () =>
  startServer(config, { log: silentLog, clock, exit: (code) => t.fail(`the engine stopped with ${code}`) })
let server = await start()
t.teardown(async () => {
  await server.stop()
  await smsc.close()
  rmSync(folder, { recursive: true })
})

let key = ''
function call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
  return send(server.url + path, method, { key, ...options })
}
async function look(id: string): Promise<JobView> {
  return (await call('GET', `/v1/jobs/${id}`)).json
}
/** Asks until it is so; each question is a round trip, no sleep. */
async function until(id: string, isSo: (job: JobView) => boolean): Promise<JobView> {
  for (;;) {
    const job = await look(id)
    if (job.state === undefined) throw new Error(JSON.stringify(job))
    if (isSo(job)) return job
  }
}
/** Newest first. */
async function runsOf(id: string): Promise<JobView[]> {
  return (await call('GET', `/v1/jobs?parent=${id}`)).json.items
}
const file = (text: string): CallOptions => ({ body: text, headers: { 'content-type': 'text/csv' } })

t.before(async () => {
  key = (await call('POST', '/v1/accounts', { key: admin, body: { id: 'acme', defaultCountry: 'GB' } })).json.key
})

t.test('inline rows every hour: a job each, the text filled, the parent has none of it', async (t) => {
  const recipients = [
    { to: '+447712345101', name: 'Ann' },
    { to: '+447712345102', name: 'Bob' },
  ]
  const body = { name: 'hourly', from: 'ACME', text: 'Hi ~name~', every: '1h', tags: ['x'], recipients }
  const made = await call('POST', '/v1/jobs', { body })
  t.match(made, { status: 202, json: { state: 'scheduled', runs: 0, parent: null, run: null } }, made.text)
  t.same(made.json.settings.every, { hours: 1 }, 'shown whole')
  const { id } = made.json
  const first = await until(id, ({ lastRun }) => lastRun?.state === 'finished')
  const anchor = Date.parse(first.lastRun!.scheduledAt)
  t.match(first, { state: 'scheduled', runs: 1, missedRuns: 0, skippedRuns: 0, counts: { rows: 0, accepted: 0 } })
  t.equal(Date.parse(first.nextRunAt!), anchor + HOUR)
  const run = await look(first.lastRun!.job)
  t.match(run, { parent: id, run: { number: 1, late: false }, runs: null, nextRunAt: null, name: 'hourly' })
  t.match(run, { counts: { rows: 2, accepted: 2, delivered: 2 }, settings: { tags: ['x'] } })
  t.notOk('every' in run.settings)
  const { json } = await call('GET', `/v1/jobs/${run.id}/messages`)
  t.same(json.items.map((one: { text: string }) => one.text).sort(), ['Hi Ann', 'Hi Bob'])
  aheadMs += HOUR
  const second = await until(id, ({ runs, lastRun }) => runs === 2 && lastRun?.state === 'finished')
  t.equal(Date.parse(second.lastRun!.scheduledAt), anchor + HOUR)
  t.same(
    (await runsOf(id)).map(({ run }) => run!.number),
    [2, 1],
  )
  const canceled = await call('POST', `/v1/jobs/${id}/cancel`)
  t.match(canceled.json, { state: 'canceled', nextRunAt: null, runs: 2 }, canceled.text)
  t.match(await call('GET', `/v1/jobs?parent=${run.id}`), { json: { items: [] } }, 'a run has no runs')
  t.equal((await call('GET', '/v1/jobs?parent=job_nothing')).status, 404)
})

t.test('an uploaded file is kept for every run; what is in it is seen before the start', async (t) => {
  const every = { days: 1, count: 2, timeZone: 'Europe/Berlin' }
  const made = await call('POST', '/v1/jobs', { body: { from: 'ACME', text: 'Hi ~name~', every, review: true } })
  t.match(made.json, { state: 'receiving', runs: 0 }, made.text)
  const { id } = made.json
  const csv = 'name,mobile\nAnn,+447712345103\nBob,nobody\n'
  const uploaded = await call('PUT', `/v1/jobs/${id}/recipients`, file(csv))
  t.match(uploaded.json, { state: 'ready', nextRunAt: null, counts: { rows: 0 } }, uploaded.text)
  const preview = await call('GET', `/v1/jobs/${id}/preview`)
  t.match(preview.json.rows, [{ text: 'Hi Ann' }, { reason: 'INVALID_NUMBER' }], preview.text)
  t.equal((await runsOf(id)).length, 0)
  const started = await call('POST', `/v1/jobs/${id}/start`)
  t.match(started.json, { state: 'scheduled', nextRunAt: String }, started.text)
  await until(id, ({ lastRun }) => lastRun?.state === 'finished')
  aheadMs += DAY
  const over = await until(id, ({ state, lastRun }) => state === 'finished' && lastRun?.state === 'finished')
  t.match(over, { runs: 2, nextRunAt: null, finishedAt: String }, 'so many runs and no more')
  for (const run of await runsOf(id)) {
    t.match(run.counts, { rows: 2, accepted: 1, rejected: 1, delivered: 1 })
    const rejects = await call('GET', `/v1/jobs/${run.id}/rejects.csv`)
    t.match(rejects.text, /INVALID_NUMBER.*Bob/)
  }
  const retried = await call('POST', `/v1/jobs/${id}/retry`)
  t.match(retried, { status: 409, json: { code: 'WRONG_STATE' } }, 'it has no messages of its own')
})

t.test('an audience is looked up anew for each run; nobody is an empty run', async (t) => {
  const put = (number: string, tags: string[]) =>
    call('PUT', `/v1/contacts/${encodeURIComponent(number)}`, { body: { attributes: { name: 'Zoe' }, tags } })
  await put('+447712345110', [])
  const body = { from: 'ACME', text: 'Hi ~name~', every: { hours: 2 }, audience: { tag: 'club' } }
  const made = await call('POST', '/v1/jobs', { body })
  t.match(made.json, { state: 'scheduled' }, made.text)
  const { id } = made.json
  const empty = await until(id, ({ lastRun }) => lastRun?.state === 'finished')
  t.match(await look(empty.lastRun!.job), { reason: 'AUDIENCE_EMPTY', counts: { rows: 0 } })
  for (const [number, rows] of [
    ['+447712345111', 1],
    ['+447712345112', 2],
  ] as const) {
    t.match(await put(number, ['club']), { status: /20[01]/ })
    aheadMs += 2 * HOUR
    const { lastRun } = await until(id, ({ runs, lastRun }) => runs === rows + 1 && lastRun?.state === 'finished')
    t.match((await look(lastRun!.job)).counts, { rows, delivered: rows })
  }
  await call('POST', `/v1/jobs/${id}/cancel`)
})

t.test(
  'a run that would overlap the last is left out and reported; pause and resume reach the run as well',
  async (t) => {
    const every = { minutes: 30 }
    const recipients = ['+447712345121']
    const sendAt = new Date(clock.now() + HOUR).toISOString()
    const body = { from: 'ACME', text: 'Hi', every, sendAt, recipients }
    const { id } = (await call('POST', '/v1/jobs', { body })).json
    t.match(await look(id), { state: 'scheduled', nextRunAt: sendAt, runs: 0 })
    const paused = await call('POST', `/v1/jobs/${id}/pause`)
    t.match(paused.json, { state: 'paused', nextRunAt: null }, paused.text)
    t.match((await call('POST', `/v1/jobs/${id}/resume`)).json, { state: 'scheduled', nextRunAt: sendAt })
    // Nothing of it may leave at this time of day: the run stays under way.
    const hour = (offset: number) => new Date(clock.now() + offset * HOUR).toISOString().slice(11, 16)
    await call('PATCH', `/v1/jobs/${id}`, { body: { window: { from: hour(5), to: hour(6), timeZone: 'UTC' } } })
    aheadMs += HOUR
    const first = await until(id, ({ lastRun }) => lastRun?.state === 'scheduled')
    aheadMs += HOUR / 2
    const skipped = await until(id, ({ skippedRuns }) => skippedRuns === 1)
    t.match(skipped, { runs: 1, lastSkip: { reason: 'OVERLAP' }, state: 'scheduled' })
    t.equal(Date.parse(skipped.lastSkip!.at), Date.parse(sendAt) + HOUR / 2)
    await call('POST', `/v1/jobs/${id}/pause`)
    t.match(await look(first.lastRun!.job), { state: 'paused' })
    await call('POST', `/v1/jobs/${id}/resume`)
    t.match(await look(first.lastRun!.job), { state: 'scheduled' })
    await call('POST', `/v1/jobs/${id}/cancel`)
    await until(first.lastRun!.job, ({ state, counts }) => state === 'canceled' && counts.canceled === 1)
  },
)

t.test('a change moves the next run; null ends the series', async (t) => {
  const body = { from: 'ACME', text: 'Hi', every: '1d', recipients: ['+447712345131'] }
  const { id } = (await call('POST', '/v1/jobs', { body })).json
  const { lastRun } = await until(id, ({ lastRun }) => lastRun?.state === 'finished')
  const anchor = Date.parse(lastRun!.scheduledAt)
  const hourly = await call('PATCH', `/v1/jobs/${id}`, { body: { every: { hours: 3 } } })
  t.equal(Date.parse(hourly.json.nextRunAt), anchor + 3 * HOUR, hourly.text)
  const sendAt = new Date(clock.now() + 50 * HOUR).toISOString()
  t.match((await call('PATCH', `/v1/jobs/${id}`, { body: { sendAt } })).json, { nextRunAt: sendAt })
  const wrong = await call('PATCH', `/v1/jobs/${id}`, { body: { every: 'often' } })
  t.match(wrong, { status: 422, json: { errors: [{ pointer: '/every' }] } }, wrong.text)
  const ended = await call('PATCH', `/v1/jobs/${id}`, { body: { every: null } })
  t.match(ended.json, { state: 'finished', nextRunAt: null, runs: 1 }, ended.text)
  const single = await call('POST', '/v1/jobs', { body: { ...body, every: undefined } })
  const late = await call('PATCH', `/v1/jobs/${single.json.id}`, { body: { every: '1d' } })
  t.match(late, { status: /409|422/ }, 'a job that was made to go once goes once')
})

t.test('a recurring job is deleted while it has not run, and the others go on; one that has run stays', async (t) => {
  const body = { from: 'ACME', text: 'Hi', every: '1h', recipients: [{ to: '+447712345101' }] }
  const at = new Date(clock.now() + HOUR).toISOString()
  const gone = (await call('POST', '/v1/jobs', { body: { ...body, sendAt: at } })).json
  const stays = (await call('POST', '/v1/jobs', { body: { ...body, sendAt: at } })).json
  const renamed = call('PATCH', `/v1/jobs/${gone.id}`, { body: { name: 'never mind' } })
  t.equal((await call('DELETE', `/v1/jobs/${gone.id}`)).status, 204)
  t.ok([200, 404].includes((await renamed).status))
  t.equal((await call('GET', `/v1/jobs/${gone.id}`)).status, 404, 'nor did the change bring it back')
  aheadMs += HOUR
  await until(stays.id, ({ runs }) => runs === 1)
  const [run] = await runsOf(stays.id)
  await until(run!.id, ({ state }) => state === 'finished')
  t.match(await call('DELETE', `/v1/jobs/${stays.id}`), { status: 409, json: { code: 'WRONG_STATE' } })
  t.equal((await call('POST', `/v1/jobs/${stays.id}/cancel`)).status, 200)
  t.match(await call('DELETE', `/v1/jobs/${stays.id}`), { status: 409, json: { code: 'WRONG_STATE' } })
})

t.test('times that passed while it was down are made up once or skipped, as set, and reported', async (t) => {
  const make = async (missed: string | undefined) => {
    const every = { hours: 1, ...(missed === undefined ? {} : { missed }) }
    const body = { from: 'ACME', text: 'Hi', every, recipients: ['+447712345141'] }
    return (await call('POST', '/v1/jobs', { body })).json.id as string
  }
  const [once, skip] = [await make(undefined), await make('skip')]
  const anchors = await Promise.all([once, skip].map((id) => until(id, ({ lastRun }) => lastRun?.state === 'finished')))
  await server.stop()
  aheadMs += 5 * HOUR + HOUR / 2
  server = await start()
  const made = await until(once, ({ lastRun, runs }) => runs === 2 && lastRun?.state === 'finished')
  t.match(made, { missedRuns: 5, lastSkip: { reason: 'MISSED' } })
  const anchor = Date.parse(anchors[0]!.lastRun!.scheduledAt)
  t.match(await look(made.lastRun!.job), { run: { number: 2, late: true } })
  t.equal(Date.parse(made.lastRun!.scheduledAt), anchor + 5 * HOUR, 'one in the place of all')
  t.equal(Date.parse(made.nextRunAt!), anchor + 6 * HOUR)
  const left = await until(skip, ({ missedRuns }) => missedRuns !== 0)
  t.match(left, { runs: 1, missedRuns: 5, state: 'scheduled', lastSkip: { reason: 'MISSED' } })
  t.equal(Date.parse(left.nextRunAt!), Date.parse(anchors[1]!.lastRun!.scheduledAt) + 6 * HOUR)
  for (const id of [once, skip]) await call('POST', `/v1/jobs/${id}/cancel`)
})

t.test('what cannot recur is refused by field', async (t) => {
  const base = { from: 'ACME', text: 'Hi' }
  for (const [settings, pointer] of [
    [{ every: 'now and then' }, '/every'],
    [{ every: { days: 1, minutes: 3 } }, '/every'],
    [{ every: { cron: '0 9 31 2 *' } }, '/every'],
    [{ every: '1d', columns: { sendAt: 'when' } }, '/columns/sendAt'],
  ] as const) {
    const answer = await call('POST', '/v1/jobs', { body: { ...base, ...settings } })
    t.match(answer, { status: 422, json: { errors: [{ pointer }] } }, answer.text)
  }
})
