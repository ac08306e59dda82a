/** A public corpus of CSV files with what is in them (csv-spectrum), as other readers are held to. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { EngineError } from '../src/engine/contract/errors.js'
import type { SniffResult } from '../src/engine/contract/ingest.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import { sniff } from '../src/ingest/dialect.js'
import { openSource } from '../src/ingest/open-source.js'
import { RECORD } from '../src/ingest/record-source.js'

const corpus = path.dirname(fileURLToPath(import.meta.resolve('csv-spectrum')))
const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-corpus-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const ENCODINGS = ['utf8', 'utf16le', 'utf16be'] as const

function encoded(text: string, encoding: (typeof ENCODINGS)[number]): Buffer {
  if (encoding === 'utf8') return Buffer.from(text)
  const bytes = Buffer.from(`\ufeff${text}`, 'utf16le')
  return encoding === 'utf16be' ? bytes.swap16() : bytes
}

/** Its quotes stand inside fields that are not quoted: RFC 4180 forbids it, and so do we unless we are told. */
const STRAY_QUOTES = new Set(['location_coordinates'])

/** One golden of the corpus is a bare object, and has another telephone number than its own file. */
function rowsIn(golden: Record<string, string>[] | Record<string, string>, name: string): Record<string, string>[] {
  if (Array.isArray(golden)) return golden
  return name === 'location_coordinates' ? [{ ...golden, 'Contact Phone Number': '2095257564' }] : [golden]
}

function look(bytes: Buffer, relaxQuotes = false): SniffResult {
  const file = path.join(folder, 'file.csv')
  writeFileSync(file, bytes)
  // The first column stands for the number: what is in the fields is all that matters here.
  const columns = { to: 1 }
  return sniff({
    path: file,
    available: bytes.length,
    complete: true,
    csv: { relaxQuotes },
    columns,
    labelsNeeded: true,
  })
}

/** Objects by label, as the corpus has them. */
function rowsOf(bytes: Buffer, { dialect, columns }: SniffResult): Record<string, string>[] {
  const source = openSource(dialect)
  source.reset(bytes.subarray(dialect.dataStart), bytes.length - dialect.dataStart, 'final')
  const rows: Record<string, string>[] = []
  while (source.next() === RECORD) {
    if (source.blank) continue
    if (source.problem !== 0) throw new Error(reasonCode(source.problem))
    rows.push(Object.fromEntries(columns.labels.map((label, column) => [label, source.text(column)])))
  }
  return rows
}

const names = readdirSync(path.join(corpus, 'csvs')).map((name) => path.parse(name).name)
t.ok(names.length >= 12, `${names.length} files`)

for (const name of names) {
  t.test(`csv-spectrum: ${name}`, async (t) => {
    const text = readFileSync(path.join(corpus, 'csvs', `${name}.csv`), 'utf8')
    const golden = path.join(corpus, 'json', `${name}.json`)
    t.ok(existsSync(golden))
    const wanted = rowsIn(JSON.parse(readFileSync(golden, 'utf8')), name)
    for (const encoding of ENCODINGS) {
      const bytes = encoded(text, encoding)
      const isStray = STRAY_QUOTES.has(name)
      if (isStray) t.throws(() => rowsOf(bytes, look(bytes)), { message: 'STRAY_QUOTE' })
      const found = look(bytes, isStray)
      t.equal(found.dialect.encoding, encoding)
      t.same(rowsOf(bytes, found), wanted, encoding)
    }
    t.throws(() => look(Buffer.alloc(0)), EngineError)
  })
}
