/** Bodies and answers of contacts, imports, tags and audiences. What a condition may say is checked by the engine, which names each fault. */
import { Type } from 'typebox'
import type { MessageView } from '../../engine/contract/api.js'
import {
  CONTACT_KINDS,
  IMPORT_STATES,
  type LastMessage as LastMessageView,
  OPT_IN_CHANNELS,
  OPT_IN_STATES,
} from '../../engine/contract/contacts.js'
import { FILE_ENCODING_NAMES } from '../../engine/contract/file-encoding.js'
import type { InboundView } from '../../engine/contract/inbound.js'
import { limits } from '../../engine/contract/limits.js'
import { CHANNELS, STATES } from '../../engine/contract/message.js'
import { nullable, oneOf, pageQuery, strict, Timestamp, text } from './common.js'

const Count = Type.Integer({ minimum: 0 })
const Value = Type.Unsafe<string | number | boolean>({ type: ['string', 'number', 'boolean'] })
const ValueOrNull = Type.Unsafe<string | number | boolean | null>({ type: ['string', 'number', 'boolean', 'null'] })
const Tag = text('Name of a tag; case makes no other one.', limits.tagChars + 16)
const Tags = Type.Array(Tag, { maxItems: limits.contactTags })

const consent = {
  state: oneOf(OPT_IN_STATES, 'What was agreed to.'),
  source: Type.Optional(nullable(Type.String({ description: 'Where, such as a form or a call.' }))),
  text: Type.Optional(nullable(Type.String({ description: 'The words that were agreed to.' }))),
  at: Type.Optional(Type.String({ format: 'date-time', description: 'RFC 3339; absent: now.' })),
  address: Type.Optional(nullable(Type.String({ description: 'Such as the IP address.' }))),
}
const Consent = Type.Object(consent, strict)
/** Without properties, so that a null is told from a wrong key by the engine's own words. */
const ConsentOrNull = Type.Unsafe<{ state: 'in' | 'out' | 'pending' } | null>({ ...Consent, type: ['object', 'null'] })

const Key = Type.String({ description: 'Number in any spelling, or email address, of another contact.' })
const own = {
  number: Type.Optional(
    nullable(Type.String({ description: 'For a contact that is named by its address. Absent: it stays.' })),
  ),
  email: Type.Optional(nullable(Type.String({ maxLength: limits.emailChars }))),
  kind: Type.Optional(oneOf(CONTACT_KINDS, 'Default: person.')),
  company: Type.Optional(nullable(Type.String({ maxLength: limits.companyChars }))),
  memberOf: Type.Optional(nullable(Key)),
}
const attributesDescription = 'Name → text, number, true or false.'

export const ContactPutSchema = Type.Object(
  {
    ...own,
    attributes: Type.Optional(Type.Record(Type.String(), Value, { description: attributesDescription })),
    tags: Type.Optional(Tags),
    optIn: Type.Optional(Type.Object(byChannel(Type.Optional(Consent)), strict)),
  },
  { ...strict, description: 'All of the contact: what is absent is empty.' },
)

export const ContactPatchSchema = Type.Object(
  {
    ...own,
    attributes: Type.Optional(
      Type.Record(Type.String(), ValueOrNull, { description: `${attributesDescription} null takes one away.` }),
    ),
    tags: Type.Optional(Tags),
    addTags: Type.Optional(Tags),
    removeTags: Type.Optional(Tags),
    optIn: Type.Optional(Type.Object(byChannel(Type.Optional(ConsentOrNull)), strict)),
  },
  { ...strict, minProperties: 1, description: 'Absent keys stay as they are.' },
)

function byChannel<T>(schema: T): Record<(typeof OPT_IN_CHANNELS)[number], T> {
  const [sms, voice, email] = OPT_IN_CHANNELS.map(() => schema)
  return { sms: sms!, voice: voice!, email: email! }
}

/** For the document: the list is read and checked by a worker. */
export const ContactListSchema = Type.Array(
  Type.Object({
    ...own,
    attributes: Type.Optional(Type.Record(Type.String(), ValueOrNull)),
    tags: Type.Optional(Tags),
    optIn: Type.Optional(Type.Object(byChannel(Type.Optional(ConsentOrNull)), strict)),
  }),
  {
    minItems: 1,
    maxItems: limits.contactsPerRequest,
    description: 'Each with a number or an email. Merged into what is there; tags are added.',
  },
)

