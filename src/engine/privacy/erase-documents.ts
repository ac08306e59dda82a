/** Takes a number or address out of small records: kept answers of jobs, and jobs' own lists of suppressed numbers. Main thread. */
import { setImmediate as turn } from 'node:timers/promises'
import type { KeptAnswer } from '../accounts/idempotency.js'
import type { JobRecord } from '../jobs/job-record.js'
import type { DocumentKey, Documents } from '../store/documents.js'
import { masked } from './mask-text.js'
import { isWrittenBy, type Subject } from './subject.js'

const AT_ONCE = 200

export interface DocumentErasureDeps {
  documents: Documents
  /** Changes the settings of a job in its turn. */
  unlist(job: number, keeps: (number: string) => boolean): Promise<void>
}

/** How many had it. Durable when it resolves, and idempotent. */
export async function eraseDocuments(deps: DocumentErasureDeps, subject: Subject): Promise<number> {
  return (await eraseAnswers(deps, subject)) + (await eraseLists(deps, subject))
}

async function eraseAnswers({ documents }: DocumentErasureDeps, subject: Subject): Promise<number> {
  const prefix = subject.account === null ? [] : [String(subject.account)]
  let count = 0
  for await (const { key, value } of each<KeptAnswer>(documents, 'idempotency', prefix)) {
    if (value.answer === null || value.sealed === true) continue
    const answer = masked(value.answer, subject)
    if (answer === value.answer) continue
    await documents.write([{ collection: 'idempotency', key, value: { ...value, answer } }])
    count++
  }
  return count
}

async function eraseLists({ documents, unlist }: DocumentErasureDeps, subject: Subject): Promise<number> {
  let count = 0
  for await (const { value } of each<JobRecord>(documents, 'jobs', [])) {
    if (subject.account !== null && value.account !== subject.account) continue
    const { suppressed } = value.settings
    if (suppressed?.some((number) => isWrittenBy(subject, number)) !== true) continue
    await unlist(value.job, (number) => !isWrittenBy(subject, number))
    count++
  }
  return count
}

async function* each<T extends object>(
  documents: Documents,
  collection: string,
  prefix: DocumentKey,
): AsyncGenerator<{ key: DocumentKey; value: T }> {
  for (let after: DocumentKey | undefined; ; ) {
    const page = documents.list<T>(collection, { prefix, limit: AT_ONCE, ...(after === undefined ? {} : { after }) })
    yield* page
    if (page.length < AT_ONCE) return
    after = page.at(-1)!.key
    await turn()
  }
}
