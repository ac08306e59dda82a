/** What a file will cost is said before: the dry run, the draft and its preview come to the same, and to what was in the file. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { check } from '../src/cli/check.js'
import { inWords } from '../src/cli/check-report.js'
import { UsageError } from '../src/cli/command.js'
import { newAccount, withSettings } from '../src/engine/accounts/account-record.js'
import { Random } from '../src/engine/base/random.js'
import type { AccountSettings, JobView } from '../src/engine/contract/api.js'
import type { RoutePlan } from '../src/engine/contract/ingest.js'
import { type Counts, type JobSettings, noCounts } from '../src/engine/contract/job.js'
import { isCountry } from '../src/engine/phone/number.js'
import { type CheckReport, checkFile } from '../src/ingest/check.js'
import { run } from './cli-run.js'
import { sendJob, startHarness, untilState } from './engine-harness.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)

const settings: AccountSettings = {
  defaultCountry: 'GB',
  currency: 'GBP',
  prices: [
    { prefix: '44', price: 0.035 },
    { prefix: '44771', price: '0.041234' },
    { prefix: '49', price: 0.1 },
    { prefix: '1', price: 0 },
  ],
}
const account = withSettings(newAccount({ id: 'acme', number: 0, nowMs: 0 }), settings, isCountry)
const routes: RoutePlan[] = [
  { route: 1, channel: 'sms', prefix: '', carrier: 'sim', alphabet: 'gsm7', longMessages: 'udh' },
]

const harness = await startHarness()
await harness.server.engine.patchAccount('acme', settings)
const folder = mkdtempSync(join(tmpdir(), 'trunkline-check-'))
t.teardown(async () => {
  await harness.stop()
  rmSync(folder, { recursive: true })
})

const stateless = Object.keys(noCounts()).filter((name) => name !== 'partsSent') as (keyof Counts)[]

interface Both {
  dry: CheckReport
  job: JobView
}

/** The same file in the dry run and as a draft: everything that both say is the same. */
async function both(t: Test, file: Buffer | string, job: JobSettings): Promise<Both> {
  const path = join(folder, 'file.csv')
  writeFileSync(path, file)
  const { defaultCountry, prices, currency, timeZone } = account
  const facts = { defaultCountry, prices, currency, timeZone, rules: account, routes }
  const read: number[] = []
  const onProgress = (done: number) => read.push(done)
  const dry = await checkFile({
    path,
    settings: job,
    createdSeconds: Math.floor(Date.now() / 1000),
    onProgress,
    ...facts,
  })
  t.equal(read.at(-1), statSync(path).size)
  const sent = await sendJob(harness, { ...job, review: true }, Buffer.from(file as string))
  const draft = await untilState(harness, sent.id, ['ready'])
  const { engine } = harness.server
  const preview = await engine.preview(harness.principal, draft.id)
  for (const name of stateless) t.equal(dry.counts[name], draft.counts[name], name)
  for (const view of [draft, preview]) {
    t.same(dry.rejectedByReason, view.rejectedByReason)
    t.same(dry.estimate, view.estimate)
    t.same(dry.findings, view.file!.findings)
    t.same(dry.warnings, view.file!.warnings)
    t.same(dry.dialect, { ...view.file!.dialect, parser: dry.dialect.parser })
  }
  t.same(dry.preview, preview.rows)
  const { rejected, suppressed, duplicate, accepted, parts } = draft.counts
  t.equal(sum(Object.values(draft.rejectedByReason)), rejected + suppressed + duplicate)
  for (const split of ['byCountry', 'byChannel', 'byEncoding'] as const) {
    const shares = Object.values(draft.estimate![split])
    t.equal(sum(shares.map(({ rows }) => rows)), accepted)
    t.equal(sum(shares.map(({ parts }) => parts)), parts)
  }
  return { dry, job: draft }
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

/** What the stored messages of the job come to, added up one by one. */
async function priceOfMessages({ job }: Both): Promise<number> {
  let micros = 0
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await harness.server.engine.jobMessages(harness.principal, job.id, { limit: 200, cursor })
    for (const { to, parts } of page.items) {
      const price = account.prices
        .filter(({ prefix }) => to.startsWith(`+${prefix}`))
        .sort((a, b) => b.prefix.length - a.prefix.length)
      micros += (price[0]?.micros ?? 0) * parts
    }
    cursor = page.nextCursor
  }
  return micros / 1_000_000
}

