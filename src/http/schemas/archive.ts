/** Queries, bodies and answers of the archive of failed and unsent messages. */
import { Type } from 'typebox'
import { ARCHIVE_STATES, type ArchiveFilter, type ArchiveState } from '../../engine/contract/archive.js'
import { limits } from '../../engine/contract/limits.js'
import { RETRY_STATES } from '../../engine/contract/retry.js'
import { timeAgain } from '../query-text.js'
import { oneOf, pageQuery, strict, text } from './common.js'
import { JobSchema } from './jobs.js'

const names = ARCHIVE_STATES.join('|')
const JobTag = text('Tag of the job.', 64)
const Since = text('Made at or after this time, RFC 3339.', 40)
const Until = text('Made before this time, RFC 3339.', 40)

const filter = {
  state: Type.Optional(
    Type.String({
      pattern: `^(?:${names})(?:,(?:${names}))*$`,
      description: `Comma-separated: ${ARCHIVE_STATES.join(', ')}. Absent: all of them.`,
    }),
  ),
  reason: Type.Optional(text('Code of the reason, e.g. CARRIER_REJECTED.', 64)),
  job: Type.Optional(text('Ids of jobs, separated by commas.', 4_096)),
  tag: Type.Optional(JobTag),
  since: Type.Optional(Since),
  until: Type.Optional(Until),
}

export const ArchiveQuery = Type.Object({ ...pageQuery, ...filter }, strict)
export const ArchiveExportQuery = Type.Object(filter, strict)

interface FilterText {
  state?: string
  reason?: string
  job?: string
  tag?: string
  since?: string
  until?: string
}

export function archiveFilter({ state, job, since, until, reason, tag }: FilterText): ArchiveFilter {
  return {
    ...(state === undefined ? {} : { states: state.split(',') as ArchiveState[] }),
    ...(job === undefined ? {} : { jobs: job.split(',').map((id) => id.trim()) }),
    ...(since === undefined ? {} : { since: timeAgain(since) }),
    ...(until === undefined ? {} : { until: timeAgain(until) }),
    ...(reason === undefined ? {} : { reason }),
    ...(tag === undefined ? {} : { tag }),
  }
}

export const ArchiveRetrySchema = Type.Object(
  {
    states: Type.Optional(
      Type.Array(oneOf(RETRY_STATES, 'What is taken up.'), { minItems: 1, description: 'Absent: all of them.' }),
    ),
    jobs: Type.Optional(
      Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: limits.jobsPerPage, description: 'Ids.' }),
    ),
    tag: Type.Optional(JobTag),
    since: Type.Optional(Since),
    until: Type.Optional(Until),
  },
  { ...strict, minProperties: 1, description: 'Which jobs; at least one of these.' },
)

export const ArchiveRetriedSchema = Type.Object(
  {
    items: Type.Array(JobSchema, { description: 'A new job for each job that had such messages.' }),
    skipped: Type.Array(Type.Object({ job: Type.String(), code: Type.String(), detail: Type.String() }), {
      description: 'Jobs of which none was made, such as those that were retried before.',
    }),
    more: Type.Boolean({ description: 'There are further jobs: send the same again.' }),
  },
  { description: 'What was made.' },
)
