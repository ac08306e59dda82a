/** CSV to rows and to durable blocks: the byte scanner beside csv-parse, and a whole file through the worker pool. */
import { mkdtempSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse } from 'csv-parse/sync'
import { parsePhoneNumberFromString } from 'libphonenumber-js/max'
import type { IngestTask, JobPlan, RangeResult, SniffResult } from '../src/engine/contract/ingest.js'
import { DEFAULT_NUMBER_RULES } from '../src/engine/contract/number-rules.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { cutRanges } from '../src/ingest/cut.js'
import { RECORD } from '../src/ingest/record-source.js'
import { Scanner } from '../src/ingest/scanner.js'
import { type IngestPool, startIngestPool } from '../src/ingest-pool.js'
import { type BenchOptions, type BenchRow, median, rates } from './bench.js'

const ROWS = 500_000
const SAMPLE_ROWS = 50_000
/** The plain libraries read a few tens of thousands of rows a second. */
const PLAIN_ROWS = 10_000
const WORKERS = 2
const ROUNDS = 3
const INGEST_ROUNDS = 2
const TEXT = 'Dear ~name~, please remember your appointment. Call us if you cannot come.'

/** Rows of about 88 octets with a quoted field each. */
function sampleFile(rows: number): Buffer {
  const lines = ['mobile,name,address,appointment\r\n']
  for (let row = 0; row < rows; row++) {
    const number = 7_700_000_000 + ((row * 7919) % 1_000_000) + 10_000_000
    lines.push(
      `+44${number},Name ${row % 997},"${row % 200} High Street, Some Town",2026-11-22 at ${row % 24}:00 sharp\r\n`,
    )
  }
  return Buffer.from(lines.join(''))
}

export async function bench(options: BenchOptions = {}): Promise<BenchRow[]> {
  const sample = sampleFile(SAMPLE_ROWS)
  const rounds = options.quick ? 1 : ROUNDS
  const few = sampleFile(PLAIN_ROWS)
  const candidates = { scanner: () => scanAll(sample), csvParse: () => parse(sample).length, plain: () => plainly(few) }
  const parsed = rates(candidates, rounds)
  const ingest = await ingestRate(options.quick ? SAMPLE_ROWS : ROWS)
  return [
    { name: 'csv-parse', value: parsed.csvParse!, unit: 'rows/s' },
    { name: 'csv-parse + libphonenumber-js', value: parsed.plain!, unit: 'rows/s' },
    {
      name: 'byte scanner',
      value: parsed.scanner!,
      unit: 'rows/s',
      ratioTo: 'csv-parse',
      ratio: parsed.scanner! / parsed.csvParse!,
    },
    {
      name: `CSV to durable blocks, ${WORKERS} workers`,
      value: ingest,
      unit: 'rows/s',
      ratioTo: 'csv-parse + libphonenumber-js',
      ratio: ingest / parsed.plain!,
    },
  ]
}

/** Numbers and texts of a file as one would do it with the plain libraries: nothing is cut into parts or stored. */
function plainly(bytes: Buffer): number {
  let valid = 0
  for (const [mobile, name] of parse(bytes, { from_line: 2 }) as string[][]) {
    const number = parsePhoneNumberFromString(mobile!, 'GB')
    if (number?.isValid() && TEXT.replace('~name~', name!).length > 0) valid++
  }
  return valid
}

function scanAll(bytes: Buffer): number {
  const scanner = new Scanner('utf8', ',')
  scanner.reset(bytes, bytes.length, 'final')
  let rows = 0
  while (scanner.next() === RECORD) rows++
  return rows
}

/** Median rows per second of a whole job, duplicates included; a warm-up apart. */
async function ingestRate(rowCount: number): Promise<number> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-bench-'))
  const file = path.join(dataDir, 'bench.csv')
  const bytes = sampleFile(rowCount)
  await writeFile(file, bytes)
  const environment = openEnvironment(dataDir)
  const pool = startIngestPool(WORKERS, { dataDir, numbers: new BlockNumbers({ first: 1 }).buffer })
  try {
    const seen: number[] = []
    for (let round = 0; round <= INGEST_ROUNDS; round++) {
      const start = process.hrtime.bigint()
      const rows = await ingestAll(pool, { job: round + 1, path: file, size: bytes.length })
      const seconds = Number(process.hrtime.bigint() - start) / 1e9
      if (round > 0) seen.push(rows / seconds)
    }
    return median(seen)
  } finally {
    await pool.close()
    await environment.root.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function ingestAll(pool: IngestPool, file: { job: number; path: string; size: number }): Promise<number> {
  const task: IngestTask = {
    kind: 'sniff',
    path: file.path,
    available: file.size,
    complete: true,
    csv: {},
    columns: {},
    labelsNeeded: true,
  }
  const { dialect, columns } = (await pool.run(task)) as SniffResult
  const plan: JobPlan = {
    job: file.job,
    account: 1,
    path: file.path,
    settings: { from: 'BENCH' },
    text: TEXT,
    templates: {},
    dialect,
    columns,
    routes: [{ route: 1, channel: 'sms', prefix: '', carrier: 'bench', alphabet: 'gsm7', longMessages: 'udh' }],
    defaultCountry: null,
    timeZone: 'UTC',
    prices: null,
    suppressed: null,
    createdSeconds: 0,
    rules: DEFAULT_NUMBER_RULES,
  }
  const shape = { path: file.path, start: dialect.dataStart, firstRange: 0, available: file.size, complete: true }
  const { ranges } = cutRanges(shape)
  const results = await Promise.all(ranges.map((bounds) => pool.run({ kind: 'range', plan, bounds })))
  await pool.run({ kind: 'duplicates', job: file.job })
  return (results as RangeResult[]).reduce((rows, { record }) => rows + record.accepted, 0)
}
