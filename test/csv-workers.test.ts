/** Damaged files through real workers into real stores: the same with one, two and eight of them, and after kills. */
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse } from 'csv-parse/sync'
import t, { type Test } from 'tap'
import { spawnNode } from '../bench/processes.js'
import { Random } from '../src/engine/base/random.js'
import { EngineError } from '../src/engine/contract/errors.js'
import type { SniffResult } from '../src/engine/contract/ingest.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { rejectsCsv } from '../src/ingest/rejects-csv.js'
import { RowMaker } from '../src/ingest/row.js'
import { largeFile, mutated } from './csv-mutators.js'
import { readFile } from './csv-reading.js'
import { type Harness, messagesOf, runJob, startHarness, sumsOf } from './ingest-job.js'
import { arrive, planFor, startRun } from './ingest-running.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)
const WORKERS = [1, 2, 8]
const SMALL_FILES = 70
const LARGE_BYTES = 3 << 19
const KILLED_BYTES = 3 << 20
const KILLS = 3

const folder = mkdtempSync(path.join(tmpdir(), 'trunkline-workers-'))
const harnesses = WORKERS.map((workers) => startHarness(workers))
t.teardown(async () => {
  for (const harness of harnesses) await harness.close()
  rmSync(folder, { recursive: true })
})

interface Stored {
  sums: Record<string, number>
  messages: string[]
  /** line, column, code and record of each. */
  rejects: string[][]
}

async function storedIn(store: LmdbStore, job: number, source: { path: string; sniff: SniffResult }): Promise<Stored> {
  const { dialect, columns } = source.sniff
  const pieces: string[] = []
  for await (const piece of rejectsCsv({ store, job, path: source.path, dialect, columns }, false)) {
    pieces.push(String(piece))
  }
  return { sums: sumsOf(store, job), messages: messagesOf(store, job), rejects: parse(pieces.join('')) }
}

/** The same from a reading in this process, which knows no ranges, workers or store. */
function readHere(
  job: number,
  file: string,
  size: number,
  sniff: SniffResult,
): { messages: string[]; rejects: string[][] } {
  const plan = planFor(job, file, sniff)
  const { rows } = readFile({ plan, maker: new RowMaker(plan), size }, { rangeBytes: 1 << 30 })
  const seen = new Set<string>()
  const messages: string[] = []
  const rejects: string[][] = []
  for (const { code, line, column, offset, number, text, dueSeconds, expiresSeconds } of rows) {
    const isRepeated = code === '' && seen.has(number)
    if (code === '') {
      seen.add(number)
      messages.push(`${offset} ${number} ${text} ${dueSeconds} ${expiresSeconds}${isRepeated ? ' duplicate' : ''}`)
    }
    const place = isRepeated ? plan.columns.phones[0]! + 1 : column
    if (code !== '' || isRepeated) rejects.push([String(line), place === 0 ? '' : String(place), code || 'DUPLICATE'])
  }
  return { messages, rejects }
}

let job = 0

t.test(`${SMALL_FILES} small files, each with 1, 2 and 8 workers and ranges of any size`, async (t) => {
  const random = new Random(seed)
  let refused = 0
  for (let round = 0; round < SMALL_FILES; round++) {
    const { bytes, names } = mutated(random)
    job++
    const file = path.join(folder, `small-${job}.csv`)
    writeFileSync(file, bytes)
    const results: Stored[] = []
    for (const harness of harnesses) {
      const found = await small(harness, file, 1 + random.below(300))
      if (found !== null) results.push(found)
    }
    if (results.length === 0) refused++
    else if (
      results.length !== WORKERS.length ||
      results.some((one) => JSON.stringify(one) !== JSON.stringify(results[0]))
    ) {
      t.same(results.slice(1), [results[0], results[0]], `file ${round} of seed ${seed}: ${names}`)
      return
    }
  }
  t.ok(refused < SMALL_FILES / 2, `${refused} refused as a whole`)
})

