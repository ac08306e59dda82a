/**
 * Every pitfall of the design's csv.md as a file that has it, through the API of a whole engine and through the dry run:
 * each file becomes what its golden result says. Goldens are written from the design, not from what came out.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parse } from 'csv-parse/sync'
import t, { type Test } from 'tap'
import type { JobView } from '../src/engine/contract/api.js'
import type { PreviewRow, RoutePlan } from '../src/engine/contract/ingest.js'
import type { JobSettings } from '../src/engine/contract/job.js'
import { type CheckReport, checkFile } from '../src/ingest/check.js'
import { built } from './csv-builders.js'
import { assertSums, startHarness } from './engine-harness.js'

const FOLDER = 'test/fixtures/csv'
/** Pitfalls in the table of csv.md. */
const PITFALLS = 32

interface Golden {
  settings: JobSettings
  account?: keyof typeof accounts
  headers?: Record<string, string>
  refused?: { code: string; detail: string }
  state?: string
  reason?: string
  detail?: string
  counts: Record<string, number>
  scheduled?: number
  dialect?: object
  columns?: object
  /** line, number, text of every accepted row; of large files the first and the last. */
  accepted?: [number, string, string][]
  acceptedEnds?: [number, string, string][]
  /** line, column, code. */
  rejects: [number, string, string][]
  /** First and last line of each rejected record; absent: it is the line of the reject alone. */
  rawLines?: [number, number][]
  rejectsMatch?: string[]
  rejectedByReason?: Record<string, number>
  warnings: string[]
  findings?: Record<string, number>
  sendAt?: Record<string, string | null>
  /** The file on disk is packed; lines are those of what is in it. */
  plain?: boolean
}
interface Case {
  fixture?: string
  golden?: string
  promise?: string
  test: string
}
interface Pitfall {
  line: number
  pitfall: string
  cases: Case[]
}

const manifest = JSON.parse(readFileSync('test/fixtures/csv.json', 'utf8')) as Pitfall[]
const accounts = {
  acme: { defaultCountry: 'GB' },
  nowhere: {},
  paris: { defaultCountry: 'GB', timeZone: 'Europe/Paris' },
}
const routes: RoutePlan[] = [
  { route: 1, channel: 'sms', prefix: '', carrier: 'sim', alphabet: 'gsm7', longMessages: 'udh' },
]

const harness = await startHarness()
const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-fixtures-'))
t.teardown(async () => {
  await harness.stop()
  rmSync(folder, { recursive: true })
})
const { adminKey } = harness.server
const keys: Record<string, string> = { acme: (await harness.server.engine.createKey('acme')).key }
for (const [id, account] of Object.entries(accounts)) {
  if (id !== 'acme') keys[id] = (await json('POST', '/v1/accounts', adminKey, { id, ...account })).key as string
}

function call(method: string, route: string, key: string, body?: string | Buffer, headers = {}): Promise<Response> {
  return fetch(harness.server.url + route, {
    method,
    headers: { authorization: `Bearer ${key}`, ...headers },
    body: typeof body === 'string' || body === undefined ? body : new Uint8Array(body),
  })
}

async function json(method: string, route: string, key: string, body?: object): Promise<Record<string, unknown>> {
  const headers = body === undefined ? {} : { 'content-type': 'application/json' }
  const answer = await call(method, route, key, body === undefined ? undefined : JSON.stringify(body), headers)
  return (await answer.json()) as Record<string, unknown>
}

t.test(
  'the manifest names every pitfall of the table with its files, goldens and tests, and every file is used',
  async (t) => {
    t.same(
      manifest.map(({ line }) => line),
      Array.from({ length: PITFALLS }, (_, index) => index + 1),
    )
    const used = new Set<string>()
    for (const { line, pitfall, cases } of manifest) {
      t.ok(cases.length > 0, `${line} ${pitfall}`)
      for (const { fixture, golden, promise, test } of cases) {
        const source = readFileSync(`test/${test}.test.ts`, 'utf8')
        if (promise !== undefined) {
          t.ok(source.includes(`'${promise}'`), promise)
          continue
        }
        used.add(golden!)
        if (fixture!.startsWith('built: ')) t.ok(built(fixture!.slice(7)).length > 0, fixture!)
        else used.add(fixture!)
      }
    }
    t.same(readdirSync(FOLDER).sort(), [...used].sort())
  },
)

