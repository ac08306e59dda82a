/**
 * Entries of job.updated: each is written in the transaction of the change that it tells of, under [account, number], and
 * read back from there. Main thread.
 */
import { jobId } from '../contract/ids.js'
import type { Counts } from '../contract/job.js'
import type { JobUpdate } from '../contract/webhook.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { DocumentKey, Documents, DocumentWrite } from '../store/documents.js'
import type { EventSource, Slice } from './event-source.js'
import { factsOf } from './job-facts.js'
import type { WebhookRecord } from './webhook-record.js'

const COLLECTION = 'job-events'
const COUNTED = 100_000
const SCANNED = 500

interface JobEvent {
  atMs: number
  job: number
  callbackUrl: string | null
  data: JobUpdate
}

/** `state`: as shown now. */
export function jobUpdate(record: JobRecord, counts: Counts, nowMs: number): JobUpdate {
  const { tags, clientReference } = factsOf(record)
  return {
    id: jobId(record.job),
    name: record.settings.name ?? null,
    state: record.state,
    reason: record.reason,
    counts,
    clientReference,
    tags,
    at: new Date(nowMs).toISOString(),
  }
}

export class JobEvents implements EventSource {
  readonly #documents: Documents
  readonly #next = new Map<number, number>()

  constructor(documents: Documents) {
    this.#documents = documents
  }

  /** To be handed to `documents.write` in the same turn, since the number is used up. */
  writeFor(record: JobRecord, data: JobUpdate, atMs: number): DocumentWrite {
    const number = this.next(record.account)
    this.#next.set(record.account, number + 1)
    const value: JobEvent = { atMs, job: record.job, callbackUrl: record.settings.callbackUrl ?? null, data }
    return { collection: COLLECTION, key: [record.account, number], value }
  }

  next(account: number): number {
    let next = this.#next.get(account)
    if (next === undefined) {
      const [last] = this.#documents.list(COLLECTION, { prefix: [account], reverse: true, limit: 1 })
      next = last === undefined ? 1 : (last.key[1] as number) + 1
      this.#next.set(account, next)
    }
    return next
  }

  #list(account: number, from: number, limit: number): { number: number; event: JobEvent }[] {
    const found = this.#documents.list<JobEvent>(COLLECTION, { prefix: [account], after: [account, from - 1], limit })
    return found.map(({ key, value }) => ({ number: key[1] as number, event: value }))
  }

  waiting(account: number, from: number): number {
    return this.#list(account, from, COUNTED).length
  }

  since(account: number, sinceMs: number): number {
    for (let from = 0; ; ) {
      const events = this.#list(account, from, SCANNED)
      const found = events.find(({ event }) => event.atMs >= sinceMs)
      if (found !== undefined) return found.number
      if (events.length < SCANNED) return this.next(account)
      from = events.at(-1)!.number + 1
    }
  }

  read(endpoint: WebhookRecord, from: number, { until, limit }: { until: number; limit: number }): Slice {
    const slice: Slice = { entries: [], next: from }
    for (const { number, event } of this.#list(endpoint.account, from, SCANNED)) {
      if (number >= until || slice.entries.length === limit) break
      slice.next = number + 1
      if (endpoint.isCallback && event.callbackUrl !== endpoint.url) continue
      slice.entries.push({ data: event.data, key: event.job, atMs: event.atMs, number })
    }
    return slice
  }

  /** Keys of the oldest events below `keep` from before `beforeMs`; never of the newest, which the next number comes from. */
  forgettable(
    account: number,
    { keep, beforeMs, limit }: { keep: number; beforeMs: number; limit: number },
  ): DocumentWrite[] {
    const last = this.next(account) - 1
    return this.#list(account, 0, limit)
      .filter(({ number, event }) => number < keep && number < last && event.atMs < beforeMs)
      .map(({ number }) => ({ collection: COLLECTION, key: [account, number] as DocumentKey, value: null }))
  }
}