const LONG = 'Your appointment has been moved. '.repeat(6)

t.test('the example file comes to the same as a dry run, as a draft and message by message', async (t) => {
  const file = readFileSync('examples/clinic.csv')
  const result = await both(t, file, {
    text: 'Hi ~name~, see you on ~appointment~. ~note|~',
    columns: { to: 'mobile' },
  })
  t.equal(result.job.counts.rows, 1_000)
  t.equal(result.job.estimate!.price, await priceOfMessages(result))
})

t.test('several phone columns, bad rows, repeated numbers and other encodings come to the same', async (t) => {
  const rows = [
    'Name;Mobil;Privat;Text',
    'Ann;07710 123456;+49 151 12345678;Hello',
    `Zoë;;0049 151 12345678;${LONG}`,
    'Bob;07710123456;020 7946 0000;Grüße – “quoted”',
    'Cy;4,47712E+11;12;x',
    'Di;+1 212 555 0123;+33 6 12 34 56 78;"two\nlines"',
    'Ed;"5" pipe;;x',
    'Flo;07710123457;;',
    ';;;',
    'Gus;07710123458;07710123458;short',
  ]
  const text = `${rows.join('\r\n')}\r\n`
  const job: JobSettings = { columns: { phones: ['Mobil', 'Privat'], text: 'Text' }, suppressed: ['+12125550123'] }
  const files: [string, Buffer][] = [
    ['UTF-8', Buffer.from(text)],
    ['Windows-1252', Buffer.from(text.replaceAll(/[–“”]/g, '-'), 'latin1')],
    ['UTF-16', Buffer.from(`\ufeff${text}`, 'utf16le')],
  ]
  for (const [name, file] of files) {
    for (const phonesMode of ['first', 'all'] as const) {
      for (const deduplicate of [true, false]) {
        const result = await both(t, file, { ...job, deduplicate, columns: { ...job.columns, phonesMode } })
        t.ok(result.job.counts.accepted >= 3, `${name}, ${phonesMode}, ${deduplicate}`)
        t.equal(result.job.estimate!.price, await priceOfMessages(result))
      }
    }
  }
  const words = inWords((await both(t, text, job)).dry)
  t.match(
    words,
    /delimiter: semicolon \(guessed\)[\s\S]*numbers from: Mobil, Privat, the first valid one\ntext from: Text/,
  )
  t.match(words, /\nprice: 0.\d+ GBP\nby country +rows +parts +price\nGB +2 +2 +0.082468\nDE +1 +2 +0.2\n/)
})

t.test('stray and unclosed quotes, which make a file read again in sequence, change no sum', async (t) => {
  const random = new Random(seed)
  const lines = ['to,name']
  for (let row = 0; row < 12_000; row++) {
    const number = 7_710_000_000 + random.below(8_000)
    const name = row % 997 === 0 ? 'A "B" C' : row % 5_003 === 0 ? '"open' : `"Name, ${row}"`
    lines.push(`0${number},${name}`)
  }
  const { job } = await both(t, `${lines.join('\n')}\n`, { text: 'Hi ~name~' })
  t.ok(job.counts.duplicate > 2_000 && job.counts.rejected > 10)
})

t.test('100,000 rows of several countries come to exactly what was written into them', async (t) => {
  const made = makeLarge(new Random(seed), 100_000)
  const { job } = await both(t, made.file, { text: 'Hi ~name~', maxParts: 2 })
  t.same(job.rejectedByReason, made.reasons)
  t.same(job.estimate!.byCountry, made.byCountry)
  t.same(job.estimate!.byEncoding, made.byEncoding)
  t.match(job.estimate, { currency: 'GBP', price: made.price, partsWithoutPrice: made.partsWithoutPrice })
  await harness.restart()
  const again = harness.server.engine.job(harness.principal, job.id)
  t.same([again.estimate, again.rejectedByReason], [job.estimate, job.rejectedByReason], 'also after a restart')
})

