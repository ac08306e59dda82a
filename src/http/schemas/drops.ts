/** Query and answers of /v1/drops. */
import { Type } from 'typebox'
import { DROP_NOTICES, DROP_STATES } from '../../engine/contract/drops.js'
import { JOB_STATES } from '../../engine/contract/job.js'
import { cursorOf, nullable, oneOf, pageQuery, strict, Timestamp, text } from './common.js'

const notices = {
  email: Type.Array(text('An email address.', 254), { maxItems: 20, description: 'Who is written to.' }),
  on: Type.Array(oneOf(DROP_NOTICES, 'Of what.'), { maxItems: 2, description: 'Absent: all.' }),
}
const about = { description: 'Emails when a dropped file is done or failed; null: none.' }
export const DropNoticesSetting = nullable(
  Type.Object({ email: notices.email, on: Type.Optional(notices.on) }, { ...strict, ...about }),
)
export const DropNoticesSchema = nullable(Type.Object(notices, about))

const count = (description: string) => Type.Integer({ minimum: 0, description })

export const DropSchema = Type.Object(
  {
    id: Type.String(),
    account: Type.String(),
    file: Type.String({ description: 'Name as it was dropped.' }),
    size: nullable(Type.Integer({ description: 'Octets; null: not known yet, or no plain file.' })),
    sha256: nullable(Type.String({ description: 'Of its content; unpacked, if it is gzip-compressed.' })),
    state: oneOf(
      DROP_STATES,
      'reading: into its job. sending: it lies in processed/, its messages are on their way. done: all are final, the report ' +
        'lies beside it. canceled: its job was. failed: it lies in error/.',
    ),
    job: nullable(
      Type.String({ description: 'Its job: counts, messages and sent log are there; null: none was made.' }),
    ),
    jobState: nullable(oneOf(JOB_STATES, 'State of the job.')),
    profile: nullable(Type.String({ description: 'Profile whose settings it was read with.' })),
    storedAs: nullable(Type.String({ description: 'Where it lies now, such as processed/clients.csv.' })),
    rows: count('Recipients read; accepted, rejected, duplicate and suppressed add up to it.'),
    accepted: count('Rows that became messages.'),
    rejected: count('Rows that are wrong; they stand in NAME.rejects.csv beside the file.'),
    rejectedByReason: Type.Record(Type.String(), Type.Integer(), {
      description: 'Rows that became no message, by reason code: rejected, suppressed and duplicate ones.',
    }),
    duplicate: count('Rows whose number came earlier in the file.'),
    suppressed: count('Rows whose number has opted out.'),
    landlines: count('Accepted rows that are called rather than written to.'),
    sent: count('Messages that a carrier took, whatever became of them since.'),
    delivered: count('Of those sent: delivered.'),
    undelivered: count('Of those sent: not delivered.'),
    failed: count('Messages that ended otherwise: failed, expired or canceled.'),
    startedAt: Timestamp,
    finishedAt: nullable(Timestamp),
    error: nullable(
      Type.Object(
        { code: Type.String(), detail: Type.String({ description: 'What is wrong and what to do.' }) },
        { description: 'Why it lies in error/.' },
      ),
    ),
  },
  { description: 'A dropped file and what became of it.' },
)

export const DropListQuery = Type.Object(
  {
    ...pageQuery,
    cursor: cursorOf('drop'),
    state: Type.Optional(oneOf(DROP_STATES, 'Only files in this state.')),
    since: Type.Optional(text('Taken at or after this time, RFC 3339.', 40)),
    account: Type.Optional(text('Only files of this account; for the admin.', 32)),
  },
  strict,
)
