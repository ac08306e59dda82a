/** Bodies and answers of /v1/jobs: only what the engine can do; a setting of a later version is an unknown key. */
import { type TSchema, Type } from 'typebox'
import { Tlvs } from '../../engine/config/smpp-fields.js'
import { CONTENT_SETTINGS } from '../../engine/contract/drafts.js'
import { FILE_ENCODING_NAMES } from '../../engine/contract/file-encoding.js'
import { JOB_STATES, noCounts } from '../../engine/contract/job.js'
import { limits } from '../../engine/contract/limits.js'
import { CHANNELS, CODINGS, PRIORITIES, STATES } from '../../engine/contract/message.js'
import { LANDLINE_RULES } from '../../engine/contract/number-rules.js'
import { UNSUBSCRIBE } from '../../engine/contract/opt-out.js'
import { cursorOf, nullable, oneOf, pageQuery, strict, Timestamp, text } from './common.js'
import { AudienceSchema } from './contacts.js'
import { ConversationLock } from './inbound-rules.js'
import { RefusalSchema } from './money.js'
import { EveryOrNull, EverySchema, RunSchema, runs, ShownEverySchema } from './recurrence.js'
import { WindowOrNull, WindowSchema } from './sending-hours.js'
import { Language, PlayedPrompts, Prompts } from './voice.js'

const ColumnRef = Type.Union([Type.String({ minLength: 1, maxLength: 256 }), Type.Integer({ minimum: 1 })], {
  description: 'A header label, or a position from 1.',
})

const columns = {
  to: Type.Optional(ColumnRef),
  phones: Type.Optional(Type.Array(ColumnRef, { minItems: 1, maxItems: 16 })),
  phonesMode: Type.Optional(oneOf(['first', 'all'], 'Use the first valid phone of a record, or each.')),
  email: Type.Optional(ColumnRef),
  text: Type.Optional(ColumnRef),
  keyword: Type.Optional(ColumnRef),
  sendAt: Type.Optional(ColumnRef),
  sendAtFormat: Type.Optional(
    text(
      'How times are written that are not in RFC 3339: YYYY YY MMM MM M DD D HH H hh h A mm ss, e.g. DD/MM/YYYY HH:mm.',
      64,
    ),
  ),
  sendAtTime: Type.Optional(ColumnRef),
  sendAtTimeOfDay: Type.Optional(text('Of dates without a time, e.g. 09:00; absent: such rows are refused.', 16)),
  sendAtPast: Type.Optional(oneOf(['now', 'reject'], 'What becomes of rows whose own time is over; default now.')),
  timeZone: Type.Optional(ColumnRef),
  language: Type.Optional(ColumnRef),
  tag: Type.Optional(ColumnRef),
  fields: Type.Optional(
    Type.Record(Type.String(), ColumnRef, { description: 'Label in the text → column.', maxProperties: 256 }),
  ),
  saveToContact: Type.Optional(
    Type.Record(Type.String(), ColumnRef, {
      description: 'Attribute of the contact (or email, company) → column: kept with the contact of each row.',
      maxProperties: 256,
    }),
  ),
}

const csv = {
  header: Type.Optional(Type.Boolean({ description: 'The first record holds labels; absent: guessed.' })),
  delimiter: Type.Optional(Type.String({ minLength: 1, maxLength: 8 })),
  encoding: Type.Optional(oneOf(FILE_ENCODING_NAMES, 'Encoding of the file; absent: guessed.')),
  quote: Type.Optional(Type.String({ maxLength: 1, description: 'Quoting character; empty: none.' })),
  relaxQuotes: Type.Optional(Type.Boolean({ description: 'Take quotes inside a field as they are.' })),
}

