/** Query and answers of /v1/inbound. */
import { Type } from 'typebox'
import { INBOUND_ENCODINGS, INBOUND_REASONS } from '../../engine/contract/inbound.js'
import { KEYWORDS } from '../../engine/contract/opt-out.js'
import { cursorOf, nullable, oneOf, pageQuery, strict, Timestamp, text } from './common.js'

const AddressSchema = Type.Object({
  ton: Type.Integer({ description: 'Type of number.' }),
  npi: Type.Integer({ description: 'Numbering plan.' }),
  address: Type.String({ description: 'As the carrier wrote it.' }),
})
const PortsSchema = Type.Object({ source: nullable(Type.Integer()), destination: nullable(Type.Integer()) })

const ReplySchema = Type.Object(
  {
    message: Type.String({ description: 'Id of the message.' }),
    job: nullable(Type.String({ description: 'Its job; null: it came one by one.' })),
    sentAt: Timestamp,
    lockedUntil: Type.String({
      description: 'Until when replies are its account’s by the conversation lock, RFC 3339.',
    }),
  },
  { description: 'What your account wrote last to this number from this sender.' },
)

export const InboundSchema = Type.Object(
  {
    id: Type.String(),
    from: Type.String({ description: 'Who sent it; international numbers with +.' }),
    to: Type.String({ description: 'Our number or short code.' }),
    text: nullable(Type.String({ description: 'null: not text, or not readable; then `data` has it.' })),
    encoding: oneOf(INBOUND_ENCODINGS, 'Coding in which it came.'),
    dataCoding: Type.Integer(),
    messageClass: nullable(Type.Integer({ description: '0: flash.' })),
    data: nullable(Type.String({ description: 'Octets in hexadecimal digits, where there is no text.' })),
    ports: nullable(PortsSchema),
    parts: Type.Integer({ description: 'How many parts it was cut into.' }),
    complete: Type.Boolean(),
    missing: Type.Array(Type.Integer(), { description: 'Parts, from 1, that never came.' }),
    lateFor: nullable(Type.String({ description: 'A part that came too late for its message: the id of that.' })),
    carrier: Type.String(),
    bind: Type.Integer(),
    receivedAt: Timestamp,
    firstPartAt: Timestamp,
    account: nullable(Type.String({ description: 'Whom it was routed to.' })),
    reason: oneOf(Object.keys(INBOUND_REASONS), 'Why it was routed so.'),
    reply: nullable(ReplySchema),
    keyword: nullable(oneOf(KEYWORDS, 'It is STOP, START or HELP, in whatever language.')),
    done: nullable(oneOf(['suppressed', 'lifted', 'kept'], 'What followed; kept: it was so already.')),
    answer: nullable(Type.String({ description: 'Id of the message that answers it.' })),
    review: Type.Boolean({ description: 'None of the words, and perhaps an opt-out: a person should look at it.' }),
    source: AddressSchema,
    destination: AddressSchema,
  },
  { description: 'A message of a subscriber, its parts joined.' },
)

export const InboundListQuery = Type.Object(
  {
    ...pageQuery,
    cursor: cursorOf('inb'),
    from: Type.Optional(text('Who sent it, with or without +.', 64)),
    to: Type.Optional(text('Our number or short code, with or without +.', 64)),
    carrier: Type.Optional(text('Only through this carrier.', 64)),
    since: Type.Optional(text('Received at or after this time, RFC 3339.', 40)),
    until: Type.Optional(text('Received before this time, RFC 3339.', 40)),
    keyword: Type.Optional(text('First word of the text, case and accents aside.', 64)),
    account: Type.Optional(text('Only what was routed to this account.', 32)),
  },
  strict,
)