for (const { line, pitfall, cases } of manifest) {
  for (const { fixture, golden } of cases) {
    if (fixture === undefined || golden === undefined) continue
    t.test(`${line} ${pitfall}: ${fixture}`, async (t) => {
      const wanted = JSON.parse(readFileSync(`${FOLDER}/${golden}`, 'utf8')) as Golden
      const bytes = fixture.startsWith('built: ') ? built(fixture.slice(7)) : readFileSync(`${FOLDER}/${fixture}`)
      await through(t, bytes, wanted)
    })
  }
}

async function through(t: Test, bytes: Buffer, golden: Golden): Promise<void> {
  const key = keys[golden.account ?? 'acme']!
  const settings = golden.state === undefined ? { ...golden.settings, review: true } : golden.settings
  const { id } = (await json('POST', '/v1/jobs', key, settings)) as unknown as JobView
  const answer = await call('PUT', `/v1/jobs/${id}/recipients`, key, bytes, {
    'content-type': 'text/csv',
    ...golden.headers,
  })
  if (golden.refused !== undefined) {
    await isRefused(t, golden, { answer, bytes, id, key })
    return
  }
  t.equal(answer.status, 202, await answer.text())
  const job = await until(id, key, golden.state ?? 'ready')
  isAsCounted(t, job, golden)
  await hasRejects(t, { id, key, bytes, golden })
  await hasMessages(t, { id, key, golden })
  await hasPreview(t, { id, key, golden })
  isTheSame(t, await dryRun(bytes, golden), job, golden)
  await json('POST', `/v1/jobs/${id}/cancel`, key)
}

/** Looks until the job is in the state; tap's time-out ends a wait that is in vain. */
async function until(id: string, key: string, state: string): Promise<JobView> {
  for (;;) {
    const job = (await json('GET', `/v1/jobs/${id}`, key)) as unknown as JobView
    assertSums(job)
    if (job.state === state) return job
    if (['finished', 'failed', 'canceled'].includes(job.state)) throw new Error(`${job.state}: ${job.detail}`)
    await sleep(20)
  }
}

interface Refused {
  answer: Response
  bytes: Buffer
  id: string
  key: string
}

/** In the answer to the upload, or in the job when the file was there before anybody had looked at it. */
async function isRefused(t: Test, golden: Golden, { answer, bytes, id, key }: Refused): Promise<void> {
  const { code, detail } = golden.refused!
  if (answer.status === 202) {
    const failed = await until(id, key, 'failed')
    t.match(failed, { reason: code, detail: new RegExp(detail) })
  } else {
    const problem = (await answer.json()) as { code: string; detail: string }
    t.match(problem, { code, detail: new RegExp(detail) }, JSON.stringify(problem))
  }
  await t.rejects(dryRun(bytes, golden), { code, message: new RegExp(detail) }, 'and the dry run says the same')
}

function dryRun(bytes: Buffer, golden: Golden): Promise<CheckReport> {
  const file = path.join(folder, 'file.csv')
  writeFileSync(file, bytes)
  const account: { defaultCountry?: string; timeZone?: string } = accounts[golden.account ?? 'acme']
  const { settings } = golden
  const { timeZone, defaultCountry = null } = account
  return checkFile({ path: file, settings, defaultCountry, timeZone, routes, createdSeconds: Date.now() / 1000 })
}

function isAsCounted(t: Test, job: JobView, golden: Golden): void {
  t.match(job.counts, golden.counts, 'counts')
  if (golden.scheduled !== undefined) t.equal(job.counts.scheduled, golden.scheduled)
  if (golden.reason !== undefined) t.equal(job.reason, golden.reason)
  if (golden.detail !== undefined) t.match(job.detail, new RegExp(golden.detail))
  const byReason: Record<string, number> = {}
  for (const [, , code] of golden.rejects) byReason[code] = (byReason[code] ?? 0) + 1
  t.same(job.rejectedByReason, golden.rejectedByReason ?? byReason, 'reasons')
  const file = job.file!
  if (golden.dialect !== undefined) t.match(file.dialect, golden.dialect, 'dialect')
  if (golden.columns !== undefined) t.match(file.columns, golden.columns, 'columns')
  t.same(file.findings, golden.findings ?? {}, 'findings')
  t.equal(file.warnings.length, golden.warnings.length, `warnings: ${file.warnings.join(' / ')}`)
  for (const [index, warning] of golden.warnings.entries()) t.match(file.warnings[index], new RegExp(warning))
}

