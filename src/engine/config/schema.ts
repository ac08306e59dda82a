/**
 * The configuration: type, default, unit, bounds and description of every key from this one schema.
 * Durations carry their unit in the name; rates are per second.
 */
import { type Static, Type } from 'typebox'
import { limits } from '../contract/limits.js'
import { CarrierSchema } from './carrier.js'
import { DropFolderSchema } from './drop-folder.js'
import { HttpLimitsSchema } from './http-limits.js'
import { RetentionSchema } from './retention.js'
import { RouteCarrierSchema } from './route-carriers.js'
import { SpeechSchema } from './speech.js'
import { WebhooksSchema } from './webhooks.js'

const strict = { additionalProperties: false }

export const RouteSchema = Type.Object(
  {
    channel: Type.Union([Type.Literal('sms'), Type.Literal('voice'), Type.Literal('email')], {
      default: 'sms',
      description: 'Way of sending.',
    }),
    account: Type.Optional(Type.String({ description: 'Only for this account.' })),
    prefix: Type.String({
      default: '',
      pattern: '^[0-9]{0,15}$',
      description: 'Leading digits of the number; longest wins. Of email: none.',
    }),
    carriers: Type.Array(RouteCarrierSchema, {
      minItems: 1,
      maxItems: 64,
      description:
        'Carriers in order of preference, each a name or `{id, order, weight}`; where one has a weight, those of the same order share.',
    }),
    failoverAfterSeconds: Type.Optional(
      Type.Number({
        exclusiveMinimum: 0,
        maximum: 604_800,
        description:
          'A message that waited so long for the preferred carriers may go by the next ones; absent: only when they are down.',
      }),
    ),
  },
  strict,
)

export const ConfigSchema = Type.Object(
  {
    dataDir: Type.String({ default: './trunkline-data', description: 'Folder of the store, uploads and keys.' }),
    http: Type.Object(
      {
        host: Type.String({ default: '127.0.0.1', description: 'Address that the API listens on.' }),
        port: Type.Integer({
          minimum: 0,
          maximum: 65535,
          default: 8080,
          description: 'TCP port of the API; 0: any free port.',
        }),
        adminKey: Type.Optional(
          Type.String({ minLength: 16, description: 'Absent: made at first start, in dataDir/admin.key.' }),
        ),
        publicUrl: Type.Optional(
          Type.String({
            pattern: '^https?://[^\\s/?#]+(?:/[^\\s?#]*)?$',
            maxLength: 200,
            description:
              'Where people reach this server, such as https://m.example.com: what unsubscribe links begin with. Absent: no links.',
          }),
        ),
        compat: Type.Object(
          {
            kannel: Type.Boolean({ default: false, description: "Kannel's /cgi-bin/sendsms." }),
            jasmin: Type.Boolean({ default: false, description: "Jasmin's /send, /rate and /balance." }),
          },
          { ...strict, default: {}, description: 'Routes of other gateways, for clients that were written for them.' },
        ),
        trustedProxies: Type.Array(
          Type.String({ description: 'An address, a range such as 10.0.0.0/8, or loopback, linklocal, uniquelocal.' }),
          {
            default: [],
            maxItems: 100,
            description: 'Proxies in front whose X-Forwarded-For is believed; absent: none, the peer is the client.',
          },
        ),
        limits: HttpLimitsSchema,
        metrics: Type.Optional(
          Type.Object(
            {
              host: Type.String({ default: '127.0.0.1', description: 'Address that /metrics listens on.' }),
              port: Type.Integer({
                minimum: 0,
                maximum: 65535,
                description: 'TCP port of /metrics; 0: any free port.',
              }),
            },
            { ...strict, description: 'A host and port of its own for /metrics; absent: with the API.' },
          ),
        ),
      },
      { ...strict, default: {}, description: 'The HTTP API.' },
    ),
    threads: Type.Object(
      {
        ingest: Type.Integer({ minimum: 1, maximum: 64, default: 2, description: 'Ingest workers.' }),
        dispatch: Type.Integer({ minimum: 1, maximum: 1, default: 1, description: 'Dispatcher threads.' }),
      },
      { ...strict, default: {}, description: 'Worker threads.' },
    ),
    logLevel: Type.Union(
      [
        Type.Literal('debug'),
        Type.Literal('info'),
        Type.Literal('warn'),
        Type.Literal('error'),
        Type.Literal('silent'),
      ],
      { default: 'info', description: 'Least severe line that is logged.' },
    ),
    shutdownSeconds: Type.Integer({ minimum: 1, maximum: 600, default: 15, description: 'Longest drain at SIGTERM.' }),
    carriers: Type.Array(CarrierSchema, { default: [], description: 'Upstreams.' }),
    inbound: Type.Object(
      {
        partsTimeoutSeconds: Type.Integer({
          minimum: 1,
          maximum: 604_800,
          default: 1_800,
          description: 'How long the parts of a message are awaited before what came is listed as incomplete.',
        }),
        conversationLockSeconds: Type.Integer({
          minimum: 0,
          maximum: limits.lockSecondsMax,
          default: 259_200,
          description:
            'How long the reply to a message is the account’s that sent it, where neither account nor message says; 0: not at all.',
        }),
        retentionDays: Type.Integer({
          minimum: 1,
          maximum: 3_650,
          default: 90,
          description: 'How long messages of subscribers stay in the list.',
        }),
      },
      { ...strict, default: {}, description: 'Messages of subscribers.' },
    ),
    retention: RetentionSchema,
    dropFolder: Type.Optional(DropFolderSchema),
    speech: SpeechSchema,
    webhooks: WebhooksSchema,
    routes: Type.Array(RouteSchema, {
      default: [],
      description: 'A channel that has no route goes to all its carriers in order.',
    }),
  },
  strict,
)

export type RouteConfig = Static<typeof RouteSchema>
export type Config = Static<typeof ConfigSchema>
