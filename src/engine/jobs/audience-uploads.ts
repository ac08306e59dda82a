/**
 * Jobs whose rows the engine has: of an audience, whose contacts are written to the job's file as an upload would be, or of
 * another job's file. They are read on the same road. What a kill cuts short is begun anew at the next start; nothing of it
 * was handed over before. Main thread.
 */
import { createReadStream } from 'node:fs'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { JobSettings } from '../contract/job.js'
import { limits } from '../contract/limits.js'
import type { Ingest } from './ingest.js'
import { type JobRecord, noTotals } from './job-record.js'
import type { JobPorts } from './ports.js'
import { firstRun } from './recurring.js'
import type { Uploads } from './uploads.js'

/** What jobs need of audiences. */
export interface AudienceFiles {
  /** @throws EngineError VALIDATION, TEMPLATE_LABEL_UNKNOWN. */
  settings(account: number, settings: JobSettings): JobSettings
  /** `onLong`: it takes more than a moment. @throws EngineError AUDIENCE_EMPTY. */
  file(record: JobRecord, onLong: () => void): AsyncIterable<Buffer>
}

export class AudienceUploads {
  readonly #ports: JobPorts
  readonly #ingest: Ingest
  readonly #uploads: Uploads

  constructor(ports: JobPorts, ingest: Ingest, uploads: Uploads) {
    this.#ports = ports
    this.#ingest = ingest
    this.#uploads = uploads
  }

  /** Resolves when the file is done, or as soon as it turns out to be long. @throws what a short one failed for. */
  async begin(record: JobRecord): Promise<void> {
    let isLong = false
    await new Promise<void>((resolve, reject) => {
      const onLong = (): void => {
        isLong = true
        resolve()
      }
      this.#upload(record, onLong).then(resolve, (error) => {
        if (isLong)
          this.#ports.log.warn({ job: jobId(record.job), code: codeOf(error) }, 'the rows of a job could not be read')
        reject(error)
      })
    })
  }

  #rows(record: JobRecord, onLong: () => void): AsyncIterable<Buffer> {
    const { rowsOf } = record
    return rowsOf === undefined ? this.#ports.audiences.file(record, onLong) : copied(this.#ingest.path(rowsOf), onLong)
  }

  async #upload(record: JobRecord, onLong: () => void): Promise<void> {
    try {
      await this.#uploads.upload(record, this.#rows(record, onLong))
    } catch (error) {
      const now = this.#ports.book.get(record.job)
      // A job that was stopped with the engine begins anew at the next start.
      if (isEmpty(error) && now?.closed === false && (await this.#endEmpty(now))) return
      if (!this.#ingest.isStopping && now?.closed === false && now.state !== 'canceled') {
        await this.#ingest.failed(record.job, error)
      }
      throw error
    }
  }

  /** Nobody is meant this time: a run has done what it should, and a recurring job may find somebody another time. */
  async #endEmpty({ job, run, recurring, settings }: JobRecord): Promise<boolean> {
    const { book, clock } = this.#ports
    if (run === undefined && recurring === undefined) return false
    const nowMs = clock.now()
    await book.update(job, (record) => {
      if (record.closed || record.state === 'canceled') return null
      if (recurring === undefined) return { ...ENDED_EMPTY, totals: noTotals(), finishedAtMs: nowMs }
      return { totals: noTotals(), ...(settings.review ? { state: 'ready' } : firstRun(record, nowMs)) }
    })
    return true
  }
}

const ENDED_EMPTY = { state: 'finished', reason: 'AUDIENCE_EMPTY', closed: true } as const

function isEmpty(error: unknown): boolean {
  return codeOf(error) === 'AUDIENCE_EMPTY'
}

async function* copied(file: string, onLong: () => void): AsyncGenerator<Buffer> {
  let bytes = 0
  for await (const chunk of createReadStream(file)) {
    yield chunk as Buffer
    bytes += (chunk as Buffer).length
    if (bytes > limits.sniffBytes) onLong()
  }
}

function codeOf(error: unknown): string {
  return error instanceof EngineError ? error.code : 'INTERNAL'
}
