/** Retries of ended jobs: makes the new job, begins its run, and takes it up again after a restart. Main thread. */
import { crashPoint } from '../base/crash-point.js'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { JobSettings } from '../contract/job.js'
import { STATE } from '../contract/message.js'
import type { RetryState } from '../contract/retry.js'
import type { DocumentWrite } from '../store/documents.js'
import { type JobAccount, newJob } from './create.js'
import { requireTexts } from './erased-job.js'
import type { Ingest } from './ingest.js'
import type { JobRecord } from './job-record.js'
import type { JobPorts } from './ports.js'
import { requireState } from './release.js'
import { RetryRun } from './retry-run.js'

const COLLECTION = 'job-retries'
/** A job of so few messages is retried before the answer, so that the answer has the counts. */
const AT_ONCE = 20_000

export interface RetryOrder {
  account: JobAccount
  source: JobRecord
  states: readonly RetryState[]
  /** Written in the transaction that makes the job. */
  beside(job: JobRecord): DocumentWrite[]
}

interface EarlierRetry {
  states: RetryState[]
}

export class Retries {
  readonly #ports: JobPorts
  readonly #ingest: Ingest
  /** Jobs of which a retry is being made. */
  readonly #making = new Set<number>()

  constructor(ports: JobPorts, ingest: Ingest) {
    this.#ports = ports
    this.#ingest = ingest
  }

  /** @throws EngineError WRONG_STATE, and what the settings of a new job are refused for. */
  async retry(order: RetryOrder): Promise<JobRecord> {
    const { source } = order
    this.#ports.admit()
    requireState(source, source.state, ['finished', 'canceled'])
    requireTexts(source)
    if (source.recurring !== undefined) {
      throw new EngineError('WRONG_STATE', 'A recurring job has no messages of its own; retry one of its runs.')
    }
    if (this.#making.has(source.job)) throw new EngineError('WRONG_STATE', 'A retry of the job is being made.')
    this.#requireFresh(order)
    this.#making.add(source.job)
    let record: JobRecord
    try {
      record = await this.#make(order)
    } finally {
      this.#making.delete(source.job)
    }
    crashPoint('retry-made')
    const run = this.#begin(record, source)
    if (isShort(source)) await this.#ingest.conclude(record.job, run)
    else this.#ingest.watch(record.job, run)
    return this.#ports.book.get(record.job)!
  }

  /** The answer to this retry had its counts. */
  isWaitedFor({ retry }: JobRecord): boolean {
    const source = retry === undefined ? null : this.#ports.book.get(retry.of)
    return source !== null && isShort(source)
  }

  async #make({ account, source, states, beside }: RetryOrder): Promise<JobRecord> {
    const nowMs = this.#ports.clock.now()
    const settings = settingsOf(source)
    this.#ports.book.load.requireRoom(account.number, settings)
    const draft = newJob({ job: 0, account, nowMs, singles: false }, settings)
    const number = this.#ports.takeNumber()
    const record: JobRecord = {
      ...draft,
      job: number.value,
      state: 'running',
      startedAtMs: nowMs,
      timeZone: source.timeZone,
      sniff: source.sniff,
      retry: { of: source.job, file: source.retry?.file ?? source.file ?? source.job, states: [...states] },
    }
    const index = { collection: COLLECTION, key: [source.job, record.job], value: { states: [...states] } }
    await this.#ports.book.create(record, [number.write, index, ...beside(record)])
    return record
  }

  /** Of each message one retry at most: what fails in a retry is retried from there. @throws EngineError WRONG_STATE. */
  #requireFresh({ source, states }: RetryOrder): void {
    for (const { key, value } of this.#ports.earlierRetries<EarlierRetry>(source.job)) {
      const retried = value.states.find((state) => states.includes(state))
      const earlier = this.#ports.book.get(key.at(-1) as number)
      // A retry that was given up before it had its messages has sent none of them.
      if (retried === undefined || earlier === null || isVoid(earlier)) continue
      const id = jobId(earlier.job)
      throw new EngineError('WRONG_STATE', `Its ${retried} messages were retried as ${id}; retry that job instead.`)
    }
  }

  /** Goes on with a retry after a restart, in the background. */
  resume(record: JobRecord): void {
    const source = this.#ports.book.get(record.retry!.of)!
    this.#ingest.watch(record.job, this.#begin(record, source))
  }

  #begin(record: JobRecord, source: JobRecord): RetryRun {
    const { job } = record
    const { pool, store } = this.#ports
    const run = new RetryRun({
      job,
      source: { job: source.job, isCanceled: source.state === 'canceled' },
      states: new Set(record.retry!.states.map((state) => STATE[state])),
      plan: this.#ingest.plan(record, record.sniff!),
      run: (task) => pool.run(job, task, false),
      ranges: (of, from) => store.ranges(of, from),
      marks: (block) => store.marks(block),
      blockStates: (blocks) => this.#ports.blockStates(blocks),
      onRange: (range) => this.#ingest.countRows(range),
    })
    this.#ingest.adopt(job, run)
    return run
  }
}

function isShort(source: JobRecord): boolean {
  return (source.totals?.accepted ?? 0) <= AT_ONCE
}

function isVoid({ state, totals }: JobRecord): boolean {
  return (state === 'canceled' || state === 'failed') && totals !== null && totals.accepted === 0
}

/** It was waited for once: a retry goes at once, and nobody has to look at it first. */
function settingsOf({ settings }: JobRecord): JobSettings {
  const { sendAt: _sendAt, review: _review, ...rest } = settings
  return rest
}