const countries = [
  { country: 'GB', prefix: '4474', digits: 8, micros: 35_000 },
  { country: 'DE', prefix: '49151', digits: 8, micros: 100_000 },
  { country: 'FR', prefix: '336', digits: 8, micros: null },
  { country: 'IN', prefix: '9198', digits: 8, micros: null },
]
const names = [
  { name: 'Ann', encoding: 'gsm7', parts: 1 },
  { name: 'Zoë', encoding: 'ucs2', parts: 1 },
  { name: 'Bob', encoding: 'gsm7', parts: 1 },
  { name: 'Cy', encoding: 'gsm7', parts: 1 },
  { name: 'x'.repeat(160), encoding: 'gsm7', parts: 2 },
  { name: `Œ${'x'.repeat(70)}`, encoding: 'ucs2', parts: 2 },
] as const

/** A file, and what it comes to, counted while it is written. */
function makeLarge(random: Random, rows: number) {
  const shares = { country: new Map<string, Sum>(), encoding: new Map<string, Sum>() }
  const reasons = { DUPLICATE: 0, INVALID_NUMBER: 0, TOO_LONG: 0 }
  const lines = ['to,name']
  const seen = new Set<string>()
  for (let row = 0; row < rows; row++) {
    const { country, prefix, digits, micros } = countries[random.below(countries.length)]!
    const number = `+${prefix}${String(random.below(60_000)).padStart(digits, '0')}`
    const { name, encoding, parts } = names[random.below(names.length)]!
    const kind = random.below(50)
    if (kind === 0) {
      lines.push(`+${prefix}1,Bad`)
      reasons.INVALID_NUMBER++
    } else if (kind === 1) {
      lines.push(`${number},${'y'.repeat(400)}`)
      reasons.TOO_LONG++
    } else {
      lines.push(`${number},${name}`)
      if (seen.has(number)) reasons.DUPLICATE++
      else {
        add(shares.country, country, parts, micros)
        add(shares.encoding, encoding, parts, micros)
      }
      seen.add(number)
    }
  }
  const all = [...shares.country.values()]
  return {
    file: `${lines.join('\n')}\n`,
    reasons,
    byCountry: shown(shares.country),
    byEncoding: shown(shares.encoding),
    price: sum(all.map(({ micros }) => micros)) / 1_000_000,
    partsWithoutPrice: sum(all.map(({ parts, priced }) => parts - priced)),
  }
}

interface Sum {
  rows: number
  parts: number
  priced: number
  micros: number
}

function add(shares: Map<string, Sum>, name: string, parts: number, micros: number | null): void {
  const share = shares.get(name) ?? { rows: 0, parts: 0, priced: 0, micros: 0 }
  shares.set(name, share)
  share.rows++
  share.parts += parts
  if (micros === null) return
  share.priced += parts
  share.micros += parts * micros
}

function shown(shares: Map<string, Sum>): object {
  const entries = [...shares].map(([name, { rows, parts, priced, micros }]) => {
    return [name, { rows, parts, price: priced === 0 ? null : micros / 1_000_000 }]
  })
  return Object.fromEntries(entries)
}

