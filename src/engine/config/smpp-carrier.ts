/**
 * The keys of one SMPP carrier: type, default, unit, bounds and description of each. What differs between carriers is
 * a key here, with the default that fits most.
 */
import { type Static, Type } from 'typebox'
import { limits } from '../contract/limits.js'
import { submitKeys } from './smpp-fields.js'
import { inboundKeys } from './smpp-inbound.js'
import { outcomeKeys } from './smpp-outcomes.js'
import { ReceiptsSchema } from './smpp-receipts.js'
import { textKeys } from './smpp-text.js'
import { tlsKeys } from './tls-keys.js'

const strict = { additionalProperties: false }

const Tls = Type.Object(
  {
    ...tlsKeys,
    passphrase: Type.Optional(Type.String({ description: 'Of our own key, where it is encrypted.' })),
  },
  strict,
)

export const SmppCarrierSchema = Type.Object(
  {
    id: Type.String({
      pattern: '^[a-z0-9][a-z0-9_-]{0,31}$',
      description: 'Name of the carrier in routes, metrics and reports.',
    }),
    protocol: Type.Literal('smpp', { description: 'An SMSC that takes SMS.' }),
    host: Type.Optional(Type.String({ minLength: 1, description: 'Host name or address of the SMSC.' })),
    port: Type.Integer({ minimum: 1, maximum: 65535, default: 2775, description: 'TCP port of the SMSC.' }),
    hosts: Type.Array(Type.String({ pattern: '^(?:[^\\s:\\[\\]]+|\\[[0-9A-Fa-f:.]+\\])(?::[0-9]{1,5})?$' }), {
      default: [],
      maxItems: 32,
      description:
        'Several hosts of one carrier instead of host, each `name` or `name:port`: binds are spread evenly, a dead one is left out.',
    }),
    tls: Type.Union([Type.Boolean(), Tls], { default: false, description: 'TLS with verified certificates.' }),
    systemId: Type.String({ maxLength: 64, description: 'system_id of the bind.' }),
    password: Type.String({ default: '', maxLength: 64, description: 'password of the bind.' }),
    systemType: Type.String({ default: '', maxLength: 64, description: 'system_type of the bind.' }),
    interfaceVersion: Type.Union([Type.Literal('3.4'), Type.Literal('5.0')], {
      default: '3.4',
      description: 'Offered in the bind; where 5.0 is refused the next bind offers 3.4.',
    }),
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
    progressTimeoutMs: Type.Optional(
      Type.Integer({
        minimum: 100,
        maximum: 3_600_000,
        description:
          'Submits wait so long without any being answered: the session is replaced, even where enquire_link is answered. Absent: twice responseTimeoutMs.',
      }),
    ),
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
    ...outcomeKeys,
    ...submitKeys,
    ...inboundKeys,
    ...textKeys,
    receipts: ReceiptsSchema,
  },
  strict,
)

export type SmppCarrierConfig = Static<typeof SmppCarrierSchema>