export const Priority = oneOf(PRIORITIES, 'Order among the messages of one carrier.')
export const SendAt = Type.String({ format: 'date-time', description: 'RFC 3339 with a zone; in the past: at once.' })
export const Rate = Type.Number({ exclusiveMinimum: 0, maximum: 1_000_000, description: 'Parts per second.' })
export const MaxParts = Type.Integer({
  minimum: 1,
  maximum: limits.partsPerMessage,
  description: 'Most parts of one message.',
})
export const ValidFor = Type.Integer({
  minimum: 1,
  maximum: 2_592_000,
  description: 'Seconds after which it is not sent.',
})
export const Text = text('Text with ~label~, ~label|fallback~ and ~~ for a tilde.', limits.fieldBytes, 0)
export const UnsubscribeSetting = oneOf(
  UNSUBSCRIBE,
  'Way out added to each text: a sentence, or a link of the recipient.',
)
export const Reference = text('Your own reference, shown again.', 256)
export const Sender = text(
  'Sender: a number, or up to 11 letters and digits; of an email an address, such as `Clinic <clinic@example.com>`.',
  255,
)
export const Subject = text('Of an email, one line.', 500)
export const Html = text('Of an email, beside its text or alone; values are escaped.', limits.mailBytes)
export const Flash = Type.Boolean({ description: 'Shown at once and not stored by the phone.' })
export const Channel = oneOf(
  ['auto', 'sms', 'voice', 'email'],
  'Way of sending; auto: by what each one goes to, which calls landlines.',
)

export const settings = {
  name: Type.Optional(text('Name shown to people.', 256)),
  channel: Type.Optional(Channel),
  prefer: Type.Optional(
    Type.Array(oneOf(CHANNELS, 'A way of sending.'), {
      minItems: 1,
      maxItems: CHANNELS.length,
      uniqueItems: true,
      description:
        'Of `auto` with `columns.email`: which is tried first; what is left out is not used. Absent: sms, voice, email.',
    }),
  ),
  from: Type.Optional(Sender),
  text: Type.Optional(Text),
  subject: Type.Optional(Subject),
  html: Type.Optional(Html),
  prompts: Type.Optional(Prompts),
  language: Type.Optional(Language),
  template: Type.Optional(text('Name of a template; its text is taken now.', 64)),
  profile: Type.Optional(text('Name of a profile; what the job says itself wins.', 64)),
  csv: Type.Optional(Type.Object(csv, strict)),
  columns: Type.Optional(Type.Object(columns, strict)),
  defaultCountry: Type.Optional(
    Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1 alpha-2 in capitals, e.g. GB.' }),
  ),
  timeZone: Type.Optional(text("IANA zone of times without an offset; absent: the account's.", 64)),
  landlines: Type.Optional(
    oneOf(
      LANDLINE_RULES,
      "What fixed lines get, whatever `channel` says; absent: by `channel` and the account's rules.",
    ),
  ),
  transliterate: Type.Optional(Type.Boolean({ description: 'Replace characters outside GSM 7-bit by like ones.' })),
  maxParts: Type.Optional(MaxParts),
  validForSeconds: Type.Optional(ValidFor),
  priority: Type.Optional(Priority),
  ratePerSecond: Type.Optional(Rate),
  sendAt: Type.Optional(SendAt),
  window: Type.Optional(WindowSchema),
  every: Type.Optional(EverySchema),
  review: Type.Optional(Type.Boolean({ description: 'Wait for POST …/start after the ingest.' })),
  onUnanswered: Type.Optional(oneOf(['resend', 'hold'], 'What follows when a carrier never answers.')),
  conversationLock: Type.Optional(ConversationLock),
  deduplicate: Type.Optional(Type.Boolean({ description: 'One message per number; the first row wins.' })),
  suppressed: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 100_000,
      description: 'Numbers that this job must not message.',
    }),
  ),
  tags: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { maxItems: 20 })),
  clientReference: Type.Optional(Reference),
  callbackUrl: Type.Optional(text('Gets the webhooks of this job alone; https.', 2_048)),
  unsubscribe: Type.Optional(UnsubscribeSetting),
  flash: Type.Optional(Flash),
  tlvs: Type.Optional(Tlvs),
}

