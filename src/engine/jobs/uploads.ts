/** Takes the file of a job: to disk as it arrives, into the ingest workers beside that. Main thread. */
import { crashPoint } from '../base/crash-point.js'
import { plainBytes } from '../base/plain-bytes.js'
import { EngineError } from '../contract/errors.js'
import { limits } from '../contract/limits.js'
import { hasQuotas } from '../money/quotas.js'
import { requireFeature } from './create.js'
import type { Ingest } from './ingest.js'
import type { IngestRun } from './ingest-run.js'
import type { Beside } from './job-book.js'
import type { JobRecord } from './job-record.js'
import type { JobPorts } from './ports.js'
import { goState, requireState } from './release.js'
import { digest, type Received, receive } from './upload-file.js'

/** The answer to a larger file does not wait until it is read, unless it may be refused for what it costs. */
const WAITED_BYTES = 64 << 20

/** A client that lost the answer sends its file again: the same file changes nothing and is answered as before. */
async function requireSame(received: Received, body: AsyncIterable<Buffer>): Promise<void> {
  const { sha256 } = await digest(body)
  if (sha256 === received.sha256) return
  throw new EngineError('WRONG_STATE', 'The job has its file already, and this is another one; make a new job for it.')
}

export class Uploads {
  readonly #ports: JobPorts
  readonly #ingest: Ingest
  /** Bytes on disk of the uploads under way. */
  readonly #running = new Map<number, number>()
  readonly #ends = new Set<Promise<void>>()

  constructor(ports: JobPorts, ingest: Ingest) {
    this.#ports = ports
    this.#ingest = ingest
  }

  isRunning(job: number): boolean {
    return this.#running.has(job)
  }

  bytes(job: number): number {
    return this.#running.get(job) ?? 0
  }

  /**
   * Resolves when the last byte is durable (small files: when they are ingested as well, so that the answer has their
   * counts). Nothing of a file that breaks off stays; the job can take it again. `told` is written with the acceptance.
   */
  async upload(record: JobRecord, body: AsyncIterable<Buffer>, told?: Beside): Promise<void> {
    const end = this.#upload(record, plainBytes(body), told)
    this.#ends.add(end)
    try {
      await end
    } finally {
      this.#ends.delete(end)
    }
  }

  /** Resolves when no upload is under way any more, whatever became of them. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#ends)
  }

  async #upload(record: JobRecord, body: AsyncIterable<Buffer>, told: Beside | undefined): Promise<void> {
    const { job } = record
    if (this.#running.has(job)) throw new EngineError('UPLOAD_RUNNING', 'An upload for this job is under way.')
    if (record.upload !== null && record.state !== 'canceled' && record.state !== 'failed') {
      await requireSame(record.upload, body)
      return
    }
    requireState(record, record.upload === null ? record.state : 'running', ['receiving'])
    const owner = this.#ports.account(record.account)
    if (owner !== null) requireFeature(owner, record.settings)
    this.#ports.admit()
    this.#ingest.requireRoom(record.account)
    this.#running.set(job, 0)
    const run = this.#ingest.begin(record)
    try {
      const received = await this.#receive(job, run, body)
      await this.#accept(job, received, told)
      crashPoint('upload-accepted')
      run.complete(received.bytes)
      if (received.bytes <= this.#waitedBytes(record)) await this.#ingest.conclude(job, run)
      else this.#ingest.watch(job, run)
    } finally {
      this.#running.delete(job)
    }
  }

  /** The answer to this file had its counts, or its refusal. */
  isWaitedFor(record: JobRecord): boolean {
    return record.upload !== null && record.upload.bytes <= this.#waitedBytes(record)
  }

  #waitedBytes({ account: number }: JobRecord): number {
    const { account, money } = this.#ports
    const quotas = account(number)?.quotas
    const isLimited = money.isPrepaid(number) || (quotas !== undefined && hasQuotas(quotas))
    return isLimited ? WAITED_BYTES : limits.sniffBytes
  }

  async #receive(job: number, run: IngestRun, body: AsyncIterable<Buffer>): Promise<Received> {
    const onWritten = async (bytes: number): Promise<void> => {
      this.#running.set(job, bytes)
      this.#ports.admit()
      await run.grow(bytes)
    }
    try {
      return await receive(body, { file: this.#ingest.path(job), onWritten, aborted: run.aborted })
    } catch (error) {
      throw await this.#broken(job, error, run.error)
    }
  }

  /** Clears up after an upload that did not come to its end; answers what the caller is told. */
  async #broken(job: number, error: unknown, runError: unknown): Promise<unknown> {
    const isStopped = this.#ports.book.get(job)?.state === 'canceled' || this.#ingest.isStopping
    await this.#ingest.takeBack(job)
    if (runError !== null && !isStopped) {
      await this.#ingest.failed(job, runError)
      return runError
    }
    await this.#ports.book.update(job, (record) => (record.closed ? null : { sniff: null }))
    if (error instanceof EngineError) return error
    return new EngineError('BAD_REQUEST', 'The upload broke off; send the file again from its start.', { cause: error })
  }

  async #accept(job: number, received: Received, told: Beside | undefined): Promise<void> {
    const nowMs = this.#ports.clock.now()
    try {
      const accepted = (record: JobRecord): Partial<JobRecord> => {
        requireState(record, record.state, ['receiving'])
        if (record.settings.review) return { upload: received }
        return { upload: received, state: goState(record, nowMs), startedAtMs: nowMs }
      }
      await this.#ports.book.update(job, accepted, told)
    } catch (error) {
      throw await this.#broken(job, error, null)
    }
  }
}
