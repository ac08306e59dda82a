/** Files as customers really send them, through the whole engine: each ends the same in the dry run as in the job. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t, { type Test } from 'tap'
import type { JobView } from '../src/engine/contract/api.js'
import type { RoutePlan } from '../src/engine/contract/ingest.js'
import type { Counts, JobSettings } from '../src/engine/contract/job.js'
import { checkFile } from '../src/ingest/check.js'
import { sendJob, startHarness, textOf } from './engine-harness.js'

const harness = await startHarness()
const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-files-'))
t.teardown(async () => {
  await harness.stop()
  rmSync(folder, { recursive: true })
})

const routes: RoutePlan[] = [
  { route: 1, channel: 'sms', prefix: '', carrier: 'sim', alphabet: 'gsm7', longMessages: 'udh' },
]
const summed = ['records', 'skipped', 'expanded', 'rows', 'accepted', 'rejected', 'suppressed', 'duplicate'] as const

function sums(counts: Counts): number[] {
  return [...summed, 'parts' as const].map((name) => counts[name])
}

function tally(codes: string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const code of [...codes].sort()) counts[code] = (counts[code] ?? 0) + 1
  return counts
}

interface Outcome {
  job: JobView
  /** `line code` of each reject in file order. */
  rejects: string[]
  raw: string
}

/** The job on hold, so that nothing is sent and its counts stand still; and the same file in the dry run. */
async function both(t: Test, file: Buffer | string, settings: JobSettings): Promise<Outcome> {
  const bytes = Buffer.from(file as string)
  const name = path.join(folder, 'file.csv')
  writeFileSync(name, bytes)
  const job = await sendJob(harness, { ...settings, review: true }, bytes)
  const { counts } = job
  t.equal(counts.rows, counts.accepted + counts.rejected + counts.suppressed + counts.duplicate)
  t.equal(counts.records, counts.expanded + counts.skipped)
  const dry = await checkFile({ path: name, settings, defaultCountry: 'GB', routes })
  t.same(sums(dry.counts), sums(counts), 'the dry run comes to the same')
  const { engine } = harness.server
  const csv = await textOf(engine.rejects(harness.principal, job.id, false))
  const codes = [...csv.matchAll(/^(\d+),\d*,([A-Z_]+),/gm)].map(([, line, code]) => `${line} ${code}`)
  t.same(dry.rejectedByReason, job.rejectedByReason)
  t.same(dry.estimate, job.estimate)
  t.same(dry.rejectedByReason, tally(codes.map((line) => line.split(' ')[1]!)), 'as rejects.csv says')
  return { job, rejects: codes, raw: await textOf(engine.rejects(harness.principal, job.id, true)) }
}

async function textsOf(outcome: Outcome): Promise<string[]> {
  const { items } = await harness.server.engine.jobMessages(harness.principal, outcome.job.id, { limit: 200 })
  return items.map(({ text }) => text)
}

const hi: JobSettings = { text: 'Hi ~name~' }
const table = [
  ['to', 'name'],
  ['07400123456', 'Ann'],
  ['+44 7400 123457', 'Zoë, "Z" Müller'],
  ['00447400123456', 'Ann again'],
  ['0740012', 'short'],
]
function csv(delimiter: string, lineEnd: string, final = true): string {
  const lines = table.map((cells) => cells.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(delimiter))
  return lines.join(lineEnd) + (final ? lineEnd : '')
}
function utf16be(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16()
}

t.test('one table in every dialect is one result', async (t) => {
  const files: [string, Buffer | string][] = [
    ['plain', csv(',', '\n')],
    ['semicolon, CRLF', csv(';', '\r\n')],
    ['tab, CR alone', csv('\t', '\r')],
    ['pipe, no final newline', csv('|', '\n', false)],
    ['byte order mark', `\ufeff${csv(',', '\n')}`],
    ['sep=', `sep=;\r\n${csv(';', '\r\n')}`],
    ['UTF-16 LE with mark', Buffer.from(`\ufeff${csv('\t', '\r\n')}`, 'utf16le')],
    ['UTF-16 BE with mark', utf16be(`\ufeff${csv(',', '\n')}`)],
    ['UTF-16 LE without', Buffer.from(csv(',', '\n'), 'utf16le')],
    ['UTF-16 BE without', utf16be(csv(';', '\n', false))],
    ['Windows-1252', Buffer.from(csv(',', '\n'), 'latin1')],
  ]
  for (const [name, file] of files) {
    const outcome = await both(t, file, hi)
    t.same(sums(outcome.job.counts), [4, 0, 4, 4, 2, 1, 0, 1, 2], name)
    const shift = name === 'sep=' ? 1 : 0
    t.same(outcome.rejects, [`${4 + shift} DUPLICATE`, `${5 + shift} INVALID_NUMBER`], name)
    t.same(await textsOf(outcome), ['Hi Ann', 'Hi Zoë, "Z" Müller'], name)
  }
})

