/** The part of the façade that reports: who may see what, and which times and numbers a log is asked for. Main thread. */

import type { Askers } from '../accounts/askers.js'
import { timeAsked } from '../base/instant.js'
import type { Principal } from '../contract/api.js'
import { EngineError } from '../contract/errors.js'
import type { JobSummary, LogQuery, ReportQuery, ReportsApi } from '../contract/report.js'
import type { RangeRecord } from '../contract/store.js'
import { requireRows } from '../jobs/erased-job.js'
import type { Jobs } from '../jobs/jobs.js'
import type { MessageReader } from '../messages/message-reader.js'
import type { ViewNames } from '../messages/message-view.js'
import { recipientAsked } from '../phone/recipient.js'
import { jobReport, LostBlocks, sourcesOf } from './job-report.js'
import { SummaryOfJob } from './job-summary.js'
import { sentLog } from './sent-log.js'

export interface ReportsDeps {
  askers: Askers
  jobs: Jobs
  reader: MessageReader
  names: ViewNames
  ranges(job: number): Iterable<RangeRecord>
}

export class Reports implements ReportsApi {
  readonly #deps: ReportsDeps

  constructor(deps: ReportsDeps) {
    this.#deps = deps
  }

  job(principal: Principal, id: string, query: ReportQuery): AsyncIterable<string> {
    return jobReport(this.#find(principal, id), this.#deps, query)
  }

  #find(principal: Principal, id: string): number {
    const record = this.#deps.jobs.find(this.#deps.askers.number(principal), id)
    requireRows(record)
    return record.job
  }

  log(principal: Principal, { format = 'csv', states, channel, from, ...query }: LogQuery): AsyncIterable<string> {
    const { askers } = this.#deps
    const sinceMs = timeAsked('since', query.since)
    const untilMs = timeAsked('until', query.until)
    const account = principal.kind === 'admin' ? null : askers.record(principal)
    // What is no number matches nothing.
    const to = query.to === undefined ? undefined : (recipientAsked(account, query.to) ?? '')
    return sentLog(askers.number(principal), this.#deps, { format, states, channel, from, sinceMs, untilMs, to })
  }

  async summary(principal: Principal, id: string): Promise<JobSummary> {
    const { reader, names, ranges } = this.#deps
    const job = this.#find(principal, id)
    const summary = new SummaryOfJob(names, (block, place) => reader.isMarked(block, place))
    const lost = new LostBlocks()
    for (const range of ranges(job)) {
      const sources = await sourcesOf(range.blocks, reader)
      lost.look(range.blocks, sources)
      for (const source of sources) await summary.add(source)
    }
    const blocks = lost.of(ranges(job))
    for (const block of blocks) reader.damaged.block(block)
    if (blocks.length > 0) {
      throw new EngineError(
        'STORE_CORRUPT',
        'Messages of the job are damaged or gone; its report names the first of each block.',
      )
    }
    return summary.view(id)
  }
}
