/** A dropped file as the API shows it: its record, and what its job has come to. Main thread. */
import type { JobView } from '../contract/api.js'
import type { DropRecord } from '../contract/drop-keeper.js'
import type { DropView } from '../contract/drops.js'
import { dropId, jobId } from '../contract/ids.js'
import { noCounts } from '../contract/job.js'

/** `job`: null where none was made. */
export function dropView(record: DropRecord, job: JobView | null): DropView {
  const counts = job?.counts ?? noCounts()
  return {
    id: dropId(record.drop),
    account: record.accountId,
    file: record.file,
    size: record.size,
    sha256: record.sha256,
    state: record.state,
    job: record.job === null ? null : jobId(record.job),
    jobState: job?.state ?? null,
    profile: record.profile,
    storedAs: storedAs(record),
    rows: counts.rows,
    accepted: counts.accepted,
    rejected: counts.rejected,
    rejectedByReason: job?.rejectedByReason ?? {},
    duplicate: counts.duplicate,
    suppressed: counts.suppressed,
    landlines: job?.estimate?.byChannel.voice?.rows ?? 0,
    sent: counts.sent + counts.delivered + counts.undelivered,
    delivered: counts.delivered,
    undelivered: counts.undelivered,
    failed: counts.failed + counts.expired + counts.canceled,
    startedAt: new Date(record.startedAtMs).toISOString(),
    finishedAt: record.finishedAtMs === null ? null : new Date(record.finishedAtMs).toISOString(),
    error: record.error,
  }
}

/** A place that was only decided is none yet. */
function storedAs({ state, place }: DropRecord): string | null {
  if (place === null || state === 'reading') return null
  return `${place.area}/${Buffer.from(place.name).toString()}`
}
