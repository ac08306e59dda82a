/** Whole files through the real worker pool into a real store: what becomes of each row, and the same whatever the way. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { parse } from 'csv-parse/sync'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { RoutePlan } from '../src/engine/contract/ingest.js'
import { checkFile } from '../src/ingest/check.js'
import { markDuplicates } from '../src/ingest/duplicates.js'
import { GB_ROUTE, type Harness, messagesOf, rejectsOf, runJob, startHarness } from './ingest-job.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)

let one: Harness
let two: Harness
let job = 0
t.before(() => {
  one = startHarness(1)
  two = startHarness(2)
})
t.teardown(async () => {
  await one.close()
  await two.close()
})

const LANDLINE_ROUTE: RoutePlan = { ...GB_ROUTE, route: 2, channel: 'voice', prefix: '44', carrier: 'pbx' }

/** Rows as [line, column, code] of rejects.csv. */
async function codes(harness: Harness, run: Awaited<ReturnType<typeof runJob>>): Promise<string[][]> {
  const rows: string[][] = parse(await rejectsOf(harness.store, run))
  t.same(rows[0], ['line', 'column', 'code', 'reason', 'record'])
  return rows.slice(1).map(([line, column, code]) => [line!, column!, code!])
}

t.test('every row ends accepted or in rejects.csv with line, column and code', async (t) => {
  const content = [
    'name,Mobile,when',
    'Ann,+447712345678,',
    '"Bob ""B""",07712 345 679,2026-12-01T10:00:00+01:00',
    '',
    ',,',
    'Cy,12,',
    '=cmd,abc,',
    ',07712345680,',
    'Dup,0044 7712 345678,',
    '5" pipe,07712345681,',
    '"multi',
    'line",07712345682,',
    'few,07712345683',
    'more,07712345684,,',
    'more,07712345685,,x',
    'date,07712345686,01/02/2026',
    'land,+442079460000,',
    'prem,+449098790000,',
    'gone,07712345687,',
    'sci,4.47712E+11,',
    `long,07712345688,"${'x'.repeat(20_000)}"`,
    'empty,,',
    '"open,07712345689,',
    'last,07712345690,',
  ].join('\r\n')
  const run = await runJob(one, {
    job: ++job,
    content,
    settings: { text: 'Hi ~name~', columns: { sendAt: 'when' }, validForSeconds: 3600 },
    plan: { suppressed: Float64Array.of(447712345687) },
  })
  t.match(run.sums, { records: 22, skipped: 2, expanded: 20, rows: 20, accepted: 6, rejected: 13, suppressed: 1 })
  t.match(run.duplicates, { duplicates: 1, parts: 1, scheduled: 0, kinds: [{ rows: 1, parts: 1 }] })
  t.match(run.sums, { scheduled: 0, lines: 22 })
  t.same(
    messagesOf(one.store, job).map((line) => line.replace(/^\d+ /, '')),
    [
      '447712345678 Hi Ann 0 1800003601',
      '447712345679 Hi Bob "B" 1796115600 1800003601',
      '447712345678 Hi Dup 0 1800003601 duplicate',
      '447712345682 Hi multi\r\nline 0 1800003601',
      '447712345684 Hi more 0 1800003601',
      '447712345690 Hi last 0 1800003601',
    ],
  )
  t.same(await codes(one, run), [
    ['6', '2', 'INVALID_NUMBER'],
    ['7', '2', 'INVALID_NUMBER'],
    ['8', '1', 'MISSING_FIELD'],
    ['9', '2', 'DUPLICATE'],
    ['10', '1', 'STRAY_QUOTE'],
    ['13', '', 'TOO_FEW_COLUMNS'],
    ['15', '', 'EXTRA_COLUMNS'],
    ['16', '3', 'BAD_DATE'],
    ['17', '2', 'NO_ROUTE'],
    ['18', '2', 'PREMIUM_NUMBER'],
    ['19', '2', 'SUPPRESSED'],
    ['20', '2', 'PHONE_SCIENTIFIC'],
    ['21', '3', 'FIELD_TOO_LONG'],
    ['22', '2', 'MISSING_NUMBER'],
    ['23', '1', 'UNCLOSED_QUOTE'],
  ])
  const text = await rejectsOf(one.store, run)
  t.match(text, `"'=cmd,abc,"`, 'a formula is made inert')
  t.match(text, '"name: A label of the text')
  const raw = await rejectsOf(one.store, run, true)
  t.ok(raw.startsWith('Cy,12,\r\n=cmd,abc,\r\n,07712345680,\r\nDup,0044 7712 345678,\r\n5" pipe,'))
  t.ok(raw.endsWith('"open,07712345689,\r\n'))
})

