/**
 * The piscina entry of the ingest threads: one table from the kind of a task to its function, one store per thread.
 *
 * Errors cross the thread as plain objects {name, code, message, fields}: structured clone would take the code off an
 * EngineError. workerData: {dataDir, numbers, turn} as in IngestWorkerData.
 */

import { workerData } from 'node:worker_threads'
import { armCrashPoint } from '../engine/base/crash-point.js'
import { clientEnvironment } from '../engine/config/client-environment.js'
import { EngineError } from '../engine/contract/errors.js'
import type {
  CutResult,
  DuplicatesResult,
  IngestTask,
  NumbersResult,
  PreviewResult,
  RangeResult,
  SniffResult,
} from '../engine/contract/ingest.js'
import type { SampleGuess, SampleRows } from '../engine/contract/sample.js'
import { BlockNumbers } from '../engine/store/block-numbers.js'
import { CommitTurn } from '../engine/store/commit-turn.js'
import { openEnvironment } from '../engine/store/environment.js'
import { LmdbStore } from '../engine/store/lmdb-store.js'
import { StorePulse } from '../engine/store/store-pulse.js'
import { watchStoreWrites } from '../engine/store/store-writes.js'
import { contactTasks } from './contact-tasks.js'
import { cutRanges } from './cut.js'
import { sniff } from './dialect.js'
import { markDuplicates } from './duplicates.js'
import { readNumbers } from './numbers.js'
import { preview } from './preview.js'
import { ingestAgain, ingestRange } from './range.js'
import { guessProfile } from './sample/guess.js'
import { sampleRows } from './sample/sample-rows.js'
import { suppressionsOf } from './suppressions-of.js'
import { threadContacts } from './thread-contacts.js'

export interface IngestWorkerData {
  dataDir: string
  /** BlockNumbers.buffer of the main thread. */
  numbers: SharedArrayBuffer
  turn?: SharedArrayBuffer
  /** StorePulse.buffer of the main thread; absent: nobody watches. */
  pulse?: SharedArrayBuffer
}

armCrashPoint(clientEnvironment().crashAt, 'ingest')

type Task<K extends IngestTask['kind']> = Extract<IngestTask, { kind: K }>

const tasks = {
  sniff: (task: Task<'sniff'>): SniffResult => sniff(task),
  cut: (task: Task<'cut'>): CutResult => cutRanges(task),
  range: (task: Task<'range'>): RangeResult => ingestRange(store(), task.plan, task.bounds),
  again: (task: Task<'again'>): RangeResult => ingestAgain(store(), task),
  duplicates: (task: Task<'duplicates'>): DuplicatesResult => markDuplicates(store(), task.job),
  numbers: (task: Task<'numbers'>): NumbersResult => readNumbers(task),
  sample: (task: Task<'sample'>): SampleGuess => guessProfile(task),
  sampleRows: (task: Task<'sampleRows'>): SampleRows =>
    sampleRows(task.plan, task, suppressionsOf(task.plan, store().environment)),
  preview: (task: Task<'preview'>): PreviewResult => preview(task.plan, task, store().environment),
  ...contactTasks(threadContacts, () => store().environment),
}
export type IngestResult = ReturnType<(typeof tasks)[IngestTask['kind']]>

// piscina hands over [its own, ours].
const start = (Array.isArray(workerData) ? workerData[1] : workerData) as IngestWorkerData
if (start.pulse !== undefined) watchStoreWrites(new StorePulse(start.pulse))

let opened: LmdbStore | null = null

function store(): LmdbStore {
  if (opened === null) {
    const { dataDir, numbers, turn } = start
    opened = new LmdbStore(openEnvironment(dataDir), new BlockNumbers(numbers), new CommitTurn(turn))
  }
  return opened
}

export function runTask(task: IngestTask): IngestResult {
  try {
    return (tasks[task.kind] as (task: IngestTask) => IngestResult)(task)
  } catch (error) {
    if (!(error instanceof EngineError)) throw error
    throw { name: 'EngineError', code: error.code, message: error.message, fields: error.fields }
  }
}
