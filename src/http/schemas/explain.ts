/** Question and answer of /v1/explain. */
import { Type } from 'typebox'
import { limits } from '../../engine/contract/limits.js'
import { CHANNELS, CODINGS, STATES } from '../../engine/contract/message.js'
import { LINE_TYPES } from '../../engine/contract/number-rules.js'
import { WAIT_REASONS, type WaitCode } from '../../engine/contract/waits.js'
import { nullable, oneOf, strict, text } from './common.js'
import { MaxParts } from './jobs.js'
import { SendingHoursSchema } from './sending-hours.js'
import { Language as SpokenLanguage } from './voice.js'

/** Empty ones count as not given. */
export const ExplainQuery = Type.Object(
  {
    to: Type.Optional(text('Number or email address, as a message would have it.', 320, 0)),
    text: Type.Optional(text('Final text.', limits.fieldBytes, 0)),
    from: Type.Optional(text('Sender.', 255, 0)),
    channel: Type.Optional(oneOf(['auto', ...CHANNELS], 'Default auto: by the line type of the number.')),
    transliterate: Type.Optional(Type.Boolean({ description: 'As in a message.' })),
    maxParts: Type.Optional(MaxParts),
    language: Type.Optional(SpokenLanguage),
    defaultCountry: Type.Optional(
      Type.String({ pattern: '^[A-Z]{2}$', description: "ISO 3166-1 alpha-2; default: the account's." }),
    ),
    account: Type.Optional(text('For the admin key: whose settings apply; absent: defaults.', 32)),
    job: Type.Optional(text('A job whose settings and suppressed numbers apply.', 64)),
  },
  strict,
)

const Flag = Type.Unsafe<boolean | null>({ type: ['boolean', 'null'] })
const Count = Type.Unsafe<number | null>({ type: ['integer', 'null'] })
const Price = nullable(Type.Number())
const Problem = { code: Type.String(), detail: Type.String() }
const Language = nullable(Type.String())

/** An object, or null. */
function objectOrNull(properties: object, description: string) {
  return Type.Unsafe<object | null>({ ...Type.Object(properties as never), type: ['object', 'null'], description })
}

const number = {
  to: nullable(Type.String({ description: 'E.164; what came where it is no number.' })),
  valid: Type.Unsafe<boolean | null>({
    type: ['boolean', 'null'],
    description: 'By libphonenumber; a number that the account may not message is valid all the same.',
  }),
  country: nullable(Type.String({ description: 'ISO 3166-1 alpha-2.' })),
  lineType: nullable(Type.String({ description: `One of ${LINE_TYPES.join(', ')}.` })),
  shortCode: Flag,
  refused: objectOrNull(Problem, 'Why a message to this number is refused, whatever its text; null: it is not.'),
  suppressed: Flag,
}

const content = {
  encoding: nullable(Type.String({ description: `One of ${CODINGS.join(', ')}.` })),
  units: Type.Unsafe<number | null>({
    type: ['integer', 'null'],
    description: 'gsm7: septets with escapes counted; ucs2: UTF-16 units; else octets.',
  }),
  unitsPerPart: Count,
  parts: Count,
  nationalTables: objectOrNull({ locking: Language, single: Language }, 'Shift tables of 3GPP TS 23.038; null: none.'),
  offending: Type.Array(
    Type.Object({
      char: Type.String(),
      position: Type.Integer({ description: 'UTF-16 index from 0.' }),
    }),
    { description: 'The first 1,000 characters that make the text UCS-2.' },
  ),
  offendingTotal: Type.Integer(),
  offendingCost: Type.Object(
    { parts: Type.Integer(), price: Price },
    { description: 'What these characters add: parts, and their price.' },
  ),
  transliteration: objectOrNull(
    { text: Type.String(), parts: Type.Integer(), partsSaved: Type.Integer(), price: Price },
    'What `transliterate` would make of the text; null: it would not fit, or gain nothing.',
  ),
  text: nullable(Type.String({ description: 'What is sent.' })),
  texts: Type.Array(Type.String(), { description: 'The text of each part; none where it is refused.' }),
  why: nullable(Type.String({ description: 'Why this encoding.' })),
}

