/** The main thread's way of ingesting a file, with nothing but workers and a store around it. */
import { appendFileSync, writeFileSync } from 'node:fs'
import type { Random } from '../src/engine/base/random.js'
import type { IngestTask, JobPlan, SniffResult } from '../src/engine/contract/ingest.js'
import { DEFAULT_NUMBER_RULES } from '../src/engine/contract/number-rules.js'
import { IngestRun } from '../src/engine/jobs/ingest-run.js'
import type { LmdbStore } from '../src/engine/store/lmdb-store.js'
import type { IngestPool } from '../src/ingest-pool.js'
import { GB_ROUTE } from './ingest-job.js'

export interface Running {
  store: LmdbStore
  pool: IngestPool
  job: number
  path: string
  /** What an earlier run decided; null: nothing. */
  sniff?: SniffResult | null
  saveSniff?(sniff: SniffResult): void
  onRange?(): void
}

const TEXT = 'Hi ~2|you~ ~3|-~'

export function planFor(job: number, path: string, { dialect, columns }: SniffResult): JobPlan {
  return {
    job,
    account: 1,
    path,
    settings: {},
    text: TEXT,
    templates: {},
    dialect,
    columns,
    routes: [GB_ROUTE],
    defaultCountry: 'GB',
    timeZone: 'UTC',
    prices: null,
    suppressed: Float64Array.of(447400123410, 447400123420),
    createdSeconds: 0,
    rules: DEFAULT_NUMBER_RULES,
  }
}

export function startRun({ store, pool, job, path, sniff = null, ...notes }: Running): IngestRun {
  const sniffTask = (available: number, complete: boolean): IngestTask => ({
    kind: 'sniff',
    path,
    available,
    complete,
    csv: {},
    columns: {},
    labelsNeeded: false,
  })
  return new IngestRun(
    {
      job,
      path,
      run: (task) => pool.run(task),
      ranges: () => {
        // Workers have written since this turn began.
        store.environment.root.resetReadTxn()
        return store.ranges(job)
      },
      discard: (from) => store.discard(job, from),
      sniffTask,
      plan: (found) => planFor(job, path, found),
      saveSniff: async (found) => notes.saveSniff?.(found),
      onRange: () => notes.onRange?.(),
    },
    sniff,
    true,
  )
}

/** Writes the file as a slow client would send it. */
export async function arrive(run: IngestRun, path: string, bytes: Buffer, random: Random): Promise<void> {
  writeFileSync(path, '')
  for (let at = 0; at < bytes.length; ) {
    const next = Math.min(bytes.length, at + 1 + random.below(700_000))
    appendFileSync(path, bytes.subarray(at, next))
    at = next
    await run.grow(at)
  }
  run.complete(bytes.length)
}