interface Place {
  id: string
  key: string
  golden: Golden
}

async function hasRejects(t: Test, { id, key, golden, bytes }: Place & { bytes: Buffer }): Promise<void> {
  const text = await (await call('GET', `/v1/jobs/${id}/rejects.csv`, key)).text()
  const [header, ...rows] = parse(text) as string[][]
  t.same(header, ['line', 'column', 'code', 'reason', 'record'])
  t.same(
    rows.map(([line, column, code]) => [Number(line), column, code]),
    golden.rejects,
    'rejects',
  )
  for (const [line, , code, reason, record] of rows) {
    t.ok(reason!.length > 10 && record!.length > 0, `${code} of line ${line} has a sentence and the record`)
  }
  for (const pattern of golden.rejectsMatch ?? []) t.match(text, new RegExp(pattern))
  if (golden.plain || golden.headers !== undefined) return
  const raw = Buffer.from(await (await call('GET', `/v1/jobs/${id}/rejects.csv?raw=true`, key)).arrayBuffer())
  const lines = golden.rawLines ?? golden.rejects.map(([line]) => [line, line] as const)
  t.ok(raw.equals(linesOf(bytes, job16(golden), lines)), 'and the records as they came')
}

function job16({ dialect }: Golden): boolean {
  return ((dialect as { encoding?: string } | undefined)?.encoding ?? '').startsWith('utf16')
}

/** Octets of lines [first, last] from 1; a line ends with CRLF, LF or CR, which belong to it. */
function linesOf(bytes: Buffer, isWide: boolean, wanted: readonly (readonly [number, number])[]): Buffer {
  const unit = isWide ? 2 : 1
  const starts = [0]
  const isAt = (at: number, octet: number) =>
    unit === 1 ? bytes[at] === octet : bytes[at]! + bytes[at + 1]! === octet && bytes[at]! * bytes[at + 1]! === 0
  for (let at = 0; at < bytes.length; at += unit) {
    if (isAt(at, 0x0a) || (isAt(at, 0x0d) && !isAt(at + unit, 0x0a))) starts.push(at + unit)
  }
  return Buffer.concat(wanted.map(([first, last]) => bytes.subarray(starts[first - 1], starts[last])))
}

async function hasMessages(t: Test, { id, key, golden }: Place): Promise<void> {
  if (golden.accepted === undefined) {
    const [, ...rows] = parse(await (await call('GET', `/v1/jobs/${id}/report.csv`, key)).text()) as string[][]
    const ends = [rows[0]!, rows.at(-1)!].map((row) => [Number(row[1]), row[2]])
    t.same(
      ends,
      golden.acceptedEnds!.map((end) => end.slice(0, 2)),
      'first and last message',
    )
    return
  }
  const { items } = (await json('GET', `/v1/jobs/${id}/messages?limit=200`, key)) as {
    items: { line: number; to: string; text: string }[]
  }
  const found = items.map(({ line, to, text }) => [line, to, text] as const).sort(([a], [b]) => a - b)
  t.same(found, golden.accepted, 'messages')
}

/** Each row of it is the accepted or the rejected one that the golden has on its line. */
async function hasPreview(t: Test, { id, key, golden }: Place): Promise<void> {
  const { rows } = (await json('GET', `/v1/jobs/${id}/preview`, key)) as unknown as { rows: PreviewRow[] }
  t.equal(rows.length, Math.min(12, golden.counts.rows!))
  const accepted = [...(golden.accepted ?? []), ...(golden.acceptedEnds ?? [])]
  for (const row of rows) {
    const reject = golden.rejects.find(([line]) => line === row.line)
    t.equal(row.reason, reject?.[2] ?? null, `preview of line ${row.line}`)
    const message = accepted.find(([line]) => line === row.line)
    if (message !== undefined) t.same([row.to, row.text.length > 0], [message[1], true])
    if (golden.sendAt !== undefined && row.reason === null) t.equal(row.sendAt, golden.sendAt[row.line])
  }
}

