/** A job whose rows were forgotten has counts and no rows to report or retry. Main thread. */
import { isoTime } from '../base/instant.js'
import { EngineError } from '../contract/errors.js'
import { jobId } from '../contract/ids.js'
import type { JobRecord } from './job-record.js'

/** @throws EngineError ERASED. */
export function requireRows({ job, erased }: JobRecord): void {
  if (erased?.rowsAtMs === undefined) return
  const when = isoTime(erased.rowsAtMs)
  throw new EngineError(
    'ERASED',
    `The rows of ${jobId(job)} were erased at ${when}, when their time was over; its counts are kept.`,
  )
}

/** @throws EngineError ERASED. */
export function requireTexts(record: JobRecord): void {
  requireRows(record)
  if (record.erased === undefined) return
  const when = isoTime(record.erased.textsAtMs)
  throw new EngineError(
    'ERASED',
    `The texts of ${jobId(record.job)} were erased at ${when}, when their time was over; nothing can be sent again.`,
  )
}
