/** Bodies and answers of /v1/messages. */
import { Type } from 'typebox'
import { Tlvs } from '../../engine/config/smpp-fields.js'
import { limits } from '../../engine/contract/limits.js'
import { CHANNELS, CODINGS, STATES } from '../../engine/contract/message.js'
import { CHOSEN_BY } from '../validation.js'
import { cursorOf, nullable, oneOf, pageQuery, strict, Timestamp, text } from './common.js'
import { ConversationLock } from './inbound-rules.js'
import {
  Channel,
  Flash,
  Html,
  MaxParts,
  Priority,
  Reference,
  SendAt,
  Sender,
  Subject,
  UnsubscribeSetting,
  ValidFor,
} from './jobs.js'
import { Language, PlayedPrompts, Prompts } from './voice.js'

/** What the most parts hold. */
const OCTETS_MAX = 140 * limits.partsPerMessage

export const FieldValue = Type.Unsafe<string | number | boolean | null>({
  type: ['string', 'number', 'boolean', 'null'],
})

const message = {
  to: text('Number with + and country code, or national with defaultCountry; or an email address.', 320),
  from: Type.Optional(Sender),
  text: Type.Optional(text('Final text; this, `template` or `data`; of a call also `prompts`.', limits.fieldBytes, 0)),
  subject: Type.Optional(Subject),
  html: Type.Optional(Html),
  prompts: Type.Optional(Prompts),
  language: Type.Optional(Language),
  template: Type.Optional(text('Name of a template in place of `text`.', 64)),
  fields: Type.Optional(
    Type.Record(Type.String(), FieldValue, {
      maxProperties: limits.columns,
      description: 'With `template` or `prompts`: a value for each label.',
    }),
  ),
  data: Type.Optional(
    Type.String({
      pattern: '^(?:[0-9a-fA-F]{2})+$',
      maxLength: 2 * OCTETS_MAX,
      description: '8-bit data in pairs of hex digits, in place of `text`.',
    }),
  ),
  udh: Type.Optional(
    Type.String({
      pattern: '^(?:[0-9a-fA-F]{2})+$',
      maxLength: 2 * limits.userDataHeaderBytes,
      description: 'With `data`: user data header in hex, its length octet first, such as 06050415811581.',
    }),
  ),
  channel: Type.Optional(Channel),
  priority: Type.Optional(Priority),
  validForSeconds: Type.Optional(ValidFor),
  sendAt: Type.Optional(SendAt),
  maxParts: Type.Optional(MaxParts),
  transliterate: Type.Optional(Type.Boolean({ description: 'Replace characters outside GSM 7-bit by like ones.' })),
  conversationLock: Type.Optional(ConversationLock),
  clientReference: Type.Optional(Reference),
  unsubscribe: Type.Optional(UnsubscribeSetting),
  flash: Type.Optional(Flash),
  tlvs: Type.Optional(Tlvs),
}
const dryRun = Type.Optional(Type.Boolean({ description: 'Answer what would be sent; store nothing.' }))

const One = Type.Object({ ...message, dryRun }, strict)
const Batch = Type.Object(
  {
    messages: Type.Array(Type.Object(message, strict), { minItems: 1, maxItems: limits.messagesPerRequest }),
    dryRun,
  },
  strict,
)
export const MessagesCreateSchema = Type.Union([Batch, One], {
  [CHOSEN_BY]: 'messages',
  description: 'One message, or up to 1,000.',
})

const AcceptedSchema = {
  id: nullable(Type.String()),
  state: Type.String({ description: 'queued, scheduled, or rejected.' }),
  to: Type.String(),
  channel: Type.String(),
  encoding: Type.String(),
  parts: Type.Integer(),
}

/** One answer for both forms keeps the serializer free of choices: the hot route. */
export const MessagesAcceptedSchema = Type.Object(
  {
    ...Type.Partial(Type.Object(AcceptedSchema)).properties,
    items: Type.Optional(
      Type.Array(
        Type.Object({
          ...AcceptedSchema,
          code: Type.Optional(Type.String({ description: 'Why it was refused.' })),
          message: Type.Optional(Type.String()),
        }),
        { description: 'With a batch: one entry per message, in order.' },
      ),
    ),
  },
  { description: 'Durable: it will be sent.' },
)

