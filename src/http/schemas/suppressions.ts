/** Bodies and answers of /v1/suppressions. */
import { Type } from 'typebox'
import { SUPPRESSION_SOURCES } from '../../engine/contract/suppressions.js'
import { CHOSEN_BY } from '../validation.js'
import { nullable, oneOf, pageAnswer, pageQuery, strict, Timestamp, text } from './common.js'

const Sender = text('Only messages from this sender; absent: all of the account.', 255)
const Note = text('Shown again; for people.', 256)
const Source = oneOf(
  SUPPRESSION_SOURCES,
  'How it came: API, file, the word of the subscriber, or the link in a message.',
)

const EntrySchema = Type.Object({
  scope: oneOf(['account', 'sender'], 'All messages of the account, or those of one sender.'),
  sender: nullable(Type.String({ description: 'In small letters and without +.' })),
  source: Source,
  at: Timestamp,
  text: nullable(Type.String({ description: 'The word of the subscriber.' })),
  address: nullable(Type.String({ description: 'Where that word was sent to.' })),
  inbound: nullable(Type.String({ description: 'Id of the message of the subscriber.' })),
  note: nullable(Type.String()),
})

export const SuppressionSchema = Type.Object(
  {
    number: Type.String(),
    entries: Type.Array(EntrySchema, { description: 'Why it is suppressed: at least one reason.' }),
  },
  { description: 'A number or an email address that must not be messaged.' },
)

export const SuppressionParams = Type.Object({
  number: text(
    'However the default country of the account writes it, or with + and country code; or an email address.',
    320,
  ),
})

export const SuppressionPutSchema = Type.Object(
  { sender: Type.Optional(Sender), note: Type.Optional(Note) },
  { ...strict, description: 'May be left out.' },
)

export const SenderQuery = Type.Object({ sender: Type.Optional(Sender) }, strict)

export const SuppressionListQuery = Type.Object(
  {
    ...pageQuery,
    cursor: Type.Optional(Type.String({ pattern: '^\\d{1,17}$', description: 'nextCursor of the page before.' })),
    source: Type.Optional(Source),
    since: Type.Optional(text('Suppressed at or after this time, RFC 3339.', 40)),
    format: Type.Optional(oneOf(['json', 'csv'], 'csv: all of it, streamed, a line an entry.')),
  },
  strict,
)

export const SuppressionPage = pageAnswer(SuppressionSchema, 'Suppressed numbers, in order.')

const Item = Type.Union([
  Type.String({ minLength: 1, maxLength: 320 }),
  Type.Object(
    { number: Type.String({ minLength: 1, maxLength: 320 }), sender: Type.Optional(Sender), note: Type.Optional(Note) },
    strict,
  ),
])
const Numbers = Type.Array(Item, { minItems: 1, description: 'At most 10,000 numbers, or objects with a number each.' })

export const SuppressionImportSchema = Type.Union([Type.Object({ numbers: Numbers }, strict), Numbers], {
  [CHOSEN_BY]: 'numbers',
  description: 'A list of numbers, bare or as `numbers`.',
})

export const SuppressionImportQuery = Type.Object(
  { column: Type.Optional(text('Of a file: label or position from 1; absent: found by label or content.', 256)) },
  strict,
)

export const ImportReportSchema = Type.Object(
  {
    records: Type.Integer({ description: 'Of the list or the file, empty lines not counted.' }),
    added: Type.Integer(),
    known: Type.Integer({ description: 'Were suppressed already, or came twice.' }),
    rejected: Type.Integer(),
    rejectedByReason: Type.Record(Type.String(), Type.Integer()),
    errors: Type.Array(
      Type.Object({
        line: Type.Integer({ description: 'Of the file, or place in the list, from 1.' }),
        code: Type.String(),
        detail: Type.String(),
      }),
      { description: 'The first 1,000 of those rejected.' },
    ),
  },
  { description: 'records = added + known + rejected.' },
)