/** Settings alone: the part `job` of a multipart upload. */
export const JobSettingsSchema = Type.Object(settings, strict)

const Recipient = Type.Union([
  Type.String({ minLength: 1, maxLength: 64 }),
  Type.Record(
    Type.String(),
    Type.Unsafe<string | number | boolean | null>({ type: ['string', 'number', 'boolean', 'null'] }),
  ),
])

export const JobCreateSchema = Type.Object(
  {
    ...settings,
    recipients: Type.Optional(
      Type.Array(Recipient, {
        minItems: 1,
        maxItems: limits.inlineRecipients,
        description: 'Numbers, or objects with a value per label; absent: upload a CSV next.',
      }),
    ),
    audience: Type.Optional(AudienceSchema),
  },
  strict,
)

/** As given, but for a long list of suppressed numbers. */
const ShownSettingsSchema = Type.Object({
  ...settings,
  every: Type.Optional(ShownEverySchema),
  audience: Type.Optional(AudienceSchema),
  suppressedCount: Type.Optional(Type.Integer({ description: 'Length of `suppressed`, of which ten are shown.' })),
})

/** What is changed of a job that has sent nothing; null takes a setting away. */
const content = Object.fromEntries(
  CONTENT_SETTINGS.map((name) => {
    const given: TSchema = name === 'audience' ? AudienceSchema : settings[name]
    return [name, Type.Optional(nullable(given))]
  }),
)

export const JobCopySchema = Type.Object(
  {
    name: settings.name,
    rows: Type.Optional(Type.Boolean({ description: 'Copy the rows of its file as well; default true.' })),
  },
  strict,
)

export const JobPatchSchema = Type.Object(
  {
    ...content,
    sendAt: Type.Optional(nullable(SendAt)),
    ratePerSecond: Type.Optional(nullable(Rate)),
    window: Type.Optional(WindowOrNull),
    priority: Type.Optional(Priority),
    every: Type.Optional(EveryOrNull),
    name: settings.name,
    tags: settings.tags,
  },
  { ...strict, minProperties: 1, description: 'Absent keys stay as they are.' },
)

const Count = Type.Integer({ minimum: 0 })
/** rows = accepted + rejected + suppressed + duplicate; accepted = the sum of the ten states. */
export const CountsSchema = Type.Object(Object.fromEntries(Object.keys(noCounts()).map((name) => [name, Count])))

const Shares = Type.Record(
  Type.String(),
  Type.Object({
    rows: Count,
    parts: Count,
    price: nullable(Type.Number({ description: 'Of the parts that have one; null: none has.' })),
  }),
)
export const EstimateSchema = Type.Unsafe<object | null>({
  ...Type.Object({
    currency: nullable(Type.String()),
    price: nullable(Type.Number({ description: 'Of all parts that have one; null: none has.' })),
    partsWithoutPrice: Count,
    byCountry: Shares,
    byChannel: Shares,
    byEncoding: Shares,
  }),
  type: ['object', 'null'],
  description: 'What the accepted rows come to; null until the file is read. byCountry: ISO 3166, 001 for none.',
})
export const Reasons = Type.Record(Type.String(), Count, {
  description: 'Rows that became no message, by code: rejected, suppressed and duplicate ones.',
})

/** Free-form: dialect and column map of the sniffer, which the engine made itself. */
export const Findings = Type.Unsafe<object | null>({ type: ['object', 'null'], additionalProperties: true })

/** Guesses are listed under `guessed` of the dialect and of the columns. */
const FileSchema = Type.Unsafe<object | null>({
  type: ['object', 'null'],
  properties: {
    bytes: { type: 'integer' },
    sha256: { type: ['string', 'null'] },
    dialect: Findings,
    columns: Findings,
    warnings: { type: 'array', items: { type: 'string' } },
    findings: { type: 'object', additionalProperties: { type: 'integer' } },
  },
})