t.test('several recipient columns: the first valid, or a row each', async (t) => {
  const content = 'a,b,c\n12,07712345678,07712345679\n,,\n"",,x\n07712345680,,\n'
  const columns = { phones: ['a', 'b', 3] }
  const first = await runJob(one, { job: ++job, content, settings: { columns } })
  t.match(first.sums, { records: 4, skipped: 1, expanded: 3, rows: 3, accepted: 2, rejected: 1 })
  const all = await runJob(one, { job: ++job, content, settings: { columns: { ...columns, phonesMode: 'all' } } })
  t.match(all.sums, { records: 4, skipped: 1, expanded: 3, rows: 5, accepted: 3, rejected: 2 })
  t.same(await codes(one, all), [
    ['2', '1', 'INVALID_NUMBER'],
    ['4', '3', 'INVALID_NUMBER'],
  ])
})

t.test('text comes from its column, from the template of a keyword, or from the job', async (t) => {
  const content =
    'to,key,body,name\n07712345678,#1,,Ann\n07712345679,#9,,Bo\n07712345680,,"Own ~name~",Cy\n07712345681,,,Di\n'
  const run = await runJob(one, {
    job: ++job,
    content,
    settings: { text: 'Job ~name~', columns: { keyword: 'key', text: 'body' } },
    plan: { templates: { '#1': 'One ~name~' }, routes: [GB_ROUTE, LANDLINE_ROUTE] },
  })
  t.same(
    messagesOf(one.store, job).map((line) => line.split(' ').slice(2, 4).join(' ')),
    ['One Ann', 'Own ~name~', 'Job Di'],
  )
  t.same(await codes(one, run), [['3', '2', 'TEMPLATE_UNKNOWN']])
})

const HARD = ['="00447712345000"', "'07712345001", '+44 (0)7712-345002', '4.47E+11', '', 'x', '٠٧٧١٢٣٤٥٠٠٣']

function hardFile(random: Random, rows: number, stray: number): string {
  let text = 'mobile,name,note\n'
  for (let row = 0; row < rows; row++) {
    const number = random.below(12) === 0 ? HARD[random.below(HARD.length)]! : `077123${45000 + random.below(rows)}`
    const note = ['plain', '"two\nlines, quoted"', '"say ""hi"""', '', 'ünïcode'][random.below(5)]
    const name = random.below(rows) < stray ? ['5" pipe', '"open', '"a"b'][random.below(3)] : `N${row}`
    text += `${number},${name},${note}${['\n', '\r\n', '\r'][random.below(3)]}`
    if (random.below(40) === 0) text += '\n'
  }
  return text
}

t.test('the same result with any range size and any number of workers, with stray quotes too', async (t) => {
  const random = new Random(seed)
  for (let round = 0; round < 6; round++) {
    const content = hardFile(random, 300, round % 2 === 0 ? 0 : 1.5)
    const settings = { text: 'Hi ~name|you~ ~note|-~' }
    const results: unknown[] = []
    let sequential = 0
    for (const [harness, rangeBytes] of [
      [one, 1 << 20],
      [two, 200],
      [two, 1000],
      [one, 333],
    ] as const) {
      const run = await runJob(harness, { job: ++job, content, settings, rangeBytes })
      if (run.sequential) sequential++
      const { rows, accepted, rejected, suppressed } = run.sums as Record<string, number>
      t.equal(rows, accepted! + rejected! + suppressed!)
      t.equal(run.sums.records, run.sums.skipped! + run.sums.expanded!)
      const raw = await rejectsOf(harness.store, run, true)
      const rejects = await rejectsOf(harness.store, run)
      results.push({ sums: run.sums, found: run.duplicates, messages: messagesOf(harness.store, job), raw, rejects })
    }
    t.comment(`round ${round}: ${sequential} of 4 in sequence`)
    for (const result of results.slice(1)) t.strictSame(result, results[0], `round ${round}`)
    const file = path.join(one.dataDir, 'check.csv')
    writeFileSync(file, content)
    const report = await checkFile({ path: file, settings, defaultCountry: 'GB', routes: [GB_ROUTE] })
    const first = results[0] as { sums: Record<string, number>; found: { duplicates: number; parts: number } }
    t.match(report.counts, {
      rows: first.sums.rows,
      accepted: first.sums.accepted! - first.found.duplicates,
      duplicate: first.found.duplicates,
      rejected: first.sums.rejected,
      parts: first.sums.parts! - first.found.parts,
    })
    t.equal(report.preview.length, 12)
  }
})

