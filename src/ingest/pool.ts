/** The ingest threads as the main thread sees them: a piscina pool whose failures are EngineErrors again. */
import { Piscina } from 'piscina'
import { EngineError, ERRORS, type ErrorCode, type FieldError } from '../engine/contract/errors.js'
import type { IngestTask } from '../engine/contract/ingest.js'
import type { IngestWorkerData } from './worker.js'

export interface IngestPool {
  /** Resolves with the result type of the task's kind. @throws EngineError, or what broke in the worker. */
  run(task: IngestTask): Promise<unknown>
  /** Ends the threads; tasks in work are cut off, and their ranges are not stored. */
  close(): Promise<void>
}

export function openIngestPool(workers: number, data: IngestWorkerData): IngestPool {
  const pool = new Piscina({
    filename: new URL('./worker.js', import.meta.url).href,
    minThreads: workers,
    maxThreads: workers,
    // A worker that waits in Atomics.wait could not take part in LMDB's commits.
    atomics: 'disabled',
    workerData: data,
  })
  return {
    async run(task) {
      try {
        return await pool.run(task)
      } catch (error) {
        throw asEngineError(error)
      }
    },
    close: () => pool.destroy(),
  }
}

/** See worker.ts: an EngineError crosses the thread as a plain object. */
function asEngineError(error: unknown): unknown {
  const { name, code, message, fields } = (error ?? {}) as Record<string, unknown>
  if (name !== 'EngineError' || typeof code !== 'string' || !Object.hasOwn(ERRORS, code)) return error
  return new EngineError(code as ErrorCode, String(message), { fields: fields as FieldError[] })
}