const ConsentView = Type.Object({
  state: oneOf(OPT_IN_STATES, 'What was agreed to.'),
  source: nullable(Type.String()),
  text: nullable(Type.String()),
  at: Timestamp,
  address: nullable(Type.String()),
})

const LastMessage = Type.Unsafe<LastMessageView | null>({
  ...Type.Object({
    at: Timestamp,
    state: oneOf(STATES, 'What became of it.'),
    channel: oneOf(CHANNELS, 'How it went.'),
    id: Type.String(),
  }),
  type: ['object', 'null'],
  description: 'The last message that was handed to a carrier; null: none since the contact is known.',
})

export const ContactSchema = Type.Object(
  {
    number: nullable(Type.String({ description: 'E.164.' })),
    email: nullable(Type.String()),
    kind: oneOf(CONTACT_KINDS, 'What it is.'),
    company: nullable(Type.String()),
    memberOf: nullable(Type.String({ description: 'Number, else address, of the contact that it belongs to.' })),
    attributes: Type.Unsafe<Record<string, string | number | boolean>>({
      type: 'object',
      additionalProperties: true,
      description: attributesDescription,
    }),
    tags: Type.Array(Type.String()),
    optIn: Type.Object(byChannel(Type.Optional(ConsentView))),
    lastMessage: LastMessage,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { description: 'The contact.' },
)

const counts = { rows: Count, added: Count, changed: Count, unchanged: Count, rejected: Count }

export const BulkSchema = Type.Object(
  {
    ...counts,
    rejects: Type.Array(
      Type.Object({
        index: Type.Integer({ description: 'Place in the list, from 0.' }),
        code: Type.String(),
        message: Type.String(),
      }),
    ),
  },
  { description: 'rows = added + changed + unchanged + rejected.' },
)

export const ContactParams = Type.Object({
  number: Type.String({ description: 'Number in any spelling, or email address.' }),
})

export const HistorySchema = Type.Object(
  {
    direction: oneOf(['sent', 'received'] as const, 'Sent to the contact, or received from it.'),
    at: Timestamp,
    message: Type.Unsafe<MessageView | null>({ type: ['object', 'null'], additionalProperties: true }),
    inbound: Type.Unsafe<InboundView | null>({ type: ['object', 'null'], additionalProperties: true }),
  },
  { description: 'One of the two is null; the other as GET /v1/messages/ID or GET /v1/inbound/ID shows it.' },
)

export const ContactListQuery = Type.Object(
  {
    ...pageQuery,
    tag: Type.Optional(Tag),
    q: Type.Optional(
      text('Part of the number, email, company, a tag or an attribute. A page may be short: follow nextCursor.', 128),
    ),
  },
  strict,
)
export const ContactExportQuery = Type.Object(
  { format: Type.Optional(oneOf(['csv', 'ndjson'], 'Default csv.')), tag: Type.Optional(Tag) },
  strict,
)

export const TagSchema = Type.Object({ name: Type.String(), contacts: Count }, { description: 'A tag.' })
export const AttributesSchema = Type.Object(
  { items: Type.Array(Type.String()) },
  { description: 'Names of attributes that contacts have or had.' },
)

export const ImportQuery = Type.Object(
  {
    tag: Type.Optional(Tag),
    to: Type.Optional(text('Label or position of the column of numbers; absent: found as for jobs.', 256)),
    email: Type.Optional(text('The same for email addresses; absent: a column that is called so.', 256)),
    company: Type.Optional(text('The same for the company.', 256)),
    memberOf: Type.Optional(text('Column of the number or address of the contact that each belongs to.', 256)),
    tagColumn: Type.Optional(text('Column of tags; several in a cell stand apart by comma or semicolon.', 256)),
    kind: Type.Optional(oneOf(CONTACT_KINDS, 'What each of them is; absent: as it was, a new one a person.')),
    fields: Type.Optional(
      text('Only these columns, as attribute:column, e.g. city:Town,age:3. Absent: every column.', 8_192),
    ),
    at: Type.Optional(text('When it is to be imported, RFC 3339; absent: at once.', 40)),
    defaultCountry: Type.Optional(text('ISO 3166-1 alpha-2 in capitals, e.g. GB.', 2)),
    header: Type.Optional(Type.Boolean({ description: 'The first record holds labels; absent: guessed.' })),
    delimiter: Type.Optional(Type.String({ minLength: 1, maxLength: 8 })),
    encoding: Type.Optional(oneOf(FILE_ENCODING_NAMES, 'Encoding of the file; absent: guessed.')),
    optInChannel: Type.Optional(oneOf(OPT_IN_CHANNELS, 'What optInState is about; default sms.')),
    optInState: Type.Optional(oneOf(OPT_IN_STATES, 'Recorded for every row.')),
    optInSource: Type.Optional(text('Evidence: where.', limits.consentChars)),
    optInText: Type.Optional(text('Evidence: the words.', limits.consentChars)),
    optInAt: Type.Optional(text('Evidence: when, RFC 3339; absent: now.', 40)),
    optInAddress: Type.Optional(text('Evidence: from which address.', limits.consentChars)),
  },
  strict,
)

const Free = Type.Unsafe<object>({ type: 'object', additionalProperties: true })

export const ImportSchema = Type.Object(
  {
    id: Type.String(),
    state: oneOf(IMPORT_STATES, 'State of the import.'),
    reason: nullable(Type.String({ description: 'Code: why it failed.' })),
    detail: nullable(Type.String()),
    settings: Free,
    job: nullable(Type.String({ description: 'Job whose file it is of.' })),
    counts: Type.Object(counts),
    progress: Type.Object({ bytes: Count, bytesDone: Count, percent: Count }),
    scheduledAt: nullable(Type.String({ description: 'Nothing of it is imported before.' })),
    sha256: nullable(Type.String()),
    columns: Type.Unsafe<object | null>({ type: ['object', 'null'], additionalProperties: true }),
    warnings: Type.Array(Type.String()),
    rejects: Type.Array(
      Type.Object({
        line: Type.Integer(),
        column: nullable(Type.Integer({ description: 'From 1; null: the record.' })),
        code: Type.String(),
        reason: Type.String(),
      }),
      { description: `The first ${limits.importRejectsShown}; all of them are in rejects.csv.` },
    ),
    createdAt: Timestamp,
    finishedAt: nullable(Type.String()),
  },
  { description: 'The import.' },
)

const Conditions = Type.Array(Free, { maxItems: limits.conditions })
const audience = {
  tag: Type.Optional(Tag),
  tags: Type.Optional(
    Type.Array(Tag, { minItems: 1, maxItems: limits.audienceTags, description: 'Has one of these.' }),
  ),
  all: Type.Optional(Conditions),
  any: Type.Optional(Conditions),
  not: Type.Optional(Free),
  fields: Type.Optional(
    Type.Record(
      Type.String(),
      text('Name of an attribute, or email, company, number, company.NAME.', limits.attributeNameChars),
      {
        maxProperties: limits.columns,
        description: 'Label in the text → attribute; any other label takes the attribute of its own name.',
      },
    ),
  ),
}
export const AudienceSchema = Type.Object(audience, {
  ...strict,
  description:
    'Contacts for which everything given holds. A condition is {all: […]}, {any: […]}, {not: …} or {field, op, value}; ' +
    'fields: attributes.NAME, tags, optIn.sms, number, email, kind, company, company.attributes.NAME, company.tags, ' +
    'lastMessage.state, lastMessage.at, lastMessage.channel, createdAt, updatedAt; ' +
    'op: = != < <= > >= contains starts in exists before after.',
})
export const AudienceQuestionSchema = Type.Object(
  {
    ...audience,
    channel: Type.Optional(oneOf(CHANNELS, 'By which it would be messaged; default sms.')),
    from: Type.Optional(text('Sender, for those who want nothing from it alone.', 32)),
  },
  { ...strict, description: 'As audience of a job.' },
)
export const AudienceCountSchema = Type.Object(
  {
    total: Count,
    sendable: Type.Integer({ description: 'With an address, opted in where demanded, and not suppressed.' }),
    unreachable: Type.Integer({ description: 'Without a number, or for email without an address.' }),
    notOptedIn: Count,
    suppressed: Count,
  },
  { description: 'total = sendable + unreachable + notOptedIn + suppressed.' },
)
