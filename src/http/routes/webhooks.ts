/** /v1/webhooks: where an account is told what happens. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import { timeAgain } from '../query-text.js'
import {
  answers,
  bearer,
  idempotencyHeader,
  NoContent,
  PageQuerySchema,
  pageAnswer,
  pageOf,
} from '../schemas/common.js'
import { ReplayQuery, ReplaySchema, WebhookParams, WebhookPutSchema, WebhookSchema } from '../schemas/webhooks.js'

const config = { auth: 'account', scope: 'manage' } as const
/** What it shows has the secret in it. */
const look = config
const about = { tags: ['webhooks'], security: bearer }

export function webhookRoutes(app: App, engine: EngineApi): void {
  app.put(
    '/v1/webhooks/:name',
    {
      config,
      schema: {
        ...about,
        summary: 'Make or replace a webhook',
        params: WebhookParams,
        body: WebhookPutSchema,
        response: answers({ 200: WebhookSchema }),
      },
    },
    async (request) => engine.webhooks.put(principalOf(request), request.params.name, request.body),
  )

  app.get(
    '/v1/webhooks/:name',
    {
      config: look,
      schema: { ...about, summary: 'One webhook', params: WebhookParams, response: answers({ 200: WebhookSchema }) },
    },
    async (request) => engine.webhooks.get(principalOf(request), request.params.name),
  )

  app.get(
    '/v1/webhooks',
    {
      config: { ...look, auth: 'any' },
      schema: {
        ...about,
        summary: 'List webhooks',
        querystring: PageQuerySchema,
        response: answers({ 200: pageAnswer(WebhookSchema, 'Webhooks by name.') }),
      },
    },
    async (request) => engine.webhooks.list(principalOf(request), pageOf(request.query)),
  )

  app.delete(
    '/v1/webhooks/:name',
    {
      config,
      schema: { ...about, summary: 'Delete a webhook', params: WebhookParams, response: answers({ 204: NoContent }) },
    },
    async (request, reply) => {
      await engine.webhooks.remove(principalOf(request), request.params.name)
      return reply.code(204).send()
    },
  )
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
