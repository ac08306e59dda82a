/**
 * The keys of one SMTP carrier, a relay that takes email: type, default, unit, bounds and description of each.
 */
import { type Static, Type } from 'typebox'
import { limits } from '../contract/limits.js'
import { tlsKeys } from './tls-keys.js'

const strict = { additionalProperties: false }

const TlsOptions = Type.Object(tlsKeys, {
  ...strict,
  description: 'How certificates are verified; they always are, but with opportunistic.',
})

const Dkim = Type.Object(
  {
    domain: Type.String({ minLength: 1, maxLength: 253, description: 'Domain that signs (d=).' }),
    selector: Type.String({
      pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$',
      description: 'Name of the key in the DNS (s=).',
    }),
    key: Type.String({ minLength: 1, description: 'PEM of the private key, best by file reference.' }),
  },
  { ...strict, description: 'Signs every message (RFC 6376); absent: the relay does, or nobody.' },
)

export const MAIL_OUTCOMES = ['rejected', 'retry', 'throttled', 'nextCarrier'] as const

const RuleSchema = Type.Object(
  {
    status: Type.Optional(
      Type.String({
        pattern: '^[45](?:[0-9]{2}|[0-9]x|xx)$',
        description: 'Replies with this code: 550, or 45x, 5xx for many.',
      }),
    ),
    enhanced: Type.Optional(
      Type.String({
        pattern: '^[45]\\.[0-9]{1,3}(?:\\.[0-9]{1,3})?$',
        description: 'Replies with this enhanced status code (RFC 3463), such as 5.7.1, or 5.7 for all that begin so.',
      }),
    ),
    matches: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'Regular expression over the text of the reply.' }),
    ),
    outcome: Type.Union(
      MAIL_OUTCOMES.map((name) => Type.Literal(name)),
      {
        description:
          'rejected: final; retry: later, by the same route; throttled: slow down and retry; nextCarrier: another carrier of its route.',
      },
    ),
    delayMs: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 86_400_000, description: 'Before the message goes again.' }),
    ),
  },
  strict,
)

export const SmtpCarrierSchema = Type.Object(
  {
    id: Type.String({
      pattern: '^[a-z0-9][a-z0-9_-]{0,31}$',
      description: 'Name of the carrier in routes, metrics and reports.',
    }),
    protocol: Type.Literal('smtp', { description: 'A relay that takes email.' }),
    host: Type.String({ minLength: 1, description: 'Host name or address of the relay.' }),
    port: Type.Integer({ minimum: 1, maximum: 65535, default: 587, description: 'TCP port of the relay.' }),
    tls: Type.Union(
      [Type.Literal('required'), Type.Literal('opportunistic'), Type.Literal('implicit'), Type.Literal('none')],
      {
        default: 'required',
        description:
          'required: STARTTLS or nothing is sent; opportunistic: STARTTLS where it is offered, with any certificate; implicit: TLS from the first octet (port 465); none: plain text.',
      },
    ),
    tlsOptions: Type.Optional(TlsOptions),
    user: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'For AUTH; absent: no login.' })),
    password: Type.String({ default: '', maxLength: 1024, description: 'For AUTH.' }),
    from: Type.String({
      minLength: 3,
      maxLength: 255,
      description: 'Sender of messages that name none: `clinic@example.com` or `Clinic <clinic@example.com>`.',
    }),
    returnPath: Type.Optional(
      Type.String({
        maxLength: 254,
        description: 'Envelope sender of all messages, where bounces go; absent: the address of the sender.',
      }),
    ),
    helo: Type.Optional(
      Type.String({ minLength: 1, maxLength: 253, description: 'Name in EHLO; absent: the name of this machine.' }),
    ),
    dkim: Type.Optional(Dkim),
    connections: Type.Integer({
      minimum: 1,
      maximum: limits.bindsMax,
      default: 5,
      description: 'Connections at once; each carries one message at a time.',
    }),
    messagesPerConnection: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 100,
      description: 'Messages after which a connection is closed and another opened.',
    }),
    idleSeconds: Type.Integer({
      minimum: 1,
      maximum: 3_600,
      default: 20,
      description: 'A connection without work is closed after so long.',
    }),
    ratePerSecond: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1_000_000,
        description: 'Messages per second over all connections; absent: no limit.',
      }),
    ),
    responseTimeoutMs: Type.Integer({
      minimum: 100,
      maximum: 1_800_000,
      default: 300_000,
      description: 'Wait for a reply; RFC 5321 asks for five minutes or more.',
    }),
    outcomes: Type.Array(RuleSchema, {
      default: [],
      maxItems: 200,
      description: 'What replies mean at this relay, where it differs; the first rule that fits decides.',
    }),
  },
  strict,
)

export type SmtpCarrierConfig = Static<typeof SmtpCarrierSchema>
export type MailRule = Static<typeof RuleSchema>
