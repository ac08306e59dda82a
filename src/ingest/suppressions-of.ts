/** What an ingest thread asks before it accepts a row: the filter that came with the job's plan, then the table. */
import { NumberFilter } from '../engine/base/number-filter.js'
import type { JobPlan } from '../engine/contract/ingest.js'
import type { Environment } from '../engine/store/environment.js'
import { SuppressionCheck } from '../engine/store/suppression-table.js'

export function suppressionsOf({ suppressions }: JobPlan, environment: Environment): SuppressionCheck | null {
  return suppressions === undefined ? null : new SuppressionCheck(environment, new NumberFilter(suppressions))
}
