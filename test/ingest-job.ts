/** Runs a whole file through the real pool of ingest workers into a real LMDB store, as the main thread does. */

import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type {
  DuplicatesResult,
  IngestTask,
  JobPlan,
  RangeBounds,
  RangeResult,
  RoutePlan,
  SniffResult,
} from '../src/engine/contract/ingest.js'
import type { JobSettings } from '../src/engine/contract/job.js'
import { blankMessage } from '../src/engine/contract/message.js'
import { DEFAULT_NUMBER_RULES } from '../src/engine/contract/number-rules.js'
import { BlockReader } from '../src/engine/store/block.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { textOf } from '../src/engine/text/segment.js'
import { cutRanges } from '../src/ingest/cut.js'
import { rejectsCsv } from '../src/ingest/rejects-csv.js'
import { type IngestPool, startIngestPool } from '../src/ingest-pool.js'

export const GB_ROUTE: RoutePlan = {
  route: 1,
  channel: 'sms',
  prefix: '',
  carrier: 'acme',
  alphabet: 'gsm7',
  longMessages: 'udh',
}

export interface Harness {
  dataDir: string
  store: LmdbStore
  pool: IngestPool
  close(): Promise<void>
}

export function startHarness(workers: number): Harness {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'trunkline-ingest-'))
  const environment = openEnvironment(dataDir)
  const numbers = new BlockNumbers({ first: LmdbStore.nextBlock(environment) })
  const store = new LmdbStore(environment, numbers)
  const pool = startIngestPool(workers, { dataDir, numbers: numbers.buffer })
  const close = async () => {
    await pool.close()
    await store.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
  return { dataDir, store, pool, close }
}

export interface JobRun {
  plan: JobPlan
  sniffed: SniffResult
  /** Sums over the range records. */
  sums: Record<string, number>
  duplicates: DuplicatesResult
  sequential: boolean
}

export interface JobFile {
  content?: string | Buffer
  path?: string
  settings?: JobSettings
  rangeBytes?: number
  job?: number
  plan?: Partial<JobPlan>
}

export async function runJob(harness: Harness, file: JobFile): Promise<JobRun> {
  const { store, pool } = harness
  const job = file.job ?? 1
  const settings: JobSettings = { text: 'Hello', ...file.settings }
  const filePath = file.path ?? path.join(harness.dataDir, `job-${job}.csv`)
  if (file.content !== undefined) writeFileSync(filePath, file.content)
  const available = statSync(filePath).size
  const run = <T>(task: IngestTask) => pool.run(task) as Promise<T>
  const sniffed = await run<SniffResult>({
    kind: 'sniff',
    path: filePath,
    available,
    complete: true,
    csv: settings.csv ?? {},
    columns: settings.columns ?? {},
    labelsNeeded: true,
  })
  const plan: JobPlan = {
    job,
    account: 7,
    path: filePath,
    settings,
    text: settings.text,
    templates: {},
    dialect: sniffed.dialect,
    columns: sniffed.columns,
    routes: [GB_ROUTE],
    defaultCountry: 'GB',
    timeZone: 'UTC',
    prices: null,
    suppressed: null,
    createdSeconds: 1_800_000_000,
    rules: DEFAULT_NUMBER_RULES,
    ...file.plan,
  }
  const first = nextStart(store, job, sniffed.dialect.dataStart)
  let sequential = sniffed.dialect.parser === 'general'
  if (!sequential) {
    const { ranges } = cutRanges({
      path: filePath,
      start: first.start,
      firstRange: first.range,
      available,
      complete: true,
      rangeBytes: file.rangeBytes,
    })
    const results = await Promise.all(ranges.map((bounds) => run<RangeResult>({ kind: 'range', plan, bounds })))
    const bad = results.findIndex(({ misaligned }) => misaligned)
    if (bad >= 0) {
      store.discard(job, bad + first.range)
      sequential = true
    }
  }
  if (sequential) await runInSequence(harness, plan, file.rangeBytes ?? 1 << 20)
  const duplicates = await run<DuplicatesResult>({ kind: 'duplicates', job })
  return { plan, sniffed, sums: sumsOf(store, job), duplicates, sequential }
}

function nextStart(store: LmdbStore, job: number, dataStart: number): { range: number; start: number } {
  const stored = [...store.ranges(job)].at(-1)
  return stored === undefined ? { range: 0, start: dataStart } : { range: stored.range + 1, start: stored.end }
}

async function runInSequence({ store, pool }: Harness, given: JobPlan, rangeBytes: number): Promise<void> {
  const plan: JobPlan = { ...given, dialect: { ...given.dialect, parser: 'general' } }
  const size = statSync(plan.path).size
  let wish = rangeBytes
  for (;;) {
    const { range, start } = nextStart(store, plan.job, plan.dialect.dataStart)
    if (start >= size) return
    const end = Math.min(start + wish, size)
    const bounds: RangeBounds = { range, start, end, last: end === size }
    const { record } = (await pool.run({ kind: 'range', plan, bounds })) as RangeResult
    // Nothing whole in it: only the end of the file can tell.
    wish = record.end === start ? size : rangeBytes
  }
}

const SUMMED = [
  'lines',
  'records',
  'skipped',
  'expanded',
  'rows',
  'accepted',
  'rejected',
  'suppressed',
  'parts',
] as const

export function sumsOf(store: LmdbStore, job: number): Record<string, number> {
  store.environment.root.resetReadTxn()
  const sums: Record<string, number> = Object.fromEntries([...SUMMED, 'scheduled'].map((name) => [name, 0]))
  let end = -1
  for (const record of store.ranges(job)) {
    if (end >= 0 && record.start !== end) throw new Error(`range ${record.range} does not follow`)
    end = record.end
    for (const name of [...SUMMED, 'scheduled' as const]) sums[name]! += record[name]
  }
  return sums
}

/** Every message of a job as text, by place in the file: `offset number text due expires [duplicate]`. */
export function messagesOf(store: LmdbStore, job: number): string[] {
  // Workers have written since this turn began.
  store.environment.root.resetReadTxn()
  const found: { offset: number; order: number; text: string }[] = []
  const message = blankMessage()
  for (const range of store.ranges(job)) {
    for (const block of range.blocks) {
      const reader = new BlockReader(store.block(block)!)
      const marks = store.marks(block)
      for (let place = 0; place < reader.count; place++) {
        if (!reader.read(place, message)) throw new Error('corrupt record')
        let text = ''
        for (let part = 0; part < message.partCount; part++) {
          const start = message.partStarts[part]!
          text += textOf(message.bytes, start, start + message.partLengths[part]!, message)
        }
        const offset = range.start + reader.facts(place).offset
        const facts = `${reader.dueSeconds(place)} ${message.expiresAtSeconds}`
        const mark = marks !== null && (marks[place >> 3]! & (1 << (place & 7))) !== 0 ? ' duplicate' : ''
        found.push({ offset, order: found.length, text: `${offset} ${reader.digits(place)} ${text} ${facts}${mark}` })
      }
    }
  }
  return found.sort((a, b) => a.offset - b.offset || a.order - b.order).map(({ text }) => text)
}

export async function rejectsOf(store: LmdbStore, run: JobRun, raw = false): Promise<string> {
  const { job, path, dialect, columns } = run.plan
  const pieces: Buffer[] = []
  for await (const piece of rejectsCsv({ store, job, path, dialect, columns }, raw)) pieces.push(Buffer.from(piece))
  return Buffer.concat(pieces).toString()
}