t.test('check says what a file costs, by the settings of an account and of a job', async (t) => {
  const rows = ['mobile,work,name', '07400123456,020 7946 0000,Ann', '+33612345678,,Zoë Œ', ',12,Di']
  const account = {
    id: 'acme',
    keys: [],
    createdAt: 'x',
    defaultCountry: 'GB',
    currency: 'GBP',
    prices: [
      { prefix: '44', price: '0.035' },
      { channel: 'voice', price: 1 },
    ],
  }
  const cwd = t.testdir({
    'list.csv.gz': gzipSync(rows.join('\n')),
    'acme.json': JSON.stringify(account),
    'job.json': JSON.stringify({ columns: { phones: ['mobile', 'work'], phonesMode: 'all' }, text: 'no' }),
    'wrong.json': JSON.stringify({ prices: [{ price: -1 }] }),
    'text.json': '[]',
    'trunkline.yaml': [
      'carriers: [{ id: a, protocol: smpp, host: h, port: 1, systemId: s, password: p }]',
      'routes: [{ prefix: "33", carriers: [a] }, { prefix: "44", account: acme, carriers: [a] }]',
    ].join('\n'),
  })
  const args = ['check', 'list.csv.gz', '--text', 'Hi ~name|you~', '--settings', 'job.json']
  const { code, stdout } = await run([...args, '--account', 'acme.json', '--json'], { cwd })
  t.equal(code, 0)
  const { counts, estimate, rejectedByReason, preview } = JSON.parse(stdout)
  t.match(counts, { records: 3, rows: 4, accepted: 2, rejected: 2 })
  t.same(rejectedByReason, { INVALID_NUMBER: 1, NO_ROUTE: 1 })
  t.same(estimate, {
    currency: 'GBP',
    price: 0.035,
    partsWithoutPrice: 1,
    byCountry: { FR: { rows: 1, parts: 1, price: null }, GB: { rows: 1, parts: 1, price: 0.035 } },
    byChannel: { sms: { rows: 2, parts: 2, price: 0.035 } },
    byEncoding: { gsm7: { rows: 1, parts: 1, price: 0.035 }, ucs2: { rows: 1, parts: 1, price: null } },
  })
  t.match(preview, [
    { text: 'Hi Ann', price: 0.035, channel: 'sms' },
    { reason: 'NO_ROUTE', price: null },
    { price: null, encoding: 'ucs2' },
  ])
  const from = (name: string) => join(cwd, name)
  const refused = async (...more: string[]) => {
    const list = [from('list.csv.gz'), '--config', from('trunkline.yaml'), ...more]
    return await check.run(list).then(String, (error) => error)
  }
  const said = ['--text', 'Hi']
  t.match(await refused(...said, '--account', from('wrong.json')), {
    code: 'VALIDATION',
    fields: [{ pointer: '/prices/0/price' }],
  })
  t.match(await refused(...said, '--account', from('text.json')), { message: /must hold a JSON object/ })
  t.match(await refused(...said, '--account', from('gone.json')), { message: /gone.json cannot be read/ })
  t.match(await refused(...said, '--default-country', 'ZZ'), { fields: [{ pointer: '/defaultCountry' }] })
  t.ok((await refused()) instanceof UsageError, 'no text')
})

t.test(
  'check knows emails: subject and HTML of the job and of templates by keyword, without any configuration',
  async (t) => {
    const bill = {
      name: 'bill',
      keyword: '#001',
      text: 'Dear ~Name~',
      subject: 'Bill for ~Name~',
      html: '<p>~Name~</p>',
    }
    const cwd = t.testdir({
      'list.csv': 'E-Mail;Name;Kw\nann@example.com;A<b;#1\nben@example.com;Ben;\nbad@;Cy;\n',
      'job.json': JSON.stringify({ channel: 'email', subject: 'To ~Name~', text: 'Hi', columns: { keyword: 'Kw' } }),
      'templates.json': JSON.stringify({ items: [bill] }),
    })
    const args = ['check', 'list.csv', '--settings', 'job.json', '--templates', 'templates.json']
    const { preview } = JSON.parse((await run([...args, '--json'], { cwd })).stdout)
    t.match(preview, [
      { channel: 'email', subject: 'Bill for A<b', text: 'Dear A<b', html: '<p>A&lt;b</p>', reason: null },
      { channel: 'email', subject: 'To Ben', text: 'Hi', reason: null },
      { reason: 'INVALID_EMAIL' },
    ])
    t.match((await run(args, { cwd })).stdout, /^email from: E-Mail/m)
  },
)

t.test('check refuses what the engine refuses, and names the field that a row lacks', async (t) => {
  const rows = 'mobile,name\n07712345678,\n07712345679,Bo\n'
  const cwd = t.testdir({ 'twice.csv.gz': gzipSync(gzipSync(rows)), 'list.csv': rows })
  const text = ['--text', 'Hi ~name~', '--default-country', 'GB', '--json']
  const twice = await run(['check', 'twice.csv.gz', ...text], { cwd })
  t.match(twice, { code: 1, stderr: /FILE_NOT_CSV: The file is gzip-compressed more than once/ })
  const { preview } = JSON.parse((await run(['check', 'list.csv', ...text], { cwd })).stdout)
  t.match(preview, [
    { line: 2, reason: 'MISSING_FIELD', detail: /^name: A label of the text/ },
    { line: 3, reason: null, detail: null },
  ])
})
