/**
 * The archive of failed and unsent messages, over all jobs and single messages of an account, and retries of what it holds: a
 * new job for each job, since sender, times and prices are those of a job. Main thread.
 */
import type { AccountRecord } from '../accounts/account-record.js'
import type { Askers } from '../accounts/askers.js'
import type { Audit } from '../audit/audit.js'
import { csvCell } from '../base/csv-cell.js'
import { timeAsked } from '../base/instant.js'
import type { MessageView, PageQuery, Principal } from '../contract/api.js'
import {
  ARCHIVE_STATES,
  type ArchiveApi,
  type ArchiveFilter,
  type ArchiveOrder,
  type ArchiveRetry,
  type SkippedJob,
} from '../contract/archive.js'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { MessagePage } from '../contract/message-page.js'
import { reasonHelp } from '../contract/reasons.js'
import { RETRY_STATES, type RetryState } from '../contract/retry.js'
import type { JobBook } from '../jobs/job-book.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { Jobs } from '../jobs/jobs.js'
import type { MessageFilter, MessageReader } from '../messages/message-reader.js'

/** Retries of one call, and jobs of one look at the list. */
const RETRIES_MOST = 100
const JOBS_AT_ONCE = 200
const LINES_AT_ONCE = 500
const COLUMNS = 'id,job,line,to,from,channel,state,reason,help,text,createdAt\r\n'

export interface ArchiveDeps {
  askers: Askers
  audit: Audit
  book: JobBook
  jobs: Jobs
  reader: MessageReader
}

type Selection = Pick<ArchiveFilter, 'jobs' | 'tag' | 'since' | 'until'>

export class Archive implements ArchiveApi {
  readonly #deps: ArchiveDeps

  constructor(deps: ArchiveDeps) {
    this.#deps = deps
  }

  async list(principal: Principal, { limit, cursor, ...filter }: PageQuery & ArchiveFilter): Promise<MessagePage> {
    const account = this.#deps.askers.number(principal)
    const page: PageQuery = cursor === undefined ? { limit } : { limit, cursor }
    return await this.#deps.reader.ofAccount(account, { ...page, ...this.#filter(account, filter) })
  }

  async *export(principal: Principal, filter: ArchiveFilter): AsyncGenerator<string> {
    const account = this.#deps.askers.number(principal)
    const wanted = this.#filter(account, filter)
    yield COLUMNS
    let cursor: string | undefined
    do {
      const page: PageQuery = { limit: LINES_AT_ONCE, ...(cursor === undefined ? {} : { cursor }) }
      const { items, nextCursor, damaged = [] } = await this.#deps.reader.ofAccount(account, { ...page, ...wanted })
      if (items.length > 0) yield items.map(line).join('')
      if (damaged.length > 0) yield damaged.map(lostLine).join('')
      cursor = nextCursor ?? undefined
    } while (cursor !== undefined)
  }

  /** @throws EngineError NOT_FOUND, VALIDATION. */
  #filter(account: number | null, filter: ArchiveFilter): MessageFilter {
    const { states = ARCHIVE_STATES, reason, tag, since, until } = filter
    const wanted: MessageFilter = { states }
    const sinceMs = timeAsked('since', since)
    const untilMs = timeAsked('until', until)
    if (sinceMs !== undefined) wanted.sinceMs = sinceMs
    if (untilMs !== undefined) wanted.untilMs = untilMs
    if (reason !== undefined) wanted.reason = reason
    const jobs = this.#jobsOf(account, filter)
    if (jobs !== null || tag !== undefined) wanted.ofJob = (job) => this.#isOf(job, jobs, tag)
    return wanted
  }

  #jobsOf(account: number | null, { jobs }: Selection): Set<number> | null {
    return jobs === undefined ? null : new Set(jobs.map((id) => this.#deps.jobs.find(account, id).job))
  }

  #isOf(job: number, jobs: Set<number> | null, tag: string | undefined): boolean {
    if (jobs !== null && !jobs.has(job)) return false
    return tag === undefined || this.#deps.book.get(job)?.settings.tags?.includes(tag) === true
  }

  async retry(principal: Principal, order: ArchiveOrder): Promise<ArchiveRetry> {
    const account = this.#deps.askers.sender(principal)
    const states = [...new Set(order.states ?? RETRY_STATES)]
    const made: ArchiveRetry = { items: [], skipped: [], more: false }
    for (const source of this.#sources(account, order)) {
      if (!this.#hasAny(source, states)) continue
      if (made.items.length === RETRIES_MOST) return { ...made, more: true }
      const outcome = await this.#retry(principal, account, source, states)
      if ('code' in outcome) made.skipped.push(outcome)
      else made.items.push(this.#deps.jobs.view(outcome))
    }
    return made
  }

  /** From the newest, so that a retry that is made meanwhile is not seen. */
  *#sources(account: AccountRecord, order: Selection): Iterable<JobRecord> {
    const sinceMs = timeAsked('since', order.since) ?? 0
    const untilMs = timeAsked('until', order.until) ?? Number.POSITIVE_INFINITY
    const jobs = this.#jobsOf(account.number, order)
    const matches = ({ job, createdAtMs }: JobRecord): boolean =>
      createdAtMs < untilMs && this.#isOf(job, jobs, order.tag)
    for (let before: number | null = null; ; ) {
      const asked = { account: account.number, limit: JOBS_AT_ONCE, before, reference: null, parent: null, matches }
      const page: { records: JobRecord[]; next: number | null } = this.#deps.book.list({
        ...asked,
        isPast: ({ createdAtMs }) => createdAtMs < sinceMs,
      })
      yield* page.records
      if (page.next === null) return
      before = page.next
    }
  }

  #hasAny(source: JobRecord, states: readonly RetryState[]): boolean {
    if (source.state !== 'finished' && source.state !== 'canceled') return false
    const counts = this.#deps.jobs.counts(source)
    return states.some((state) => counts[state] > 0)
  }

  /** What keeps one job from its retry keeps no other from theirs. */
  async #retry(
    principal: Principal,
    account: AccountRecord,
    source: JobRecord,
    states: readonly RetryState[],
  ): Promise<JobRecord | SkippedJob> {
    const { audit, jobs } = this.#deps
    const beside = (made: JobRecord) =>
      audit.recordWrites({
        principal,
        action: 'job.retry',
        object: `job/${jobId(made.job)}`,
        account,
        after: made.retry,
      })
    try {
      return await jobs.retries.retry({ account, source, states, beside })
    } catch (error) {
      if (!(error instanceof EngineError) || error.status >= 500) throw error
      return { job: jobId(source.job), code: error.code, detail: error.message }
    }
  }
}

/** In the place of what cannot be read: a message, or a block of them. */
function lostLine(id: string): string {
  const reason = 'RECORD_CORRUPT'
  const cells = [id, '', '', '', '', '', '', reason, reasonHelp(reason), '', '']
  return `${cells.map(csvCell).join(',')}\r\n`
}

function line(message: MessageView): string {
  const { id, job, line: row, to, from, channel, state, reason, text, createdAt } = message
  const help = reason === null ? '' : reasonHelp(reason)
  const cells = [id, job ?? '', row ?? '', to, from, channel, state, reason ?? '', help, text, createdAt]
  return `${cells.map((cell) => csvCell(String(cell))).join(',')}\r\n`
}