export const JobSchema = Type.Object(
  {
    id: Type.String(),
    name: nullable(Type.String()),
    state: oneOf(JOB_STATES, 'State of the job.'),
    reason: nullable(Type.String({ description: 'Code: why it failed or paused.' })),
    detail: nullable(Type.String()),
    settings: ShownSettingsSchema,
    retryOf: nullable(Type.String({ description: 'The job whose messages this one sends again.' })),
    parent: nullable(Type.String({ description: 'The recurring job that this one is a run of.' })),
    run: RunSchema,
    ...runs,
    counts: CountsSchema,
    rejectedByReason: Reasons,
    estimate: EstimateSchema,
    file: FileSchema,
    progress: Type.Object({
      rowsPerSecond: Type.Number(),
      messagesPerSecond: Type.Number(),
      estimatedEndAt: nullable(Type.String()),
    }),
    erased: Type.Unsafe<{ textsAt: string; rowsAt: string | null } | null>({
      type: ['object', 'null'],
      properties: { textsAt: { type: 'string' }, rowsAt: { type: ['string', 'null'] } },
      required: ['textsAt', 'rowsAt'],
      description: 'When its texts, and then its rows with their numbers, were forgotten; null: nothing was.',
    }),
    createdAt: Timestamp,
    startedAt: nullable(Type.String()),
    finishedAt: nullable(Type.String()),
  },
  { description: 'The job.' },
)

export const PreviewRowSchema = Type.Object({
  row: Type.Integer(),
  line: Type.Integer(),
  to: Type.String(),
  channel: Type.String(),
  text: Type.String(),
  subject: Type.Optional(Type.String({ description: 'Of an email.' })),
  html: Type.Optional(Type.String({ description: 'Of an email that has it.' })),
  prompts: Type.Optional(PlayedPrompts),
  language: Type.Optional(Type.String({ description: "Of a call; '' = as configured." })),
  encoding: oneOf(CODINGS, 'Coding of the parts.'),
  parts: Type.Integer(),
  price: nullable(Type.Number({ description: 'null: the account has no prices.' })),
  carrier: nullable(Type.String()),
  sendAt: nullable(Type.String({ description: "The row's own time; null: when the job is." })),
  reason: nullable(Type.String({ description: 'Set when the row is not accepted.' })),
  detail: nullable(Type.String()),
})
const preview = {
  rows: Type.Array(PreviewRowSchema),
  counts: CountsSchema,
  rejectedByReason: Reasons,
  estimate: EstimateSchema,
  refusal: RefusalSchema,
}
export const PreviewSchema = Type.Object(
  { ...preview, file: FileSchema },
  { description: 'The first rows as they would be sent, and what the file comes to.' },
)
export const DryRunSchema = Type.Object(preview, { description: 'With dryRun: what would be sent.' })

export const JobListQuery = Type.Object(
  {
    ...pageQuery,
    cursor: cursorOf('job'),
    state: Type.Optional(oneOf(JOB_STATES, 'Only jobs in this state.')),
    clientReference: Type.Optional(text('Only jobs with this reference.', 256)),
    tag: Type.Optional(text('Only jobs with this tag.', 64)),
    name: Type.Optional(text('Only jobs of this name.', 256)),
    since: Type.Optional(text('Made at or after this time, RFC 3339.', 40)),
    parent: Type.Optional(text('Only runs of this recurring job.', 32)),
  },
  strict,
)
export const JobMessagesQuery = Type.Object(
  {
    ...pageQuery,
    cursor: cursorOf('msg'),
    state: Type.Optional(oneOf(STATES, 'Only messages in this state.')),
    channel: Type.Optional(oneOf(CHANNELS, 'Only messages that go this way.')),
    to: Type.Optional(text('Recipient with + and country code.', 64)),
  },
  strict,
)
export const RejectsQuery = Type.Object(
  { raw: Type.Optional(Type.Boolean({ description: 'The original bytes of the records alone.' })) },
  strict,
)
export const ProfileQuery = Type.Object({ profile: Type.Optional(text('Saved profile for a text/csv body.')) }, strict)
