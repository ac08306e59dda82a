/** The archive of what did not arrive: failed and unsent messages of all jobs, and new jobs from them in one call. */
import type { JobView, PageQuery, Principal } from './api.js'
import type { MessagePage } from './message-page.js'
import type { RetryState } from './retry.js'

/** What the archive holds: what can be taken up again, and what nobody knows the end of. */
export const ARCHIVE_STATES = ['failed', 'expired', 'undelivered', 'canceled', 'unknown'] as const
export type ArchiveState = (typeof ARCHIVE_STATES)[number]

/** Absent: any. */
export interface ArchiveFilter {
  states?: readonly ArchiveState[]
  /** Code, e.g. CARRIER_REJECTED. */
  reason?: string
  /** Ids of jobs. */
  jobs?: readonly string[]
  /** Of the job. */
  tag?: string
  /** Made at or after, and before. RFC 3339. */
  since?: string
  until?: string
}

export interface ArchiveOrder extends Pick<ArchiveFilter, 'jobs' | 'tag' | 'since' | 'until'> {
  states?: readonly RetryState[]
}

/** A job of which no retry was made. */
export interface SkippedJob {
  job: string
  code: string
  detail: string
}

export interface ArchiveRetry {
  /** One for each job that had such messages. */
  items: JobView[]
  skipped: SkippedJob[]
  /** There are further jobs: ask again. */
  more: boolean
}

export interface ArchiveApi {
  /** Newest first; a page may be short. @throws EngineError NOT_FOUND: a job; VALIDATION. */
  list(principal: Principal, query: PageQuery & ArchiveFilter): Promise<MessagePage>
  /** All of it as CSV, in pieces. */
  export(principal: Principal, filter: ArchiveFilter): AsyncIterable<string>
  /** New jobs from messages of ended jobs; each message once, also when asked again. @throws as `list`. */
  retry(principal: Principal, order: ArchiveOrder): Promise<ArchiveRetry>
}
