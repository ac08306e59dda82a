/** How often a job runs, and what it shows of its runs. */
import { Type } from 'typebox'
import { JOB_STATES } from '../../engine/contract/job.js'
import { type Every, type EverySetting, MISSED_POLICIES } from '../../engine/contract/recurrence.js'
import { nullable, oneOf, strict, text } from './common.js'

const step = (unit: string, way: string) =>
  Type.Optional(Type.Integer({ minimum: 1, description: `Every so many ${unit}, ${way}.` }))

const every = {
  minutes: step('minutes', 'absolute time'),
  hours: step('hours', 'absolute time'),
  days: step('days', 'at the same time of the clock on the wall'),
  weeks: step('weeks', 'at the same time of the clock on the wall'),
  cron: Type.Optional(text('Minute, hour, day of month, month, day of week: `0 9 * * 1-5`.', 120)),
  timeZone: Type.Optional(text("IANA zone; absent: the job's, else the account's.", 64)),
  until: Type.Optional(text('No run after this time (RFC 3339), or after the end of this day (2026-12-31).', 40)),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'At most so many runs.' })),
  missed: Type.Optional(oneOf(MISSED_POLICIES, 'Of runs whose time passed while the engine was down; default once.')),
}

const Whole = Type.Object(every, strict)

const either = {
  oneOf: [{ type: 'string', minLength: 2, maxLength: 120 }, Whole],
  description: 'Exactly one of minutes, hours, days, weeks and cron; or `15m`, `2h`, `1d`, `1w`, or a cron line.',
}
export const EverySchema = Type.Unsafe<EverySetting>(either)
export const EveryOrNull = Type.Unsafe<EverySetting | null>({ oneOf: [...either.oneOf, { type: 'null' }] })
/** As a job shows it. */
export const ShownEverySchema = Type.Unsafe<Every>(Whole)

const Count = nullable(Type.Integer({ minimum: 0 }))

/** Of a recurring job; all null: it does not recur. */
export const runs = {
  nextRunAt: nullable(Type.String({ description: 'Of a recurring job; null: no run is to come.' })),
  runs: { ...Count, description: 'Of a recurring job: runs that were made.' },
  lastRun: Type.Unsafe<object | null>({
    ...Type.Object({
      job: Type.String(),
      number: Type.Integer(),
      scheduledAt: Type.String(),
      state: oneOf(JOB_STATES, 'Of the run.'),
    }),
    type: ['object', 'null'],
  }),
  skippedRuns: { ...Count, description: 'Left out: the run before was still under way, or the run was refused.' },
  missedRuns: { ...Count, description: 'Times that passed while the engine was down.' },
  lastSkip: Type.Unsafe<object | null>({
    ...Type.Object({ at: Type.String(), reason: Type.String({ description: 'OVERLAP, MISSED, or an error code.' }) }),
    type: ['object', 'null'],
  }),
}

export const RunSchema = Type.Unsafe<object | null>({
  ...Type.Object({
    number: Type.Integer({ description: 'From 1.' }),
    scheduledAt: Type.String(),
    late: Type.Boolean({ description: 'Its time passed while the engine was down.' }),
  }),
  type: ['object', 'null'],
  description: 'Which run of its parent the job is.',
})