/** null: the file is refused whole. */
async function small(harness: Harness, file: string, rangeBytes: number): Promise<Stored | null> {
  try {
    const run = await runJob(harness, { job, path: file, rangeBytes, settings: { text: 'Hi ~2|you~ ~3|-~' } })
    return await storedIn(harness.store, job, { path: file, sniff: run.sniffed })
  } catch (error) {
    if (error instanceof EngineError) return null
    throw error
  }
}

for (const isDamaged of [false, true]) {
  t.test(
    `a ${isDamaged ? 'damaged' : 'sound'} file of 1.5 MiB as it arrives: each number of workers stores the same`,
    async (t) => {
      const random = new Random(seed + (isDamaged ? 1 : 2))
      const bytes = largeFile(random, LARGE_BYTES, isDamaged)
      job++
      for (const [index, { store, pool }] of harnesses.entries()) {
        const file = path.join(folder, `large-${job}-${index}.csv`)
        const run = startRun({ store, pool, job, path: file })
        await arrive(run, file, bytes, random)
        const totals = await run.finished()
        t.equal(totals.rows, totals.accepted + totals.rejected + totals.suppressed + totals.duplicate)
        t.equal(totals.records, totals.expanded + totals.skipped)
        t.equal(run.sniff!.dialect.parser, isDamaged ? 'general' : 'fast', 'it went on in sequence only where it must')
        isSame(t, await storedIn(store, job, { path: file, sniff: run.sniff! }), {
          file,
          size: bytes.length,
          sniff: run.sniff!,
        })
      }
    },
  )
}

function isSame(t: Test, stored: Stored, source: { file: string; size: number; sniff: SniffResult }): void {
  const here = readHere(job, source.file, source.size, source.sniff)
  t.ok(here.messages.length > 1_000 && here.rejects.length > 1_000, `${here.messages.length} messages`)
  t.ok(JSON.stringify(stored.messages) === JSON.stringify(here.messages), 'the messages are those of a plain reading')
  const rejects = stored.rejects.slice(1).map((reject) => reject.slice(0, 3))
  t.ok(JSON.stringify(rejects) === JSON.stringify(here.rejects), 'and so are the rejects')
}

const CHILD = fileURLToPath(new URL('./ingest-until-killed.js', import.meta.url))

/** Starts it anew after each kill; answers how often it was killed. */
async function runToEnd(dataDir: string, file: string, random: Random): Promise<number> {
  for (let kills = 0; ; kills++) {
    const child = spawnNode([CHILD, dataDir, file, String(job)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const exited = once(child, 'exit')
    if (kills < KILLS) {
      // At a range or a moment behind it: while others are read, stored, and duplicates are looked for.
      const lines = createInterface(child.stdout!)
      for (let ranges = random.below(2); ranges >= 0; ranges--) await Promise.race([once(lines, 'line'), exited])
      await sleep(random.below(10))
      child.kill('SIGKILL')
    }
    const [code] = await exited
    if (code === 0) return kills
    if (code !== null) throw new Error(`the child ended with ${code}`)
  }
}

for (const isDamaged of [false, true]) {
  t.test(
    `a ${isDamaged ? 'damaged' : 'sound'} file whose ingest is killed again and again is stored as if it never was`,
    async (t) => {
      const random = new Random(seed + (isDamaged ? 3 : 4))
      const bytes = largeFile(random, KILLED_BYTES, isDamaged)
      job++
      const file = path.join(folder, `killed-${job}.csv`)
      writeFileSync(file, bytes)
      const dataDir = path.join(folder, `killed-${job}`)
      t.comment(`${await runToEnd(dataDir, file, random)} kills`)
      const environment = openEnvironment(dataDir)
      const store = new LmdbStore(environment, new BlockNumbers({ first: LmdbStore.nextBlock(environment) }))
      const sniff = JSON.parse(readFileSync(`${file}.json`, 'utf8')) as SniffResult
      isSame(t, await storedIn(store, job, { path: file, sniff }), { file, size: bytes.length, sniff })
      await store.close()
    },
  )
}
