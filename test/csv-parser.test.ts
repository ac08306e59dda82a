/** The byte scanner against csv-parse, and what it does where csv-parse gives up. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse } from 'csv-parse/sync'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { Dialect } from '../src/engine/contract/ingest.js'
import { limits } from '../src/engine/contract/limits.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { cutRanges } from '../src/ingest/cut.js'
import { GeneralParser } from '../src/ingest/general.js'
import { openSource } from '../src/ingest/open-source.js'
import { type Edge, INCOMPLETE, RECORD, type RecordSource } from '../src/ingest/record-source.js'
import { Scanner } from '../src/ingest/scanner.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)

interface Read {
  cells: string[]
  problem: string
  line: number
  bytes: string
  blank: boolean
}

function readAll(source: RecordSource, input: string | Buffer, edge: Edge = 'final'): Read[] {
  const bytes = Buffer.from(input as string)
  source.reset(bytes, bytes.length, edge)
  const found: Read[] = []
  while (source.next() === RECORD) {
    const cells = Array.from({ length: source.fields }, (_, column) => source.text(column))
    found.push({
      cells,
      problem: reasonCode(source.problem),
      line: source.line + 1,
      bytes: bytes.toString('latin1', source.offset, source.offset + source.length),
      blank: source.blank,
    })
  }
  return found
}

const scan = (input: string | Buffer, edge?: Edge) => readAll(new Scanner('utf8', ','), input, edge)
const general = (input: string | Buffer, shape: { delimiter?: string; quote?: string } = {}, edge?: Edge) =>
  readAll(
    new GeneralParser({ encoding: 'utf8', delimiter: ',', quote: '"', relaxQuotes: false, ...shape }),
    input,
    edge,
  )

function oracle(input: string): string[][] | null {
  try {
    return parse(Buffer.from(input), {
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
    })
  } catch {
    return null
  }
}

const PIECES = ['a', 'é', '+447712345678', ' ', '', '""', 'x y', '😀', 'long '.repeat(9), "'", '\u00a0']
const ENDS = ['\n', '\r\n', '\r']

function generate(random: Random): string {
  let text = ''
  const records = random.below(12)
  for (let record = 0; record < records; record++) {
    const fields = 1 + random.below(5)
    for (let field = 0; field < fields; field++) {
      if (field > 0) text += ','
      const piece = PIECES[random.below(PIECES.length)]!
      if (random.below(3) === 0 || piece.includes('"')) {
        const inner = random.below(3) === 0 ? `${piece},${ENDS[random.below(3)]!}${piece}` : piece
        text += `"${inner}"`
      } else text += piece
    }
    text += record === records - 1 && random.below(2) === 0 ? '' : ENDS[random.below(3)]!
  }
  return text
}

function mutate(text: string, random: Random): string {
  const at = random.below(text.length + 1)
  const kinds = [
    () => text.slice(0, at) + text.slice(at + 1),
    () => text.slice(0, at) + text.charAt(at) + text.slice(at),
    () => `${text.slice(0, at)}"${text.slice(at)}`,
    () => `${text.slice(0, at)},${text.slice(at)}`,
    () => `${text.slice(0, at)}\n${text.slice(at)}`,
    () => text.slice(0, at),
  ]
  return kinds[random.below(kinds.length)]!()
}

t.test('the scanner reads every file as csv-parse does, wherever csv-parse can read it', async (t) => {
  const random = new Random(seed)
  let compared = 0
  for (let round = 0; round < 6000; round++) {
    let text = generate(random)
    for (let count = random.below(3); count > 0; count--) text = mutate(text, random)
    const expected = oracle(text)
    const found = scan(text)
    if (found.map(({ bytes }) => bytes).join('') !== Buffer.from(text).toString('latin1')) {
      t.equal(found.map(({ bytes }) => bytes).join(''), text, 'every octet belongs to one record')
      return
    }
    if (expected === null) continue
    compared++
    const cells = found.map((record) => record.cells)
    const clean = found.every(({ problem }) => problem === 'NONE')
    if (!clean || JSON.stringify(cells) !== JSON.stringify(expected)) {
      t.same({ text, cells }, { text, cells: expected })
      return
    }
  }
  t.ok(compared > 2500, `${compared} files compared`)
})

t.test('the general parser and the scanner agree on records, offsets and lines', async (t) => {
  const random = new Random(seed + 1)
  for (let round = 0; round < 1500; round++) {
    const text = generate(random)
    const [a, b] = [scan(text), general(text)]
    if (JSON.stringify(a) !== JSON.stringify(b)) {
      t.same({ text, read: a }, { text, read: b })
      return
    }
  }
  t.pass('the same')
})

t.test(
  'ranges read side by side give the records of one reading, up to the first that says it is misaligned',
  async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-cut-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const file = path.join(folder, 'file.csv')
    const dialect = {} as Dialect
    const random = new Random(seed + 2)
    let misaligned = 0
    for (let round = 0; round < 800; round++) {
      let text = generate(random) + generate(random) + generate(random)
      for (let count = random.below(3); count > 0; count--) text = mutate(text, random)
      const bytes = Buffer.from(text)
      writeFileSync(file, bytes)
      const [rangeBytes, slackBytes] = [20 + random.below(60), 20 + random.below(200)]
      const shape = { path: file, start: 0, firstRange: 0, available: bytes.length, complete: true, dialect }
      const found: string[] = []
      for (const { start, end, last } of cutRanges({ ...shape, rangeBytes, slackBytes }).ranges) {
        const scanner = new Scanner('utf8', ',')
        const records = readAll(scanner, bytes.subarray(start, end), last ? 'final' : 'cut')
        if (scanner.position !== end - start) {
          misaligned++
          break
        }
        found.push(...records.map((record) => `${record.problem} ${record.bytes}`))
      }
      const whole = scan(bytes).map((record) => `${record.problem} ${record.bytes}`)
      if (JSON.stringify(found) !== JSON.stringify(whole.slice(0, found.length))) {
        t.same({ text, found }, { text, found: whole })
        return
      }
    }
    t.ok(misaligned > 10 && misaligned < 700, `${misaligned} of 800 files go on in sequence`)
  },
)

t.test('a bad record costs itself and not its neighbours', async (t) => {
  const cases: [string, string, string[]][] = [
    ['a quote inside a field', 'a,1\n5" pipe,2\nb,3\n', ['NONE', 'STRAY_QUOTE', 'NONE']],
    ['text behind a closing quote', 'a,1\n"x"y,2\nb,3\n', ['NONE', 'STRAY_QUOTE', 'NONE']],
    ['a quote never closed', 'a,1\n"open,2\nb,3\nc,4\n', ['NONE', 'UNCLOSED_QUOTE', 'NONE', 'NONE']],
    ['a quote closed by the next record', 'a,1\n"open,2\n"b",3\nc,4\n', ['NONE', 'UNCLOSED_QUOTE', 'NONE', 'NONE']],
    ['too many columns', `a,1\n${','.repeat(256)}x\nb,3\n`, ['NONE', 'TOO_MANY_COLUMNS', 'NONE']],
    ['a field too long', `a,1\n${'x'.repeat(16_385)},2\nb,3\n`, ['NONE', 'FIELD_TOO_LONG', 'NONE']],
    ['a row too long', `a,1\n${'x,y'.repeat(30_000)}\nb,3\n`, ['NONE', 'ROW_TOO_LONG', 'NONE']],
  ]
  for (const [name, text, problems] of cases) {
    t.same(
      scan(text).map(({ problem }) => problem),
      problems,
      name,
    )
  }
  for (const [name, text, problems] of cases.filter(([name]) => !name.includes('closed by'))) {
    t.same(
      general(text).map(({ problem }) => problem),
      problems,
      `${name} (general)`,
    )
  }
})

t.test('an unclosed quote names its opening line and 64 KiB behind it are read as rows again', async (t) => {
  const rows = Array.from({ length: 8000 }, (_, index) => `row ${index},2`).join('\n')
  const found = scan(`a,1\nb,"open\n${rows}\nlast,"ok"\n`)
  t.match(found[1], { problem: 'UNCLOSED_QUOTE', line: 2, bytes: 'b,"open\n' })
  t.equal(found.length, 8003)
  t.ok(found.every(({ problem }, index) => index === 1 || problem === 'NONE'))
  t.equal(found.at(-1)!.line, 8003)
})

t.test('a record that goes on beyond the bytes at hand is left for the next reading', async (t) => {
  for (const [text, edge, whole] of [
    ['a,1\nb,2', 'open', 1],
    ['a,1\nb,"2\n', 'open', 1],
    ['a,1\nb,2\r', 'open', 1],
    ['a,1\nb,2\r', 'cut', 2],
    ['a,1\nb,"2"', 'cut', 1],
    ['a,1\nb,2', 'final', 2],
  ] as [string, Edge, number][]) {
    t.equal(scan(text, edge).length, whole, `${JSON.stringify(text)} ${edge}`)
    t.equal(general(text, {}, edge).length, whole, `${JSON.stringify(text)} ${edge} (general)`)
  }
  const scanner = new Scanner('utf8', ',')
  const endless = Buffer.alloc(limits.recordBytes + 10, 'x')
  scanner.reset(endless, endless.length, 'open')
  t.equal(scanner.next(), INCOMPLETE)
  t.ok(scanner.overlong)
})

t.test('empty lines, delimiters alone and a final Ctrl-Z are blank; empty quotes are a record', async (t) => {
  const blanks = (found: Read[]) => found.map(({ blank }) => blank)
  const text = 'a,1\n\n,,\n"",\n\x1a'
  t.same(blanks(scan(text)), [false, true, true, false, true])
  t.same(blanks(general(text)), [false, true, true, false, true])
  for (const read of [scan, general]) {
    t.same(blanks(read('a,1\n\x1a\x1a\x1a')), [false, true], 'as many as fill a block of the disk')
    t.same(blanks(read('a,1\n\x1a\x1a\r\n')), [false, true])
    t.same(blanks(read('\x1a\x1a\na,1\n\x1ab')), [false, false, false], 'elsewhere they are no end of the file')
  }
})

t.test('="0044…" is the one quote that may stand inside an unquoted field', async (t) => {
  t.match(scan('="00447712345678",x\n="1"2,y\n'), [
    { cells: ['="00447712345678"', 'x'], problem: 'NONE' },
    { problem: 'STRAY_QUOTE' },
  ])
})

t.test('fields say whether they are text', async (t) => {
  const scanner = new Scanner('utf8', ',')
  const bytes = Buffer.from('ok,é,\ufffd,"tab\t\nline",X,bell\x07\n')
  bytes[bytes.indexOf('X')] = 0xe9
  scanner.reset(bytes, bytes.length, 'final')
  scanner.next()
  t.same(
    [0, 1, 2, 3, 4, 5].map((column) => scanner.sound(column)),
    [true, true, true, true, false, false],
  )
  const western = new Scanner('windows1252', ';')
  const euro = Buffer.from([0x80, 0x3b, 0xe9, 0x3b, 0x81, 0x0a])
  western.reset(euro, euro.length, 'final')
  western.next()
  t.same([western.text(0), western.text(1)], ['€', 'é'])
  t.same(
    [0, 1, 2].map((column) => western.sound(column)),
    [true, true, false],
  )
})

t.test('other quotes, long delimiters and UTF-16 are read with offsets of the file', async (t) => {
  t.same(
    general("a||'x||''y'\nb||2\n", { delimiter: '||', quote: "'" }).map(({ cells }) => cells),
    [
      ['a', "x||'y"],
      ['b', '2'],
    ],
  )
  for (const encoding of ['utf16le', 'utf16be'] as const) {
    const bytes = Buffer.from('é😀;1\r\n\u0a0a;"2\n"\r\nstray"x;3\nend;4', 'utf16le')
    if (encoding === 'utf16be') bytes.swap16()
    const source = openSource({ encoding, delimiter: ';', quote: '"', relaxQuotes: false })
    source.reset(bytes, bytes.length, 'final')
    const rows: [string, number, number, number][] = []
    while (source.next() === RECORD) rows.push([source.text(0), source.offset, source.line, source.problem])
    t.same(
      rows.map(([cell, offset, line, problem]) => [cell, offset, line, reasonCode(problem)]),
      [
        ['é😀', 0, 0, 'NONE'],
        ['\u0a0a', 14, 1, 'NONE'],
        ['stray"x', 30, 3, 'STRAY_QUOTE'],
        ['end', 50, 4, 'NONE'],
      ],
      encoding,
    )
  }
})
