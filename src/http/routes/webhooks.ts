/** /v1/webhooks: where an account is told what happens. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import { timeAgain } from '../query-text.js'
import { answers, bearer, idempotencyHeader } from '../schemas/common.js'
import { ReplayQuery, ReplaySchema, WebhookParams, WebhookPutSchema, WebhookSchema } from '../schemas/webhooks.js'
import { namedThingRoutes } from './named-things.js'

const config = { auth: 'account', scope: 'manage' } as const
const about = { tags: ['webhooks'], security: bearer }

export function webhookRoutes(app: App, engine: EngineApi): void {
  namedThingRoutes(app, {
    plural: 'webhooks',
    one: 'a webhook',
    params: WebhookParams,
    settings: WebhookPutSchema,
    view: WebhookSchema,
    // What it shows has the secret in it.
    look: 'manage',
    listedBy: 'any',
    api: engine.webhooks,
  })
  replayRoute(app, engine)
}

function replayRoute(app: App, engine: EngineApi): void {
  app.post(
    '/v1/webhooks/:name/replay',
    {
      config,
      schema: {
        ...about,
        summary: 'Deliver again what happened since',
        params: WebhookParams,
        headers: idempotencyHeader,
        querystring: ReplayQuery,
        response: answers({ 202: ReplaySchema }),
      },
    },
    async (request, reply) => {
      const since = timeAgain(request.query.since)
      const work = () => engine.webhooks.replay(principalOf(request), request.params.name, since)
      const result = await once(engine, request, reply, { body: { since }, work })
      return reply.code(202).send(result)
    },
  )
}
