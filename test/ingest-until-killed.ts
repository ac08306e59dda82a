/**
 * Ingests a file with two workers until it is done or killed; says each stored range on a line. A later start goes on where
 * the last one was killed, as the engine does. argv: data folder, file, job.
 */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import type { SniffResult } from '../src/engine/contract/ingest.js'
import { BlockNumbers } from '../src/engine/store/block-numbers.js'
import { openEnvironment } from '../src/engine/store/environment.js'
import { LmdbStore } from '../src/engine/store/lmdb-store.js'
import { startIngestPool } from '../src/ingest-pool.js'
import { startRun } from './ingest-running.js'

const [dataDir, file, job] = process.argv.slice(2) as [string, string, string]
const kept = `${file}.json`
const environment = openEnvironment(dataDir)
const numbers = new BlockNumbers({ first: LmdbStore.nextBlock(environment) })
const store = new LmdbStore(environment, numbers)
const pool = startIngestPool(2, { dataDir, numbers: numbers.buffer })
const run = startRun({
  store,
  pool,
  job: Number(job),
  path: file,
  sniff: existsSync(kept) ? (JSON.parse(readFileSync(kept, 'utf8')) as SniffResult) : null,
  saveSniff(sniff) {
    writeFileSync(`${kept}.new`, JSON.stringify(sniff))
    renameSync(`${kept}.new`, kept)
    console.log('sniff')
  },
  onRange: () => console.log('range'),
})
run.complete(statSync(file).size)
await run.finished()
await pool.close()
await store.close()
