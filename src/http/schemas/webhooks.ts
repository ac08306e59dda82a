/** Bodies and answers of /v1/webhooks. */
import { Type } from 'typebox'
import { ENDPOINT_STATES, WEBHOOK_EVENTS, WEBHOOK_STATES } from '../../engine/contract/webhook.js'
import { nullable, oneOf, strict, Timestamp, text } from './common.js'

export const WebhookParams = Type.Object({ name: Type.String({ description: 'Name, percent-encoded.' }) })

const Secret = text('whsec_ and the base64 of 24 to 64 octets.', 128)
const Events = Type.Array(oneOf(WEBHOOK_EVENTS, 'Kind of event.'), {
  maxItems: 8,
  description: 'What it is told of; absent: everything.',
})
const States = Type.Array(oneOf(WEBHOOK_STATES, 'Message state.'), {
  maxItems: 16,
  description: 'Only messages that come to one of these states; absent: all.',
})

export const WebhookPutSchema = Type.Object(
  {
    url: text('Where it is delivered to: https, on port 443 or 8443, at a public address.', 2_048),
    events: Type.Optional(Events),
    states: Type.Optional(States),
    secret: Type.Optional(Secret),
    previousSecret: Type.Optional(nullable(Secret)),
    rotateSecret: Type.Optional(
      Type.Boolean({ description: 'Makes a new secret; the one so far signs beside it as previousSecret.' }),
    ),
    disabled: Type.Optional(Type.Boolean({ description: 'Nothing is delivered while it is true.' })),
  },
  { ...strict, description: 'An endpoint. It replaces what had this name, but for the secrets, which stay.' },
)

const LastErrorSchema = Type.Object({ at: Timestamp, reason: Type.String() })

export const WebhookSchema = Type.Object(
  {
    name: Type.String(),
    account: Type.String(),
    url: Type.String(),
    events: Type.Array(oneOf(WEBHOOK_EVENTS, 'Kind of event.')),
    states: nullable(Type.Array(Type.String())),
    secret: Type.String({ description: 'Signs what is delivered.' }),
    previousSecret: nullable(Type.String({ description: 'Signs beside it while a rotation is under way.' })),
    state: oneOf(ENDPOINT_STATES, 'parked: it fails still, and retries of some entries are over.'),
    disabledReason: nullable(oneOf(['GONE', 'BY_REQUEST'], 'GONE: the receiver answered 410.')),
    isCallback: Type.Boolean({ description: 'Made for the callbackUrl of jobs.' }),
    backlog: Type.Integer({ description: 'Entries that wait to be delivered; at most so many where it has `states`.' }),
    parked: Type.Integer({ description: 'Entries whose retries are over; a replay brings them back.' }),
    failures: Type.Integer({ description: 'Since the last success.' }),
    nextAttemptAt: nullable(Timestamp),
    lastSuccessAt: nullable(Timestamp),
    lastError: nullable(LastErrorSchema),
    createdAt: Timestamp,
  },
  { description: 'The endpoint.' },
)

export const ReplayQuery = Type.Object(
  { since: text('Everything that happened at or after this time, RFC 3339.', 40) },
  strict,
)
export const ReplaySchema = Type.Object(
  {
    backlog: Type.Integer({ description: 'Entries that wait to be delivered now.' }),
    replayed: Type.Integer({ description: 'How many of them were brought back.' }),
  },
  { description: 'They are delivered again, in order, beginning at once.' },
)
