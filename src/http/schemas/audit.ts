/** Query and answers of /v1/audit. */
import { Type } from 'typebox'
import { nullable, oneOf, pageQuery, strict, Timestamp, text } from './common.js'

const Hash = Type.String({ description: 'SHA-256 in hexadecimal digits.' })

export const AuditSchema = Type.Object(
  {
    number: Type.Integer({ description: 'From 1 without a gap, over all accounts.' }),
    at: Timestamp,
    actor: oneOf(['admin', 'key', 'engine'], 'Who did it; engine: it did so by itself.'),
    key: nullable(Type.String({ description: 'Id of the key of the account.' })),
    ip: nullable(Type.String()),
    action: Type.String({ description: 'Such as account.create, key.delete, job.pause.' }),
    object: Type.String({ description: 'Such as account/acme or job/job_00000001; numbers are masked.' }),
    account: nullable(Type.String({ description: 'Whose object it is.' })),
    before: nullable(Type.String({ description: 'Keyed SHA-256 of the stored object before; null: there was none.' })),
    after: nullable(Type.String({ description: 'The same of the object after; null: there is none any more.' })),
    previous: Hash,
    hash: Type.String({
      description:
        'SHA-256 of the JSON array [number, at, actor, key, ip, action, object, account, before, after, previous].',
    }),
  },
  { description: 'One change, chained to the one before it.' },
)

export const AuditQuery = Type.Object(
  {
    ...pageQuery,
    cursor: Type.Optional(Type.String({ pattern: '^[0-9]{1,16}$', description: 'nextCursor of the page before.' })),
    account: Type.Optional(text('Only of this account.', 32)),
    action: Type.Optional(text('Only this action.')),
    object: Type.Optional(text('Only this object.', 256)),
    since: Type.Optional(text('At or after this time, RFC 3339.', 40)),
    until: Type.Optional(text('Before this time, RFC 3339.', 40)),
    format: Type.Optional(
      oneOf(
        ['json', 'ndjson'],
        'ndjson: everything, oldest first, a JSON object a line; limit and cursor are not used.',
      ),
    ),
  },
  strict,
)

export const AuditChainQuery = Type.Object(
  {
    anchor: Type.Optional(
      Type.String({
        pattern: '^[1-9][0-9]{0,15}:[0-9a-f]{64}$',
        description:
          'NUMBER:HASH of a record as it was noted elsewhere, such as in the log: then a log that was cut off at its end is found as well.',
      }),
    ),
  },
  strict,
)

export const AuditChainSchema = Type.Object(
  {
    ok: Type.Boolean({ description: 'Every record is there, unchanged and in its place.' }),
    records: Type.Integer({ description: 'That were found to fit.' }),
    head: Type.String({
      description: 'Hash of the last of them; kept elsewhere it proves later that nothing was changed.',
    }),
    broken: Type.Unsafe<{ number: number; problem: string } | null>({
      type: ['object', 'null'],
      properties: { number: { type: 'integer' }, problem: { type: 'string' } },
      required: ['number', 'problem'],
      description: 'The first record that does not fit, and why.',
    }),
  },
  { description: 'What a walk over the whole log found.' },
)
