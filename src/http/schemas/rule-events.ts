/** Bodies and answers of /v1/rules and /v1/events. What a rule may say is checked by the engine, which names each fault. */
import { Type } from 'typebox'
import { PRIORITIES, STATES } from '../../engine/contract/message.js'
import {
  EVENT_DATA_FIELDS,
  EVENT_ID_CHARS,
  EVENT_STATES,
  EVENT_TYPE_CHARS,
  EVENTS_PER_REQUEST,
  type EventAnswer,
  RECIPIENTS_MOST,
  type RuleConditions,
  type RuleLate,
  type RuleRecipient,
  type RuleWhen,
  SENDS_MOST,
} from '../../engine/contract/rule-events.js'
import { CHOSEN_BY } from '../validation.js'
import { nullable, oneOf, pageQuery, strict, Timestamp, text } from './common.js'
import { Priority } from './jobs.js'
import { FieldValue } from './messages.js'
import { WindowOrNull } from './sending-hours.js'

const CHANNEL_NAMES = ['auto', 'sms', 'voice', 'email'] as const

const When = Type.Unsafe<RuleWhen>({
  type: ['string', 'object'],
  properties: {
    before: { type: 'string', maxLength: 32 },
    after: { type: 'string', maxLength: 32 },
    daysBefore: { type: 'integer', minimum: 0 },
    daysAfter: { type: 'integer', minimum: 0 },
    at: { type: 'string', maxLength: 5 },
    timeZone: { type: 'string', maxLength: 64 },
  },
  additionalProperties: false,
  description:
    '"at once"; {"before": "24h"} or {"after": "2h"} the moment of the event; or {"daysBefore": 1, "at": "18:00"} or ' +
    '{"daysAfter": …}, by the clock of timeZone, else of the account.',
})

const Late = Type.Unsafe<RuleLate>({
  type: ['string', 'object'],
  properties: { within: { type: 'string', maxLength: 32 } },
  additionalProperties: false,
  description:
    'When the moment is over already: "send" (default) sends at once, as long as the event has not begun (or, behind it, for a ' +
    'day); "skip" sends nothing; {"within": "3h"} sends if it is that late at most.',
})

const Recipient = Type.Unsafe<RuleRecipient>({
  type: ['string', 'object'],
  properties: {
    number: { type: 'string', maxLength: 64 },
    email: { type: 'string', maxLength: 254 },
    field: { type: 'string', maxLength: 128 },
  },
  additionalProperties: false,
  description:
    '"client"; {"number": …, "email": …}; or {"field": NAME} of the data, which has a number or an email address.',
})

const Send = Type.Object(
  {
    channel: Type.Optional(
      oneOf(CHANNEL_NAMES, 'Default auto: to the number, or where there is none to the email address.'),
    ),
    template: text('Name of a template.', 64),
    from: Type.Optional(text('Sender.', 254)),
    validForSeconds: Type.Optional(Type.Integer({ minimum: 1, description: 'Then it is not sent any more.' })),
  },
  strict,
)

const conditions = {
  all: Type.Optional(Type.Array(Type.Unknown())),
  any: Type.Optional(Type.Array(Type.Unknown())),
  not: Type.Optional(Type.Unknown()),
}
const If = Type.Unsafe<RuleConditions>(
  Type.Object(conditions, {
    ...strict,
    description:
      'Conditions as of an audience, over data.NAME of the event and the contact of the client (attributes.NAME, tags …).',
  }),
)

const rule = {
  event: text('Type of the events that it is about.', EVENT_TYPE_CHARS),
  when: When,
  send: Type.Array(Send, { minItems: 1, maxItems: SENDS_MOST, description: 'All of these.' }),
}
const recipients = Type.Array(Recipient, {
  minItems: 1,
  maxItems: RECIPIENTS_MOST,
  description: 'Default: the client.',
})
const Description = text('For people.', 1024)

export const RulePutSchema = Type.Object(
  {
    ...rule,
    recipients: Type.Optional(recipients),
    if: Type.Optional(If),
    window: Type.Optional(WindowOrNull),
    late: Type.Optional(Late),
    priority: Type.Optional(Priority),
    enabled: Type.Optional(Type.Boolean({ description: 'Default true.' })),
    description: Type.Optional(nullable(Description)),
  },
  {
    ...strict,
    description: 'A rule. It replaces what had this name; messages that are made already stay as they are.',
  },
)

