/** How a file's dialect and columns are decided, and what is refused before a row is read. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { ByPrefix } from '../src/engine/base/by-prefix.js'
import { csvCell } from '../src/engine/base/csv-cell.js'
import { DateFormat } from '../src/engine/base/date-format.js'
import { turnAt } from '../src/engine/base/zone.js'
import { EngineError } from '../src/engine/contract/errors.js'
import type { RoutePlan, SniffResult } from '../src/engine/contract/ingest.js'
import type { ColumnSettings, CsvSettings } from '../src/engine/contract/job.js'
import { cutRanges } from '../src/ingest/cut.js'
import { sniff } from '../src/ingest/dialect.js'
import { parseLocalTime } from '../src/ingest/local-time.js'
import { parseSendTime } from '../src/ingest/send-time.js'
import { GB_ROUTE } from './ingest-job.js'

const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-dialect-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
const file = path.join(folder, 'file.csv')

function look(content: string | Buffer, columns: ColumnSettings = {}, csv: CsvSettings = {}): SniffResult {
  writeFileSync(file, content)
  const available = Buffer.byteLength(content as string)
  return sniff({ path: file, available, complete: true, csv, columns, labelsNeeded: true })
}

function codeOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof EngineError) return error.code
    throw error
  }
  return 'none'
}

const NUMBER = '+447712345678'

t.test('the delimiter is the one that the records agree on, outside quotes', async (t) => {
  t.equal(look(`to;name\n${NUMBER};"a,b,c"\n${NUMBER};"d,e,f"\n`).dialect.delimiter, ';')
  t.equal(look(`to\tname\n${NUMBER}\ta,b\n`).dialect.delimiter, '\t')
  t.equal(look(`to|name\n${NUMBER}|x\n`).dialect.delimiter, '|')
  t.equal(look(`to\n${NUMBER}\n`).dialect.delimiter, ',')
  t.equal(look(`${NUMBER};1,5;2,5\n${NUMBER};3,0;0,5\n`).dialect.delimiter, ';', 'decimal commas are no delimiters')
  t.equal(look(`"${NUMBER}";"1,5";2,5;3,5\n`).dialect.delimiter, ';', 'also beside quotes')
  t.equal(look(`${NUMBER};Hi, Ann, you\n`).dialect.delimiter, ';', 'nor are those of sentences')
  t.match(look(`to;a,b\n${NUMBER};x,y\n`, {}, { delimiter: ';' }).dialect, { delimiter: ';', guessed: ['header'] })
})

t.test('sep= says the delimiter and is no row', async (t) => {
  const { dialect } = look(`\ufeffsep=;\r\nto;a,b,c\r\n${NUMBER};x\r\n`)
  t.match(dialect, { delimiter: ';', bodyStart: 10, dataStart: 20, linesBefore: 2 })
})

t.test('the encoding comes from the mark, the NUL pattern or a whole UTF-8 check; a guess is said', async (t) => {
  const text = `to,name\r\n${NUMBER},Zoë\r\n`
  const wide = Buffer.from(text, 'utf16le')
  t.match(look(`\ufeff${text}`).dialect, { encoding: 'utf8', bodyStart: 3, parser: 'fast' })
  t.match(look(wide).dialect, { encoding: 'utf16le', bodyStart: 0, dataStart: 18, parser: 'general' })
  t.match(look(Buffer.from(wide).swap16()).dialect, { encoding: 'utf16be' })
  const western = look(Buffer.from(text, 'latin1'))
  t.match(western.dialect, { encoding: 'windows1252', parser: 'fast' })
  t.ok(western.dialect.guessed.includes('encoding'))
  t.match(western.warnings, [/windows1252, which was guessed/])
  const broken = Buffer.from(`${'é,'.repeat(40)}${NUMBER},X\n`)
  broken[broken.indexOf('X')] = 0xe9
  t.match(
    look(broken, { to: 41 }, { header: false }).dialect,
    { encoding: 'utf8' },
    'one bad octet is not a new encoding',
  )
  t.match(look(`to,name\n${NUMBER},ZoÃ«\n`).warnings, [/UTF-8 twice/])
})

t.test('an encoding may be called as the registry calls it', async (t) => {
  for (const [encoding, found] of [
    ['UTF-8', 'utf8'],
    ['utf-16le', 'utf16le'],
    ['ISO-8859-1', 'latin1'],
    ['windows-1252', 'windows1252'],
  ] as const) {
    const text = `to,name\n${NUMBER},x\n`
    const content = found === 'utf16le' ? Buffer.from(text, 'utf16le') : text
    t.match(look(content, {}, { encoding }).dialect, { encoding: found }, encoding)
  }
})

t.test('what is no CSV is refused with what it is', async (t) => {
  for (const [content, message] of [
    ['PK\x03\x04xx', /Excel/],
    ['%PDF-1.4', /PDF/],
    [Buffer.from([0x1f, 0x8b, 8]), /gzip/],
    [Buffer.from([0xd0, 0xcf, 0x11, 0xe0]), /xls/],
    ['to\n+44\0\0\0', /NUL/],
    [Buffer.concat([Buffer.from('\ufeffto\n', 'utf16le'), Buffer.from('x')]), /odd/],
  ] as [string | Buffer, RegExp][]) {
    t.throws(() => look(content), { code: 'FILE_NOT_CSV', message })
  }
  t.equal(
    codeOf(() => look('')),
    'FILE_EMPTY',
  )
  t.equal(
    codeOf(() => look('\n\n')),
    'FILE_EMPTY',
  )
  t.equal(
    codeOf(() => look('to,name\n')),
    'FILE_EMPTY',
  )
})

t.test('a first record or a delimiter that cannot be read is refused', async (t) => {
  t.throws(() => look(`${'x'.repeat(70_000)}\n`), { code: 'FILE_NOT_CSV' })
  t.throws(() => look(`${'x'.repeat(5 << 20)}\n`), { code: 'FILE_NOT_CSV', message: /64 KiB/ })
  for (const delimiter of ['', '"', '\n']) {
    t.throws(() => look(`to\n${NUMBER}\n`, {}, { delimiter }), { code: 'VALIDATION' })
  }
})

t.test('a first row with a phone number is data', async (t) => {
  const bare = look(`Ann,07712345678,x\nBob,07712345679,y\n`)
  t.match(bare.dialect, { header: false, dataStart: 0, linesBefore: 0 })
  t.match(bare.columns, { labels: ['1', '2', '3'], phones: [1], guessed: ['to'] })
  t.match(bare.columns.fields, { 1: 0, param0: 0, param2: 2 })
  t.match(bare.warnings, [/without a header/])
  t.equal(look('code\n07712345678\n', { to: 1 }, { header: false }).dialect.header, false)
  t.equal(
    codeOf(() => look('a,b\nc,d\n', {}, { header: false })),
    'RECIPIENT_COLUMN_MISSING',
  )
})

t.test('the recipient column is found by its label, whatever its case, accents and spaces', async (t) => {
  for (const label of ['to', ' Phone ', 'Téléphone mobile'.slice(0, 9), 'MSISDN', 'Mobile Number', 'Handy', 'Tel.']) {
    const { columns } = look(`name,${label}\nx,${NUMBER}\n`)
    t.same(columns.phones, [1], label)
  }
  t.same(look(`phone,to\n${NUMBER},${NUMBER}\n`).columns.phones, [1], 'the best label wins')
  t.equal(
    codeOf(() => look(`name,kontakt\nx,${NUMBER}\n`)),
    'RECIPIENT_COLUMN_MISSING',
  )
  for (const label of [
    'Mob.',
    'Contact No',
    'Phone 1',
    'Numéro de téléphone',
    'Номер телефона',
    '手机号码',
    'رقم الهاتف',
    'फ़ोन',
  ]) {
    t.same(look(`name,${label}\nAnn,${NUMBER}\n`).columns.phones, [1], label)
  }
  t.same(look(`Number,Teléfono\n12,${NUMBER}\n`).columns.phones, [1], 'the more telling label wins')
})

t.test('columns are named by label or position from 1, and unknown ones are refused with what there is', async (t) => {
  const content = `Name,Phone,Text,2\nx,${NUMBER},y,z\n`
  const { columns } = look(content, { to: 2, text: 'text', fields: { first: 'NAME', second: '2' } })
  t.match(columns, { phones: [1], text: 2, guessed: [] })
  t.match(columns.fields, { first: 0, second: 3, Name: 0, name: 0, param1: 1, 1: 0, 2: 3, 3: 2 })
  t.throws(() => look(content, { to: 9 }), { code: 'COLUMN_UNKNOWN', message: /"Name", "Phone"/ })
  t.throws(() => look(content, { fields: { x: 'nope' } }), { code: 'COLUMN_UNKNOWN' })
  t.throws(() => look('Phone, phone\n1,2\n'), { code: 'COLUMN_UNKNOWN', message: /twice/ })
  const odd = look(`__proto__,constructor,to,,\nx,y,${NUMBER},,\n`).columns
  t.same(odd.labels, ['__proto__', 'constructor', 'to'])
  t.ok(Object.hasOwn(odd.fields, '__proto__'))
  t.same(look(`to,,b\n${NUMBER},1,2\n`).columns.labels, ['to', '_2', 'b'])
})

t.test('cuts depend on the content alone, not on how much had arrived', async (t) => {
  const rows = Array.from({ length: 500 }, (_, index) => `${index},"a\n""b""",c${'x'.repeat(index % 40)}\r\n`)
  const content = Buffer.from(rows.join(''))
  writeFileSync(file, content)
  const { dialect } = look(content, { to: 1 }, { header: false })
  const shape = { path: file, dialect, rangeBytes: 300, slackBytes: 200 }
  const whole = cutRanges({ ...shape, start: 0, firstRange: 0, available: content.length, complete: true }).ranges
  const pieces: typeof whole = []
  let next = 0
  for (let available = 0; available <= content.length; available += 37) {
    const cut = cutRanges({ ...shape, start: next, firstRange: pieces.length, available, complete: false })
    pieces.push(...cut.ranges)
    next = cut.next
  }
  pieces.push(
    ...cutRanges({ ...shape, start: next, firstRange: pieces.length, available: content.length, complete: true })
      .ranges,
  )
  t.same(pieces, whole)
  t.equal(whole.at(-1)!.end, content.length)
  t.same(
    whole.filter(({ last }) => last),
    [whole.at(-1)],
  )
  for (const { end } of whole) t.equal(content.toString('latin1', end - 2, end), '\r\n')
})

t.test('the longest prefix wins, and of two alike the first', async (t) => {
  const route = (number: number, prefix: string): RoutePlan => ({ ...GB_ROUTE, route: number, prefix })
  const table = new ByPrefix([route(1, '44'), route(2, '447'), route(3, ''), route(4, '44')])
  const find = (digits: string) => table.find('sms', digits)?.route
  t.same([find('447712'), find('442079'), find('4915'), find('4')], [2, 1, 3, 3])
  t.equal(table.find('voice', '447712'), null)
  t.equal(new ByPrefix([route(1, '44')]).find('sms', '4915'), null)
})

t.test('times have a zone or are refused', async (t) => {
  t.equal(parseSendTime('2026-11-22T09:00:00+00:00'), 1795338000)
  t.equal(parseSendTime(' 2026-11-22 10:00+01:00 '), 1795338000)
  t.equal(parseSendTime('2026-11-22T09:00:00.5Z'), 1795338000)
  for (const text of [
    '2026-11-22T09:00:00',
    '01/02/2026',
    '2026-02-30T10:00Z',
    '2026-11-22T24:00Z',
    '1960-01-01T00:00Z',
  ]) {
    t.equal(parseSendTime(text), -1, text)
  }
})

t.test(
  'a time without an offset is one of its zone; skipped hours move forward, of doubled ones the first counts',
  async (t) => {
    const at = (text: string, zone: string) => {
      const seconds = parseLocalTime(text, zone)
      return seconds < 0 ? 'refused' : new Date(seconds * 1000).toISOString()
    }
    t.equal(at('2026-07-01 09:00', 'Europe/London'), '2026-07-01T08:00:00.000Z')
    t.equal(at('2026-12-01T09:00:30', 'Europe/London'), '2026-12-01T09:00:30.000Z')
    t.equal(at('2026-07-01T09:00', 'America/New_York'), '2026-07-01T13:00:00.000Z')
    t.equal(at('2026-07-01T00:15', 'Asia/Kathmandu'), '2026-06-30T18:30:00.000Z')
    t.equal(at('2026-03-29T01:30', 'Europe/London'), '2026-03-29T01:30:00.000Z', 'shown as 02:30')
    t.equal(at('2026-10-25T01:30', 'Europe/London'), '2026-10-25T00:30:00.000Z', 'the first of two')
    t.equal(at('2026-03-08T02:30', 'America/New_York'), '2026-03-08T07:30:00.000Z', 'shown as 03:30')
    t.equal(at('2026-11-01T01:30', 'America/New_York'), '2026-11-01T05:30:00.000Z')
    t.equal(at('2026-02-31T01:30', 'Europe/London'), 'refused')
    t.equal(at('01/02/2026 09:00', 'Europe/London'), 'refused')
    t.equal(at('2026-07-01 09:00', 'Europe/Londres'), 'refused')
  },
)

t.test('times are read in the format that the settings name, and in no other', async (t) => {
  const at = (format: string, text: string) => {
    const compiled = DateFormat.compile(format)
    if (typeof compiled === 'string') return compiled
    const seconds = compiled.wallSeconds(text)
    return Number.isNaN(seconds) ? 'refused' : new Date(seconds * 1000).toISOString().slice(0, 19)
  }
  t.equal(at('DD/MM/YYYY HH:mm', '01/02/2026 09:30'), '2026-02-01T09:30:00')
  t.equal(at('MM/DD/YYYY HH:mm', '01/02/2026 09:30'), '2026-01-02T09:30:00')
  t.equal(at('D.M.YYYY H:mm:ss', '1.12.2026 9:30:15'), '2026-12-01T09:30:15')
  t.equal(at('M/D/YYYY h:mm A', '12/1/2026 12:05 am'), '2026-12-01T00:05:00')
  t.equal(at('M/D/YYYY h:mm A', '12/1/2026 1:05 PM'), '2026-12-01T13:05:00')
  for (const text of [
    '1/2/2026 09:30',
    '01/02/2026',
    '31/02/2026 09:30',
    '01/02/2026 24:00',
    '01-02-2026 09:30',
    'x',
  ]) {
    t.equal(at('DD/MM/YYYY HH:mm', text), 'refused', text)
  }
  t.equal(at('DD/MM/YYYY HH', ''), 'does not name the minute')
  t.equal(at('MM/YYYY', ''), 'does not name the day')
  t.equal(at('DD/MM/YYYY h:mm', ''), 'does not name A, for AM and PM')
  t.equal(at('DD/MM/YYYY HH:mm x', ''), 'has x, which stands for nothing')
  t.equal(at('DD/DD/YYYY HH:mm', ''), 'names the day twice')
  t.equal(turnAt(Date.UTC(2026, 2, 29, 1, 30) / 1000, 'Europe/London'), 'skipped')
  t.equal(turnAt(Date.UTC(2026, 9, 25, 1, 30) / 1000, 'Europe/London'), 'repeated')
  t.equal(turnAt(Date.UTC(2026, 9, 25, 2, 30) / 1000, 'Europe/London'), 'none')
  t.equal(turnAt(Date.UTC(2026, 9, 25, 0, 30) / 1000, 'Europe/London'), 'none')
})

t.test('exported cells are inert', async (t) => {
  for (const text of ['=1+1', '+44', '-1', '@x', '\tx', '\rx', '\nx', '"=1', '\u00a0=1', '＝1']) {
    t.equal(csvCell(text), `"'${text.replaceAll('"', '""')}"`)
  }
  t.equal(csvCell('a "b"'), '"a ""b"""')
})
