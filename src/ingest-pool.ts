/** The ingest threads, one more than configured for short tasks, behind one function: task in, result out, errors with their codes again. Composition, main thread. */
import { Piscina } from 'piscina'
import { EngineError, ERRORS, type ErrorCode, type FieldError } from './engine/contract/errors.js'
import type { IngestTask } from './engine/contract/ingest.js'
import { QUICK_WORKERS } from './engine/jobs/fair-pool.js'
import type { IngestWorkerData } from './ingest/worker.js'

/** Young generation of each worker's heap: rows are short-lived and small, so a small one is as fast. */
const YOUNG_MB = 8

export interface IngestPool {
  run(task: IngestTask): Promise<unknown>
  close(): Promise<void>
}

export function startIngestPool(threads: number, workerData: IngestWorkerData): IngestPool {
  const pool = new Piscina({
    filename: new URL('./ingest/worker.js', import.meta.url).href,
    name: 'runTask',
    // A worker waits for commits inside its task: with atomics it would be frozen between two tasks.
    atomics: 'disabled',
    // A thread is started with the first task that needs it: an engine that reads no file starts faster, and is smaller.
    minThreads: 0,
    idleTimeout: Number.POSITIVE_INFINITY,
    maxThreads: threads + QUICK_WORKERS,
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
  })
  return {
    async run(task) {
      try {
        return await pool.run(task)
      } catch (error) {
        throw engineError(error)
      }
    },
    close: () => pool.destroy(),
  }
}

/** A worker throws its errors as plain objects, because structured clone takes the code off an Error. */
function engineError(error: unknown): unknown {
  const { code, message, fields, name } = error as {
    name?: string
    code?: string
    message?: string
    fields?: FieldError[]
  }
  if (name !== 'EngineError' || code === undefined || !(code in ERRORS)) return error
  return new EngineError(code as ErrorCode, message ?? code, { fields, cause: error })
}