t.test('bad records cost themselves, with their line, and come back as they were', async (t) => {
  const bad = [
    '07400123458,5" pipe\n',
    '07400123459,"a"b\n',
    '07400123460\n',
    '07400123461,x,y\n',
    `07400123462,${'v,'.repeat(300)}\n`,
    `07400123463,${'x'.repeat(1_000_000)}\n`,
    `07400123464,${'x'.repeat(20_000)}\n`,
    '07400123465,bell \u0007\n',
    '07400123466,\n',
    '4.47701E+11,s\n',
    '07400 123456 x12,e\n',
    '020 7183 8750,landline\n',
    '0906 123 4567,premium\n',
    '80800,short code\n',
    '4594727998,ten digits are not Danish here\n',
    '+99912345678,nowhere\n',
    '=cmd|x,formula\n',
  ]
  const good = ['to,name\n', '07400123456,"two\r\nlines"\n', '\n', ',\n', '="07400123457",Bob,\n']
  const outcome = await both(t, `${good.join('')}${bad.join('')}٠٧٤٠٠١٢٣٤٦٧,Arabic\n`, hi)
  t.same(
    outcome.rejects,
    [
      'STRAY_QUOTE',
      'STRAY_QUOTE',
      'TOO_FEW_COLUMNS',
      'EXTRA_COLUMNS',
      'TOO_MANY_COLUMNS',
      'ROW_TOO_LONG',
      'FIELD_TOO_LONG',
      'BODY_INVALID',
      'MISSING_FIELD',
      'PHONE_SCIENTIFIC',
      'PHONE_EXTENSION',
      'NO_ROUTE',
      'PREMIUM_NUMBER',
      'INVALID_NUMBER',
      'INVALID_NUMBER',
      'UNSUPPORTED_COUNTRY',
      'INVALID_NUMBER',
    ].map((code, index) => `${7 + index} ${code}`),
  )
  t.equal(outcome.raw, bad.join(''))
  t.same(await textsOf(outcome), ['Hi two\r\nlines', 'Hi Bob', 'Hi Arabic'])
})

t.test('a quote that is never closed costs one row of a hundred thousand', async (t) => {
  const lines = Array.from({ length: 100_000 }, (_, row) => `+4474${String(row).padStart(8, '0')},N${row}\n`)
  lines[50_000] = '+447499999999,"never closed\n'
  const outcome = await both(t, `to,name\n${lines.join('')}`, hi)
  t.same(outcome.rejects, ['50002 UNCLOSED_QUOTE'])
  t.equal(outcome.job.counts.accepted, 99_999)
})

t.test('what is no table is refused by name', async (t) => {
  const files: [Buffer | string, string, RegExp][] = [
    ['', 'FILE_EMPTY', /no bytes/],
    ['\ufeff', 'FILE_EMPTY', /./],
    ['to,name\r\n', 'FILE_EMPTY', /header and no rows/],
    [Buffer.from('PK\u0003\u0004…'), 'FILE_NOT_CSV', /xlsx/],
    [Buffer.from([0x1f, 0x8b, 8, 0]), 'FILE_NOT_CSV', /gzip/],
    ['%PDF-1.7\n', 'FILE_NOT_CSV', /PDF/],
    ['<!DOCTYPE html>\n<table>', 'FILE_NOT_CSV', /HTML/],
    ['[{"to":"07400123456"}]', 'FILE_NOT_CSV', /JSON/],
    [Buffer.from([0xff, 0xfe, 0, 0, 0x74, 0, 0, 0]), 'FILE_NOT_CSV', /UTF-32/],
    ['to,name\n07400123456,a\u0000b\n', 'FILE_NOT_CSV', /NUL/],
    [`to${',c'.repeat(300)}\n1${',v'.repeat(300)}\n`, 'FILE_NOT_CSV', /256 columns/],
    ['to,name,Name \n1,2,3\n', 'COLUMN_UNKNOWN', /twice/],
    ['a,b\nx,y\n', 'RECIPIENT_COLUMN_MISSING', /columns\.to/],
    ['to\n07400123456\n', 'TEMPLATE_LABEL_UNKNOWN', /name/],
  ]
  for (const [file, code, detail] of files) {
    await t.rejects(sendJob(harness, hi, Buffer.from(file as string)), { code, message: detail }, code)
  }
})

