/** Bodies and answers of retry and settle. */
import { Type } from 'typebox'
import { RETRY_STATES, SETTLE_STATES } from '../../engine/contract/retry.js'
import { oneOf, strict } from './common.js'
import { JobSchema } from './jobs.js'

const names = RETRY_STATES.join('|')
export const RetryQuery = Type.Object(
  {
    states: Type.Optional(
      Type.String({
        pattern: `^(?:${names})(?:,(?:${names}))*$`,
        description: `Comma-separated states to take up: ${RETRY_STATES.join(', ')}. Absent: all of them.`,
      }),
    ),
  },
  strict,
)

export const SettleSchema = Type.Object(
  { state: oneOf(SETTLE_STATES, 'What became of it; resend: send again what no carrier has accepted.') },
  strict,
)

export const SettledSchema = Type.Object(
  { settled: Type.Integer({ minimum: 0, description: 'Messages that were unknown.' }), job: JobSchema },
  { description: 'How many were settled.' },
)