export const CallSchema = Type.Object(
  {
    heardPercent: nullable(Type.Integer({ description: 'Of the message; null: the call was not answered.' })),
    ringSeconds: nullable(Type.Number({ description: 'To the answer or to the end; null: nobody was called.' })),
    talkSeconds: nullable(Type.Number({ description: 'null: it was not answered.' })),
    digits: Type.String({ description: "Pressed by the called, in order; '' = none." }),
    gateway: nullable(Type.String({ description: 'host:port; null: none was asked.' })),
    words: nullable(
      Type.String({
        description: 'What the gateway said beside the status, or why it could not be asked; null: nothing.',
      }),
    ),
  },
  { description: 'What became of one call.' },
)

const HistorySchema = Type.Object({
  at: Timestamp,
  event: Type.String(),
  carrier: Type.Optional(Type.String()),
  bind: Type.Optional(Type.Integer()),
  part: Type.Optional(Type.Integer()),
  attempt: Type.Optional(Type.Integer()),
  status: Type.Optional(Type.Integer()),
  statusName: Type.Optional(Type.String()),
  carrierId: Type.Optional(Type.String()),
  error: Type.Optional(Type.String()),
  carrierTime: Type.Optional(
    Type.String({ description: 'What the receipt says of the time; its clock may be wrong.' }),
  ),
  reason: Type.Optional(
    Type.String({ description: 'Of `failed`: why, where no carrier refused it. Of a call: why it was not heard.' }),
  ),
  voice: Type.Optional(CallSchema),
  until: Type.Optional(Type.String({ description: 'Of `postponed`: when the number is called again, RFC 3339.' })),
  state: Type.Optional(Type.String({ description: 'Of `settled`: what it became.' })),
  by: Type.Optional(Type.String({ description: 'Of `settled`: the key that said so, or admin.' })),
})

export const MessageSchema = Type.Object(
  {
    id: Type.String(),
    job: nullable(Type.String()),
    state: oneOf(STATES, 'State of the message.'),
    reason: nullable(Type.String()),
    to: Type.String(),
    from: Type.String(),
    channel: Type.String(),
    text: Type.String(),
    subject: nullable(Type.String({ description: 'Of an email; else null.' })),
    html: nullable(Type.String({ description: 'Of an email that has it; else null.' })),
    prompts: nullable(PlayedPrompts),
    language: nullable(Type.String({ description: "Of a call, '' = as configured; else null." })),
    data: nullable(Type.String({ description: '8-bit data in hex; null: it is a text.' })),
    erased: nullable(
      oneOf(['text', 'message'], 'What was erased: its text, or its text and recipient; null: nothing.'),
    ),
    encoding: oneOf(CODINGS, 'Coding of the parts.'),
    parts: Type.Integer(),
    price: nullable(Type.Number({ description: 'Of all its parts, when it was accepted; null: it had none.' })),
    country: nullable(
      Type.String({ description: 'ISO 3166 of the number; null: a network of no country, or not known.' }),
    ),
    clientReference: nullable(Type.String({ description: 'Your own name for it, as it was given.' })),
    line: nullable(Type.Integer({ description: 'Of the file, from 1; null: it came one by one.' })),
    createdAt: Timestamp,
    history: Type.Array(HistorySchema),
  },
  { description: 'The message and what became of it.' },
)

export const MessageListQuery = Type.Object(
  {
    ...pageQuery,
    cursor: cursorOf('msg'),
    to: Type.Optional(text('Recipient with + and country code, or an email address.', 320)),
    from: Type.Optional(text('Sender.', 255)),
    state: Type.Optional(oneOf(STATES, 'Only messages in this state.')),
    channel: Type.Optional(oneOf(CHANNELS, 'Only messages that go this way.')),
    since: Type.Optional(text('Made at or after this time, RFC 3339.', 40)),
    until: Type.Optional(text('Made before this time, RFC 3339.', 40)),
    job: Type.Optional(text('Only messages of this job.', 64)),
    clientReference: Type.Optional(text('Only messages with this reference.', 256)),
  },
  strict,
)