t.test('columns: several phones, own texts, own times, positions, fallbacks', async (t) => {
  const phones = 'p1,p2,n\n07400123456,07400123457,a\nbad,07400123458,b\n,,c\n07400123456,07400123456,d\n'
  const settings: JobSettings = { text: 'Hi ~n~', columns: { phones: ['p1', 2] } }
  t.same(sums((await both(t, phones, settings)).job.counts), [4, 0, 4, 4, 2, 1, 0, 1, 2])
  const all: JobSettings = { ...settings, columns: { ...settings.columns, phonesMode: 'all' } }
  t.same(sums((await both(t, phones, all)).job.counts), [4, 0, 4, 7, 3, 2, 0, 2, 3])

  const rows = [
    '07400123456,Ann,,',
    '07400123457,,,',
    '07400123458,x,own ~name~,',
    '07400123459,x,,tomorrow',
    `07400123460,x,${'y'.repeat(400)},`,
    '07400123461,x,Γειά σου κόσμε 😀,',
    '07400123462,=1+1,,2099-01-01T09:00:00+01:00',
  ]
  const text = { text: 'Dear ~name|friend~ ~~ ~3|~!', columns: { text: 'own', sendAt: 4 }, maxParts: 2 }
  const outcome = await both(t, `to,name,own,when\n${rows.join('\n')}`, text)
  t.same(outcome.rejects, ['5 BAD_DATE', '6 TOO_LONG'])
  t.equal(outcome.job.counts.scheduled, 1)
  t.same((await textsOf(outcome)).sort(), [
    'Dear =1+1 ~ !',
    'Dear Ann ~ !',
    'Dear friend ~ !',
    'own ~name~',
    'Γειά σου κόσμε 😀',
  ])

  const zones =
    'to,when,tz\n07400123456,2099-07-01 09:00,Europe/London\n07400123457,2099-07-01 09:00,\n07400123458,2099-07-01 09:00,Nowhere\n'
  const zoned = await both(t, zones, { text: 'x', columns: { sendAt: 'when', timeZone: 'tz' } })
  t.same(zoned.rejects, ['4 BAD_DATE'])
  t.equal(zoned.job.counts.scheduled, 2)
  t.match(
    zoned.job.file?.warnings,
    [/^1 times have no offset and were read as times of UTC/],
    'what was assumed is said',
  )

  const bare = 'Ann,07400123456\nBob,07400123457\n'
  const positions = await both(t, bare, { text: 'Hi ~1~', csv: { header: false }, columns: { to: 2 } })
  t.same(await textsOf(positions), ['Hi Ann', 'Hi Bob'])
  t.same(positions.job.file?.warnings, [], 'what was set is no guess')
  t.match(positions.job.file?.columns, { phones: [2], text: null, guessed: [] }, 'positions count from 1')
  t.same(await textsOf(await both(t, bare, { text: 'Hi ~param0~' })), ['Hi Ann', 'Hi Bob'], 'found by itself')
})

t.test('suppressed in any spelling, duplicates when wanted, a country for the job', async (t) => {
  const file = 'to\n07400 123456\n+447400123456\n07400123457\n'
  const suppressed = await both(t, file, { text: 'x', suppressed: ['0044 (0)7400 123456'] })
  t.same(sums(suppressed.job.counts), [3, 0, 3, 3, 1, 0, 2, 0, 1])
  t.same(suppressed.rejects, ['2 SUPPRESSED', '3 SUPPRESSED'])
  t.equal((await both(t, file, { text: 'x', deduplicate: false })).job.counts.accepted, 3)
  const french = await both(t, 'to\n0612345678\n', { text: 'x', defaultCountry: 'FR' })
  t.equal(french.job.counts.accepted, 1)
  t.equal((await both(t, 'to\n0612345678\n', { text: 'x' })).job.counts.rejected, 1, 'the account is British')
})
