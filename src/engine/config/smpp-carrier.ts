/**
 * The keys of one SMPP carrier: type, default, unit, bounds and description of each. What differs between carriers is
 * a key here, with the default that fits most.
 */
import { type Static, Type } from 'typebox'
import { limits } from '../contract/limits.js'

const strict = { additionalProperties: false }

const Address = Type.Object(
  {
    ton: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 0, maximum: 6 })], {
      default: 'auto',
      description:
        'Type of number; auto: 5 for letters, 1 for a number with country code, 2 with a leading 0, 3 up to 8 digits.',
    }),
    npi: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 0, maximum: 18 })], {
      default: 'auto',
      description: 'Numbering plan; auto: 1 for numbers, 0 for letters and up to 8 digits.',
    }),
  },
  { ...strict, default: {}, description: 'How the sender is marked (SMPP 3.4 §5.2.5).' },
)

export const SmppCarrierSchema = Type.Object(
  {
    id: Type.String({
      pattern: '^[a-z0-9][a-z0-9_-]{0,31}$',
      description: 'Name of the carrier in routes, metrics and reports.',
    }),
    protocol: Type.Literal('smpp', { description: 'What the carrier speaks; SIP and SMTP come later.' }),
    host: Type.String({ minLength: 1, description: 'Host name or address of the SMSC.' }),
    port: Type.Integer({ minimum: 1, maximum: 65535, default: 2775, description: 'TCP port of the SMSC.' }),
    tls: Type.Union(
      [
        Type.Boolean(),
        Type.Object(
          {
            ca: Type.Optional(Type.String({ description: 'PEM of the authority, best by file reference.' })),
            servername: Type.Optional(Type.String({ description: 'Name in the certificate, where it is not host.' })),
            cert: Type.Optional(Type.String({ description: 'PEM of our own certificate.' })),
            key: Type.Optional(Type.String({ description: 'PEM of our own key.' })),
          },
          strict,
        ),
      ],
      { default: false, description: 'TLS with verified certificates.' },
    ),
    systemId: Type.String({ maxLength: 64, description: 'system_id of the bind.' }),
    password: Type.String({ default: '', maxLength: 64, description: 'password of the bind.' }),
    systemType: Type.String({ default: '', maxLength: 64, description: 'system_type of the bind.' }),
    bindType: Type.Union([Type.Literal('transceiver'), Type.Literal('transmitter+receiver')], {
      default: 'transceiver',
      description: 'transceiver, or a pair of transmitter and receiver per bind.',
    }),
    binds: Type.Integer({ minimum: 1, maximum: limits.bindsMax, default: 1, description: 'Sessions kept bound.' }),
    window: Type.Integer({
      minimum: 1,
      maximum: limits.windowMax,
      default: 100,
      description: 'Requests in flight per bind.',
    }),
    ratePerSecond: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 1_000_000,
        description: 'Parts per second over all binds; absent: no limit.',
      }),
    ),
    unsettledCap: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.windowMax,
        description: 'Answers not durable yet, per bind; absent: as window.',
      }),
    ),
    responseTimeoutMs: Type.Integer({
      minimum: 100,
      maximum: 600_000,
      default: 30_000,
      description: 'Wait for a response.',
    }),
    receiptTimeoutSeconds: Type.Integer({
      minimum: 1,
      maximum: 2_592_000,
      default: 259_200,
      description: 'Wait for a receipt.',
    }),
    enquireLinkMs: Type.Integer({
      minimum: 100,
      maximum: 3_600_000,
      default: 30_000,
      description: 'Idle time before enquire_link.',
    }),
    source: Address,
    destination: Type.Object(
      {
        ton: Type.Integer({ minimum: 0, maximum: 6, default: 1, description: 'Type of number; 1: international.' }),
        npi: Type.Integer({ minimum: 0, maximum: 18, default: 1, description: 'Numbering plan; 1: E.164.' }),
      },
      { ...strict, default: {}, description: 'How the recipient is marked.' },
    ),
    gsm7DataCoding: Type.Integer({
      minimum: 0,
      maximum: 255,
      default: 0,
      description: 'data_coding for GSM 7-bit text.',
    }),
    defaultAlphabet: Type.Union([Type.Literal('gsm7'), Type.Literal('latin1'), Type.Literal('ascii')], {
      default: 'gsm7',
      description: 'What data_coding 0 means at this carrier.',
    }),
    longMessages: Type.Union(
      [Type.Literal('udh'), Type.Literal('udh16'), Type.Literal('sar'), Type.Literal('payload')],
      {
        default: 'udh',
        description: 'How parts of one message are joined.',
      },
    ),
    receipts: Type.Object(
      {
        idFormat: Type.Union(
          [Type.Literal('auto'), Type.Literal('same'), Type.Literal('hexToDec'), Type.Literal('decToHex')],
          {
            default: 'auto',
            description:
              'Ids in receipts: auto folds case and leading zeros; hexToDec turns hex into the decimal of the response.',
          },
        ),
        request: Type.Union([Type.Literal('final'), Type.Literal('failure'), Type.Literal('none')], {
          default: 'final',
          description: 'Which receipts are asked for.',
        }),
      },
      { ...strict, default: {}, description: 'Delivery receipts.' },
    ),
  },
  strict,
)

export type SmppCarrierConfig = Static<typeof SmppCarrierSchema>