function isTheSame(t: Test, dry: CheckReport, job: JobView, { settings }: Golden): void {
  for (const name of [
    'records',
    'skipped',
    'expanded',
    'rows',
    'accepted',
    'rejected',
    'suppressed',
    'duplicate',
  ] as const) {
    t.equal(dry.counts[name], job.counts[name], `dry run: ${name}`)
  }
  t.equal(dry.counts.parts, job.counts.parts)
  t.same(dry.rejectedByReason, job.rejectedByReason, 'dry run: reasons')
  // A job may find on the way that its ranges must be read one after the other.
  const { parser: _parser, ...dialect } = dry.dialect
  t.match(job.file!.dialect, dialect, 'dry run: dialect')
  t.same(dry.warnings, job.file!.warnings, 'dry run: warnings')
  t.same(dry.findings, job.file!.findings, 'dry run: findings')
  t.equal(dry.review?.reason ?? null, settings.review ? null : job.reason, 'dry run: review')
}

t.test('a job that waits for review is resumed or canceled by its owner, also after a restart', async (t) => {
  const key = keys.acme!
  const made: string[] = []
  for (let count = 0; count < 2; count++) {
    const { id } = (await json('POST', '/v1/jobs', key, { text: 'Hi ~name~' })) as unknown as JobView
    const answer = await call('PUT', `/v1/jobs/${id}/recipients`, key, built('07-scientific-many'), {
      'content-type': 'text/csv',
    })
    t.match(await answer.json(), { state: 'paused', reason: 'PHONE_SCIENTIFIC', counts: { queued: 989 } })
    made.push(id)
  }
  await harness.restart()
  const [resumed, canceled] = made as [string, string]
  t.match(await json('GET', `/v1/jobs/${resumed}`, key), { state: 'paused', reason: 'PHONE_SCIENTIFIC' })
  t.match(await json('POST', `/v1/jobs/${resumed}/resume`, key), { reason: null, detail: null })
  t.match(await until(resumed, key, 'finished'), { counts: { delivered: 989, rejected: 11 } })
  await json('POST', `/v1/jobs/${canceled}/cancel`, key)
  let job = await until(canceled, key, 'canceled')
  // The dispatcher takes the messages out a moment later.
  while (job.counts.canceled < 989) job = await until(canceled, key, 'canceled')
  t.equal(job.counts.accepted, 989)
})

t.test('an upload that breaks off leaves nothing behind and is sent again from its start', async (t) => {
  const key = keys.acme!
  const settings = { text: 'Hi ~name~', review: true }
  const { id } = (await json('POST', '/v1/jobs', key, settings)) as unknown as JobView
  const { hostname, port } = new URL(harness.server.url)
  for (const head of ['content-length: 1000', 'transfer-encoding: chunked']) {
    const part = 'phone,name\n07400123423,Ann\n07400123424,Bo'
    const body = head.startsWith('content') ? part : `${part.length.toString(16)}\r\n${part}\r\n`
    const socket = connect(Number(port), hostname)
    const lines = [`PUT /v1/jobs/${id}/recipients HTTP/1.1`, 'host: x', `authorization: Bearer ${key}`, head]
    socket.end(`${lines.join('\r\n')}\r\ncontent-type: text/csv\r\n\r\n${body}`)
    const answered = await new Promise<string>((resolve) => {
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('close', () => resolve(text))
    })
    t.notMatch(answered, / 202 /, head)
    t.match(await until(id, key, 'receiving'), { counts: { rows: 0 } }, head)
  }
  const whole = readFileSync(`${FOLDER}/23-no-final-newline.csv`)
  const send = async () => {
    const answer = await call('PUT', `/v1/jobs/${id}/recipients`, key, whole, { 'content-type': 'text/csv' })
    return (await answer.json()) as JobView & { code?: string }
  }
  let again = await send()
  // The engine may see the end of the broken one a moment later than its client.
  while (again.code === 'UPLOAD_RUNNING') again = await send()
  t.match(again, { state: 'ready', counts: { rows: 2, accepted: 2 } })
})

t.test('the same file sent again to its job changes nothing; another one is refused', async (t) => {
  const key = keys.acme!
  const { id } = (await json('POST', '/v1/jobs', key, { text: 'Hi ~name~', review: true })) as unknown as JobView
  const put = async (name: string) => {
    const bytes = readFileSync(`${FOLDER}/${name}`)
    return await call('PUT', `/v1/jobs/${id}/recipients`, key, bytes, { 'content-type': 'text/csv' })
  }
  const first = (await (await put('22-gzip.csv')).json()) as JobView
  const again = await put('22-gzip.csv')
  t.equal(again.status, 202)
  t.same(((await again.json()) as JobView).file, first.file)
  const other = await put('23-no-final-newline.csv')
  t.match([other.status, await other.json()], [409, { code: 'WRONG_STATE' }])
})
