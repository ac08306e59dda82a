/** Body and answers of /v1/erasures. */
import { Type } from 'typebox'
import { ERASURE_STATES } from '../../engine/contract/erasures.js'
import { nullable, oneOf, pageQuery, strict, Timestamp, text } from './common.js'

export const ErasureRequest = Type.Object(
  {
    number: Type.Optional(text('Telephone number, with + and country code or as the account writes it.', 64)),
    email: Type.Optional(text('Email address.', 320)),
    account: Type.Optional(text('With the admin key: only of this account; absent: of all.', 32)),
  },
  { ...strict, description: 'A number or an email address, one of the two.' },
)

const count = (description: string) => Type.Integer({ minimum: 0, description })

export const ErasureSchema = Type.Object(
  {
    id: Type.String(),
    state: oneOf(ERASURE_STATES, 'running: ask again; it also goes on after a restart.'),
    account: nullable(Type.String({ description: 'null: of all accounts.' })),
    subject: Type.String({ description: 'Masked.' }),
    erased: Type.Object(
      {
        messages: count('Messages whose recipient, text and references are gone; states, times and prices stay.'),
        canceled: count('Of these: messages that still waited and were canceled.'),
        fileLines: count('Lines of uploaded, imported and dropped files that were blotted out.'),
        contacts: count('Contacts that were deleted.'),
        inbound: count('Messages from it; when they came stays.'),
        events: count('Automatic events about it.'),
        replies: count('Notes of what was answered to STOP, START and HELP.'),
        receipts: count('Receipts that matched no message.'),
        answers: count('Answers kept for repeated requests, and lists of suppressed numbers of jobs.'),
      },
      { description: 'How many of each had something of it.' },
    ),
    kept: Type.Array(
      Type.Object({
        what: oneOf(['suppressions', 'counts', 'audit'], 'What stays.'),
        count: nullable(Type.Integer({ description: 'How many; null: they are not counted.' })),
        why: Type.String(),
      }),
      { description: 'What stays, and why.' },
    ),
    overwrittenAt: nullable(
      Type.String({ description: 'When the freed pages of the store were overwritten; null: not yet. RFC 3339.' }),
    ),
    createdAt: Timestamp,
    finishedAt: nullable(Timestamp),
  },
  { description: 'What was erased of one number or address, and what stays.' },
)

export const ErasureListQuery = Type.Object(
  {
    ...pageQuery,
    cursor: Type.Optional(
      Type.String({ pattern: '^era_[0-9a-hjkmnp-tv-z]{8}$', description: 'nextCursor of the page before.' }),
    ),
  },
  strict,
)
