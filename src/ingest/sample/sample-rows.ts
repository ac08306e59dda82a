/** The 'sampleRows' task: what would become of the rows of a sample. Stores nothing. Runs in an ingest thread. */
import { closeSync, openSync } from 'node:fs'
import type { JobPlan } from '../../engine/contract/ingest.js'
import type { SampleRows } from '../../engine/contract/sample.js'
import { estimateOf } from '../../engine/jobs/estimate.js'
import { findingWarnings } from '../../engine/jobs/file-findings.js'
import type { SuppressionCheck } from '../../engine/store/suppression-table.js'
import { DryRun } from '../check.js'
import { FileRecords } from '../file-records.js'
import type { SourceRecord } from '../record-source.js'

export interface SampleRowsRequest {
  available: number
  /** Of the prices. */
  currency: string | null
}

/** @throws EngineError TEMPLATE_INVALID, TEMPLATE_LABEL_UNKNOWN. */
export function sampleRows(
  plan: JobPlan,
  request: SampleRowsRequest,
  suppressions: SuppressionCheck | null,
): SampleRows {
  const dryRun = new DryRun(plan, suppressions)
  const file = openSync(plan.path, 'r')
  try {
    const records = new FileRecords(file, plan.dialect, { end: request.available, isWhole: true })
    const each = (record: SourceRecord): boolean => {
      dryRun.record(record)
      return true
    }
    while (records.window(each)) dryRun.preview.linesBefore = records.linesBefore
  } finally {
    closeSync(file)
  }
  const sum = dryRun.toTally()
  return {
    rows: dryRun.preview.rows,
    counts: dryRun.counts,
    rejectedByReason: sum.reasons,
    estimate: estimateOf(sum, request.currency),
    warnings: findingWarnings(sum, plan.timeZone),
  }
}
