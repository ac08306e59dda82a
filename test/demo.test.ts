/** The main job as a newcomer sees it: the built demo against the simulated carrier, and serve from start to stop. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parse } from 'csv-parse/sync'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { STATES } from '../src/engine/contract/message.js'

const cli = fileURLToPath(new URL('../src/cli.js', import.meta.url))

/** tap hangs its loader on every child by NODE_OPTIONS, which costs seconds a start; env drops it. */
const plainNode = ['-u', 'NODE_OPTIONS', process.execPath]

// Its calls last as long as their message, and somewhat more on a machine that is busy.
t.setTimeout(580_000)

interface Run {
  code: number | null
  stdout: string
  stderr: string
}

/** `settings`: variables of the environment, such as PATH=/nowhere. */
async function run(args: string[], settings: string[] = []): Promise<Run> {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', ...settings, process.execPath, cli, ...args])
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => (stdout += chunk))
  child.stderr.on('data', (chunk) => (stderr += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

type Counted = Record<string, number>

function sums(t: Test, counts: Counted): void {
  const { rows, accepted, rejected, suppressed, duplicate, records, expanded, skipped } = counts as Required<Counted>
  t.equal(rows, accepted! + rejected! + suppressed! + duplicate!, 'rows by result')
  t.equal(records, expanded! + skipped!, 'records')
  t.equal(
    accepted,
    STATES.reduce((sum, state) => sum + counts[state]!, 0),
    'accepted by state',
  )
}

interface Row {
  to: string
  channel: string
  state: string
  reason: string
}

t.test('the demo accounts for every row of the clinic, as carrier and telephones saw it', async (t) => {
  const { code, stdout, stderr } = await run(['demo', '--json'])
  t.equal(code, 0, stderr)
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1)!)
  t.teardown(() => rmSync(result.folder, { recursive: true, force: true }))
  sums(t, result)
  t.match(result, { records: 1_000, rows: 1_000, state: 'finished', suppressed: 10, unknown: 0 })
  t.equal(result.delivered, result.accepted - 4, 'all but four landlines')
  t.ok(result.accepted > 850 && result.parts > result.accepted, `${result.accepted} messages, ${result.parts} parts`)
  t.equal(result.submitsSeenByCarrier, result.parts - 58, 'a call is a part')
  t.equal(result.reasons.NO_ROUTE, undefined, 'landlines have a route')
  const outcomes = { delivered: 54, 'undelivered BUSY': 1, 'failed INVALID_NUMBER': 1, 'undelivered PARTLY_HEARD': 2 }
  t.strictSame(result.landlines, { numbers: 58, outcomes, callsSeenByGateway: 61, notHeard: 0 })
  t.match(stderr, /rows read.* calls/, 'progress')

  const rejects = parse(readFileSync(result.files.rejects), { columns: true }) as { code: string }[]
  const refused = result.rejected + result.suppressed + result.duplicate
  t.ok(
    rejects.length === refused || rejects.length === result.rejected + result.suppressed,
    `${rejects.length} rejects`,
  )
  const report = parse(readFileSync(result.files.report), { columns: true }) as Row[]
  t.equal(report.length, result.accepted, 'the report has every message')
  const called = Object.fromEntries(report.map(({ to, state, reason }) => [to, `${state} ${reason}`.trimEnd()]))
  t.equal(called['+442079460007'], 'delivered', 'busy at first')
  t.equal(called['+442079460013'], 'undelivered BUSY')
  t.equal(called['+442079460027'], 'failed INVALID_NUMBER')
  t.notOk(existsSync(join(result.folder, 'data')), 'the store is removed')
  t.notMatch(readFileSync(result.files.log, 'utf8'), /7400123\d{3}|2079460\d{3}/, 'no number in the log')
  t.equal(heardFiles(result.files.heard), 57, 'as many as answered')
})

function heardFiles(folder: string): number {
  return readdirSync(folder).filter((name) => name.endsWith('.wav')).length
}

t.test(
  "the demo takes a file of one's own and shows a table; without a speech program telephones hear tones",
  async (t) => {
    const rows = ['Phone;Name', '+447400123456;Ann', '+447400123457;Bob', '12;Di', '+442079460123;Ed']
    const file = join(t.testdir({ 'own.csv': `${rows.join('\n')}\n` }), 'own.csv')
    const own = ['demo', file, '--text', 'Hi ~Name~', '--to', 'Phone', '--keep']
    const { code, stdout, stderr } = await run(own, [`PATH=${join(file, '..', 'nowhere')}`])
    t.equal(code, 0, stderr)
    t.match(stderr, 'apt-get install espeak-ng')
    t.match(stdout, /rows +4\n/)
    t.match(stdout, /delivered +3\n/)
    t.match(stdout, /landlines: 1 called\n +1 delivered\n/)
    t.match(stdout, 'the counts add up')
    const folder = join(/report of every message: (.*)\/report\.csv/.exec(stdout)![1]!)
    t.ok(existsSync(join(folder, 'data')), 'kept')
    t.equal(heardFiles(join(folder, 'heard')), 1)
    rmSync(folder, { recursive: true, force: true })
  },
)

/** Resolves to the URL that serve prints when it is ready. */
async function listening(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stderr! })) {
    const url = /listens on (http:\S+)/.exec(line)?.[1]
    if (url !== undefined) return url
  }
  throw new Error('serve ended')
}

t.test('serve makes its admin key, answers, and exits 0 at SIGTERM', async (t) => {
  const cwd = t.testdir({ 'trunkline.yaml': 'http: { port: 0 }\nlogLevel: warn\n' })
  const child = spawn('env', [...plainNode, cli, 'serve'], { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => child.kill('SIGKILL'))
  const url = await listening(child)
  const keyFile = join(cwd, 'trunkline-data', 'admin.key')
  t.equal(statSync(keyFile).mode & 0o077, 0, 'for its owner only')
  const { statusCode } = await request(`${url}/healthz`)
  t.equal(statusCode, 200)
  const carriers = await run(['carriers', '--json', '--url', url, '--key', readFileSync(keyFile, 'utf8').trim()])
  t.strictSame(JSON.parse(carriers.stdout).items, [])
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  t.strictSame(await ended, [0, null])
})
