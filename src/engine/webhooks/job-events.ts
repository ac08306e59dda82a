/** Entries of job.updated: each is written in the transaction of the change that it tells of. Main thread. */
import { jobId } from '../contract/ids.js'
import type { Counts } from '../contract/job.js'
import type { JobUpdate } from '../contract/webhook.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import { DocumentEvents } from './document-events.js'
import { factsOf } from './job-facts.js'

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
    parent: record.run === undefined ? null : jobId(record.run.of),
    counts,
    clientReference,
    tags,
    at: new Date(nowMs).toISOString(),
  }
}

export class JobEvents extends DocumentEvents<JobEvent> {
  constructor(documents: Documents) {
    super(documents, {
      collection: 'job-events',
      keyOf: ({ job }) => job,
      concerns: ({ isCallback, url }, { callbackUrl }) => !isCallback || callbackUrl === url,
    })
  }

  /** To be handed to `documents.write` in the same turn, since the number is used up. */
  writeFor(record: JobRecord, data: JobUpdate, atMs: number): DocumentWrite {
    const callbackUrl = record.settings.callbackUrl ?? null
    return this.write(record.account, { atMs, job: record.job, callbackUrl, data })
  }
}