t.test('ingest that was broken off goes on behind the last range and ends with the same content', async (t) => {
  const content = hardFile(new Random(seed + 7), 400, 0)
  const whole = await runJob(one, { job: ++job, content, rangeBytes: 500 })
  const [messages, rejects] = [messagesOf(one.store, job), await rejectsOf(one.store, whole)]
  one.store.discard(job, 9)
  const rest = await runJob(one, { job, content, rangeBytes: 500 })
  t.same(rest.sums, whole.sums)
  t.same(rest.duplicates, whole.duplicates)
  t.same(messagesOf(one.store, job), messages)
  t.equal(await rejectsOf(one.store, rest), rejects)
  t.same(markDuplicates(one.store, job, { numbersPerPass: 10 }), whole.duplicates, 'again, in many passes')
  t.same(messagesOf(one.store, job), messages)
  for (const { blocks } of [...one.store.ranges(job)])
    for (const block of blocks) one.store.environment.marks.removeSync(block)
  t.same(markDuplicates(one.store, job, { numbersPerPass: 10 }), whole.duplicates, 'from nothing, in many passes')
  t.same(messagesOf(one.store, job), messages)
  one.store.discard(job)
  const again = await runJob(one, { job, content, rangeBytes: 700 })
  t.same(again.sums, whole.sums)
  t.same(messagesOf(one.store, job), messages)
})

t.test('a file of one endless row is one rejected row, in bounded steps', async (t) => {
  const content = Buffer.alloc(6 << 20, 'x')
  content.write('to,name\n07712345678,Ann\n')
  const run = await runJob(one, { job: ++job, content })
  t.match(run.sums, { rows: 2, accepted: 1, rejected: 1 })
  t.equal(run.sequential, true)
  content.write('\n07712345679,Bob', content.length - 16)
  const ended = await runJob(one, { job: ++job, content })
  t.match(ended.sums, { rows: 3, accepted: 2, rejected: 1, lines: 2 })
  t.same(await codes(one, ended), [['3', '', 'ROW_TOO_LONG']])
})

t.test('UTF-16, Windows-1252 and other dialects end as the same file in UTF-8 does', async (t) => {
  const content = 'name;Mobile\r\nZoë;07712345678\r\n"a;b";07712345679\r\nbad;1\r\n\r\nZoë;07712345678\r\n'
  const settings = { text: 'Hi ~name~' }
  const texts = (found: string[]) => found.map((line) => line.replace(/^\d+ /, ''))
  const plain = await runJob(one, { job: ++job, content, settings })
  const expected = [plain.sums, texts(messagesOf(one.store, job)), await rejectsOf(one.store, plain)]
  const sixteen = Buffer.from(`\ufeff${content}`, 'utf16le')
  for (const [name, bytes] of Object.entries({
    bom: Buffer.from(`\ufeff${content}`),
    utf16le: sixteen,
    utf16be: Buffer.from(sixteen).swap16(),
    unmarked: sixteen.subarray(2),
    windows1252: Buffer.from(content, 'latin1'),
  })) {
    const run = await runJob(one, { job: ++job, content: bytes, settings, rangeBytes: 40 })
    t.same([run.sums, texts(messagesOf(one.store, job)), await rejectsOf(one.store, run)], expected, name)
  }
})

t.test('what is wrong with a file or a template comes out of the pool as an EngineError', async (t) => {
  const refused = (content: string, settings: object) => runJob(one, { job: ++job, content, settings })
  await t.rejects(refused('PK\x03\x04', {}), { name: 'EngineError', code: 'FILE_NOT_CSV', message: /Excel/ })
  await t.rejects(refused('to\n07712345678\n', { text: '~nobody~' }), { code: 'TEMPLATE_LABEL_UNKNOWN' })
  await t.rejects(refused('to\n07712345678\n', { columns: { to: 'x' } }), { code: 'COLUMN_UNKNOWN', message: /"to"/ })
})

t.test('preview renders the first rows and says why a row is refused', async (t) => {
  const run = await runJob(one, {
    job: ++job,
    content: 'to,name\n07712345678,Ann\n12,Bob\n',
    settings: { text: 'Hi ~name~' },
  })
  const { rows } = (await one.pool.run({
    kind: 'preview',
    plan: run.plan,
    available: 34,
    complete: true,
    rows: 12,
  })) as {
    rows: object[]
  }
  t.match(rows, [
    {
      row: 1,
      line: 2,
      to: '+447712345678',
      channel: 'sms',
      text: 'Hi Ann',
      encoding: 'gsm7',
      parts: 1,
      carrier: 'acme',
      reason: null,
    },
    { row: 2, line: 3, to: '12', reason: 'INVALID_NUMBER', parts: 0 },
  ])
})