export const RuleSchema = Type.Object(
  {
    name: Type.String(),
    ...rule,
    recipients,
    if: If,
    window: WindowOrNull,
    late: Late,
    priority: oneOf(PRIORITIES, 'Of its messages.'),
    enabled: Type.Boolean(),
    description: nullable(Type.String()),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  },
  { description: 'The rule.' },
)

const Id = text('Your own name for it, unique in the account.', EVENT_ID_CHARS)
const event = {
  type: text('Such as appointment; rules name it.', EVENT_TYPE_CHARS),
  id: Id,
  at: Type.Optional(Type.String({ maxLength: 64, description: 'RFC 3339 with a zone; absent: now.' })),
  to: Type.Optional(
    Type.Unsafe<string | { number?: string; email?: string }>({
      type: ['string', 'object'],
      maxLength: 254,
      minLength: 1,
      properties: { number: { type: 'string', maxLength: 64 }, email: { type: 'string', maxLength: 254 } },
      additionalProperties: false,
      description:
        'The client: a number, an email address, or both as {"number": …, "email": …}; a contact adds the other.',
    }),
  ),
  data: Type.Optional(
    Type.Record(Type.String({ minLength: 1, maxLength: 128 }), FieldValue, {
      maxProperties: EVENT_DATA_FIELDS,
      description: 'What labels of the templates and conditions of the rules name.',
    }),
  ),
  canceled: Type.Optional(Type.Boolean({ description: 'true: cancels the event of this id.' })),
}

const One = Type.Object(event, strict)
const Batch = Type.Object({ events: Type.Array(One, { minItems: 1, maxItems: EVENTS_PER_REQUEST }) }, strict)
export const EventPutSchema = Type.Union([Batch, One], {
  [CHOSEN_BY]: 'events',
  description: 'One event, or up to 1,000.',
})

const Outcome = Type.Object({
  rule: Type.String(),
  channel: oneOf(CHANNEL_NAMES, 'As the rule says.'),
  template: nullable(Type.String()),
  recipient: nullable(Type.String()),
  message: nullable(Type.String({ description: 'Its id; null: none was made, and reason says why.' })),
  version: Type.Integer({ description: 'Of the event that it was made of.' }),
  due: nullable(Type.String({ description: 'RFC 3339, UTC.' })),
  state: Type.Optional(oneOf(STATES, 'Of the message.')),
  reason: nullable(Type.String()),
  detail: nullable(Type.String()),
})

export const EventSchema = Type.Object(
  {
    id: Type.String(),
    type: Type.String(),
    at: Timestamp,
    to: Type.Object({ number: nullable(Type.String()), email: nullable(Type.String()) }),
    data: Type.Record(Type.String(), FieldValue),
    state: oneOf(EVENT_STATES, 'scheduled: a message of it is still to come; done: none is.'),
    version: Type.Integer({ description: '1, and one more with each change.' }),
    createdAt: Timestamp,
    updatedAt: Timestamp,
    messages: Type.Array(Outcome, { description: 'What came of each rule, for each recipient and channel.' }),
    earlier: Type.Array(Outcome, {
      description: 'Of earlier versions: what had been handed over when the event changed.',
    }),
  },
  { description: 'The event and what came of it.' },
)

const EventItem = Type.Unsafe<EventAnswer>(
  Type.Object(
    {
      ...Type.Partial(EventSchema).properties,
      id: Type.String(),
      code: Type.Optional(Type.String({ description: 'Why the event was refused.' })),
      message: Type.Optional(Type.String()),
    },
    { description: 'The event, or why it was refused.' },
  ),
)

export const EventsPutAnswer = Type.Object(
  { ...Type.Partial(EventSchema).properties, items: Type.Optional(Type.Array(EventItem)) },
  { description: 'The event; for a list, an item for each of them.' },
)

export const EventListQuery = Type.Object(
  {
    ...pageQuery,
    type: Type.Optional(text('Only events of this type.', EVENT_TYPE_CHARS)),
    state: Type.Optional(oneOf(EVENT_STATES, 'Only events in this state.')),
  },
  strict,
)
