/** What entries say of their job. Read once, since a closed job's document can be large. Main thread. */
import type { JobRecord } from '../jobs/job-record.js'

const KEPT = 512
const NO_TAGS: string[] = []

export interface JobFacts {
  /** The messages of such a job came one by one. */
  singles: boolean
  tags: string[]
  clientReference: string | null
  callbackUrl: string | null
}

const UNKNOWN: JobFacts = { singles: true, tags: NO_TAGS, clientReference: null, callbackUrl: null }

export function factsOf({ singles, settings }: Pick<JobRecord, 'singles' | 'settings'>): JobFacts {
  return {
    singles,
    tags: settings.tags ?? NO_TAGS,
    clientReference: settings.clientReference ?? null,
    callbackUrl: settings.callbackUrl ?? null,
  }
}

export class KnownJobs {
  readonly #get: (job: number) => JobRecord | null
  readonly #known = new Map<number, JobFacts>()

  constructor(get: (job: number) => JobRecord | null) {
    this.#get = get
  }

  facts(job: number): JobFacts {
    const known = this.#known.get(job)
    if (known !== undefined) return known
    const record = this.#get(job)
    const facts = record === null ? UNKNOWN : factsOf(record)
    this.#known.set(job, facts)
    if (this.#known.size > KEPT) for (const oldest of this.#known.keys()) return this.#drop(oldest, facts)
    return facts
  }

  #drop(job: number, facts: JobFacts): JobFacts {
    this.#known.delete(job)
    return facts
  }
}