const Limit = Type.Object({
  carrier: Type.String(),
  up: Type.Boolean(),
  paused: Type.Boolean(),
  ratePerSecond: nullable(Type.Number({ description: 'As set; null: no limit.' })),
  rateNowPerSecond: nullable(Type.Number({ description: 'In force now.' })),
  window: Type.Integer({ description: 'Requests in flight at most, over all binds.' }),
  windowNow: Type.Integer({ description: 'At most now.' }),
  inFlight: Type.Integer(),
})

const explained = {
  ...number,
  from: nullable(Type.String()),
  channel: nullable(Type.String()),
  ...content,
  route: objectOrNull(
    {
      channel: Type.String(),
      prefix: Type.String(),
      account: nullable(Type.String()),
      carriers: Type.Array(Type.String()),
    },
    'Where it would go; null: nowhere.',
  ),
  carriers: Type.Array(Type.String(), { description: 'Of the route, in order of preference.' }),
  limits: Type.Array(Limit, { description: 'Of these carriers: the rate and the window that bind a message.' }),
  rates: Type.Object(
    { job: nullable(Type.Number()), account: nullable(Type.Number()) },
    { description: 'Parts per second of the job that is named, and of the account; null: no limit.' },
  ),
  sendingHours: SendingHoursSchema,
  currency: nullable(Type.String()),
  partPrice: nullable(Type.Number({ description: 'Of one part; null: the account has no price for it.' })),
  price: nullable(Type.Number({ description: 'Of the text.' })),
  problems: Type.Array(Type.Object(Problem), {
    description: 'All that POST /v1/messages would refuse it for; empty: it would be sent.',
  }),
}

export const ExplainSchema = Type.Object(explained, { description: 'What would become of it.' })

const Wait = Type.Object({
  code: oneOf(Object.keys(WAIT_REASONS) as WaitCode[], 'Stable code; docs/errors.md has a sentence of help for each.'),
  detail: Type.String(),
  since: nullable(Type.String({ description: 'Since when, where that is known.' })),
  until: nullable(Type.String({ description: 'When it ends, as far as is known.' })),
  zone: Type.Optional(Type.String({ description: 'Time zone of the sending hours.' })),
  carrier: Type.Optional(Type.String()),
  lastError: Type.Optional(Type.String({ description: 'Why the carrier is down.' })),
  attempt: Type.Optional(Type.Integer({ description: 'Attempts so far.' })),
  status: Type.Optional(Type.Integer({ description: 'How the carrier answered the last one.' })),
  statusName: Type.Optional(Type.String()),
  reason: Type.Optional(Type.String({ description: 'Of CALLED_AGAIN: why the last call came to nothing.' })),
  ratePerSecond: Type.Optional(Type.Number({ description: 'The rate that is used up.' })),
  inFlight: Type.Optional(Type.Integer({ description: 'Requests that the carrier has not answered.' })),
  window: Type.Optional(Type.Integer({ description: 'Of at most so many.' })),
  messages: Type.Optional(Type.Integer({ description: 'Messages that go before it.' })),
  behind: Type.Optional(Type.String({ description: 'The message to the same number that goes before it.' })),
})

export const MessageExplainSchema = Type.Object(
  {
    id: Type.String(),
    job: nullable(Type.String()),
    state: oneOf(STATES, 'State of the message.'),
    reason: nullable(Type.String()),
    isFinal: Type.Boolean(),
    waits: Type.Array(Wait, { description: 'What holds it now, then what would hold it next; empty: it is final.' }),
    ...explained,
  },
  { description: 'What the message waits for, and what was made of it.' },
)
