/** What the configuration says of webhooks. */
import { type Static, Type } from 'typebox'

export const WebhooksSchema = Type.Object(
  {
    allowPrivateAddresses: Type.Boolean({
      default: false,
      description: 'Receivers may be on this host or network; also permits http and any port.',
    }),
    ports: Type.Array(Type.Integer({ minimum: 1, maximum: 65535 }), {
      default: [443, 8443],
      maxItems: 64,
      description: 'TCP ports that receivers may have, unless private addresses are allowed.',
    }),
    timeoutMs: Type.Integer({
      minimum: 1_000,
      maximum: 60_000,
      default: 20_000,
      description: 'Longest time for one delivery, from connecting to the end of the answer.',
    }),
    deliveries: Type.Integer({
      minimum: 1,
      maximum: 1_000,
      default: 64,
      description: 'Deliveries under way at once, over all accounts; each endpoint gets its fair share.',
    }),
    retentionDays: Type.Integer({
      minimum: 1,
      maximum: 90,
      default: 7,
      description: 'How long events are kept for a replay; what waits to be delivered is kept longer.',
    }),
  },
  { additionalProperties: false, default: {}, description: 'Webhooks.' },
)

export type WebhooksConfig = Static<typeof WebhooksSchema>
