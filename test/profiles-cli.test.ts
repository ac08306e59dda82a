/** `trunkline profile`, and profiles in `send` and `check`, as a shell sees them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { check } from '../src/cli/check.js'
import type { Command } from '../src/cli/command.js'
import { profile } from '../src/cli/profile.js'
import type { SampleView } from '../src/engine/contract/sample.js'
import { type Run, run } from './cli-run.js'
import { startHarness } from './engine-harness.js'

t.setTimeout(580_000)

const harness = await startHarness()
const folder = mkdtempSync(join(tmpdir(), 'trunkline-profiles-'))
t.teardown(async () => {
  await harness.stop()
  rmSync(folder, { recursive: true })
})
const { engine, url } = harness.server
const { key } = await engine.createKey('acme')

function cli(...args: string[]): Promise<Run> {
  return run(args, { cwd: folder, env: { TRUNKLINE_URL: url, TRUNKLINE_KEY: key } })
}

function file(name: string, content: string | Buffer): string {
  writeFileSync(join(folder, name), content)
  return name
}

const clinic = [
  'Name;Mobile;Appointment;Code',
  'Ann;07400123456;30/11/2098;#001',
  'Bob;07400123457;01/12/2098;1',
  'Nobody;12;02/12/2098;#001',
].join('\r\n')

t.test('a profile is proposed from a sample, with the rows as they would be sent and every doubt', async (t) => {
  const sample = file('clinic-2026-11.csv', clinic)
  const { code, stdout, stderr } = await cli(
    'profile',
    '--from',
    sample,
    '--text',
    'Hi ~name~, see you on ~appointment~.',
  )
  t.equal(code, 0, stderr)
  t.match(stdout, 'profile clinic, as proposed')
  t.match(stdout, '"filePattern": "clinic-*.csv"')
  t.match(stdout, 'Hi Ann, see you on 30/11/2098.')
  t.match(stdout, /1 of 3 rows of the sample would not be sent: INVALID_NUMBER/)
  t.match(stdout, /\[KEYWORD_NOT_USED\]/)
  t.match(stdout, /\[DATE_NOT_USED\]/, 'an appointment is not the time of sending')
  t.match(stderr, 'nothing is saved yet')
  t.same(engine.profiles.list(harness.principal, { limit: 1 }).items, [])
})

t.test('what was proposed is corrected in a file, saved, listed and shown', async (t) => {
  const sample = file('clinic-2026-11.csv', clinic)
  const proposal = await cli('profile', '--from', sample, '--text', 'Hi', '--json')
  const view = JSON.parse(proposal.stdout) as SampleView
  view.settings.priority = 'high'
  const proposed = file('proposal.json', JSON.stringify(view))
  const saved = await cli(
    'profile',
    '--from',
    sample,
    '--settings',
    proposed,
    '--text',
    'Hi ~name~',
    '--save',
    '--json',
  )
  t.match(JSON.parse(saved.stdout), { saved: true, settings: { priority: 'high', text: 'Hi ~name~' } }, saved.stderr)
  t.match((await cli('profile')).stdout, /clinic +clinic-\*\.csv +Hi ~name~/)
  t.match((await cli('profile', 'clinic')).stdout, /^clinic, changed .*\n\{[\s\S]*"priority": "high"/)
})

t.test('a job and a dry run take the same settings', async (t) => {
  await engine.templates.put(harness.principal, 'welcome', { text: 'Welcome ~name~', keyword: '#001' })
  const rows = file('rows.csv', clinic)
  const settings = {
    csv: { header: true },
    columns: { to: 'Mobile', keyword: 'Code' },
    defaultCountry: 'GB',
    filePattern: 'c*',
  }
  const name = file('keywords.json', JSON.stringify({ name: 'keywords', settings, createdAt: '', updatedAt: '' }))
  await engine.profiles.put(harness.principal, 'keywords', settings)
  const sent = await cli('send', rows, '--profile', 'keywords', '--json')
  t.equal(sent.code, 0, sent.stderr)
  const job = JSON.parse(sent.stdout)
  t.match(job.counts, { rows: 3, accepted: 2, rejected: 1, delivered: 2 })

  const { items } = engine.templates.list(harness.principal, { limit: 50 })
  const templates = file('templates.json', JSON.stringify({ items }))
  const dry = await cli('check', rows, '--settings', name, '--templates', templates, '--json')
  t.equal(dry.code, 0, dry.stderr)
  const report = JSON.parse(dry.stdout)
  t.match(report.counts, { rows: 3, accepted: 2, rejected: 1 })
  t.same(report.rejectedByReason, job.rejectedByReason)
  t.equal(report.preview[1].text, 'Welcome Bob')
})

t.test('of a large or packed file the first rows are taken', async (t) => {
  const lines = Array.from({ length: 400_000 }, (_, row) => `0740${String(row).padStart(7, '0')},Ann`)
  const large = file('large.csv.gz', gzipSync(`mobile,name\n${lines.join('\n')}\n`, { level: 1 }))
  const { code, stdout, stderr } = await cli('profile', '--from', large, '--text', 'Hi ~name~', '--json')
  t.equal(code, 0, stderr)
  const { counts, name, file: about, rejectedByReason } = JSON.parse(stdout) as SampleView
  t.equal(name, 'large')
  t.ok(about.bytes <= 4 << 20 && about.bytes > (4 << 20) - 100)
  t.ok(counts.rows > 200_000)
  t.notOk('TOO_FEW_COLUMNS' in rejectedByReason, 'no record is cut')
})

t.test('wrong use is told', async (t) => {
  const refused = (command: Command, ...args: string[]) => command.run(args).catch((error: Error) => error)
  const own = ['--key', key, '--url', url]
  const sample = join(folder, file('1.csv', clinic))
  const cases: [unknown, RegExp][] = [
    [await refused(profile, '--save', ...own), /--save needs --from/],
    [await refused(profile, '--from', 'none.csv', ...own), /none\.csv cannot be read \(ENOENT\)/],
    [await refused(profile, '--from', sample, ...own), /give --name/],
    [await refused(profile, 'x', '--from', sample, ...own), /--name x/],
    [await refused(check, sample, '--template', 'welcome'), /--templates/],
  ]
  for (const [error, message] of cases) t.match(error, { message })
})
