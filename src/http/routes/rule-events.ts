/** /v1/rules and /v1/events: automatic messages. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { EventRequest } from '../../engine/contract/rule-events.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import { answers, bearer, IdParams, idempotencyHeader, NoContent, pageAnswer, pageOf } from '../schemas/common.js'
import {
  EventListQuery,
  EventPutSchema,
  EventSchema,
  EventsPutAnswer,
  RulePutSchema,
  RuleSchema,
} from '../schemas/rule-events.js'
import { NameParams } from '../schemas/templates.js'
import { namedThingRoutes } from './named-things.js'

const look = { auth: 'account', scope: 'read' } as const
const send = { auth: 'account', scope: 'send' } as const
const about = { tags: ['events'], security: bearer }
/** A thousand events with much to say. */
const bodyBytes = 8 << 20

export function ruleRoutes(app: App, engine: EngineApi): void {
  namedThingRoutes(app, {
    plural: 'rules',
    one: 'a rule',
    params: NameParams,
    settings: RulePutSchema,
    view: RuleSchema,
    api: engine.rules,
  })
}

export function eventRoutes(app: App, engine: EngineApi): void {
  putRoute(app, engine)
  lookRoutes(app, engine)
  cancelRoutes(app, engine)
}

function putRoute(app: App, engine: EngineApi): void {
  app.post(
    '/v1/events',
    {
      config: send,
      bodyLimit: bodyBytes,
      schema: {
        ...about,
        summary: 'Tell of an event or its change, or of up to 1,000',
        headers: idempotencyHeader,
        body: EventPutSchema,
        response: answers({ 202: EventsPutAnswer }),
      },
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const body = request.body as EventRequest | { events: EventRequest[] }
      const work = async () =>
        'events' in body
          ? { items: await engine.events.putAll(principal, body.events) }
          : await engine.events.put(principal, body)
      const answer = await once(engine, request, reply, { body, work })
      return reply.code(202).send(answer as object)
    },
  )
}

function lookRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/events',
    {
      config: look,
      schema: {
        ...about,
        summary: 'List events',
        querystring: EventListQuery,
        response: answers({ 200: pageAnswer(EventSchema, 'Events, newest first.') }),
      },
    },
    async (request) => engine.events.list(principalOf(request), pageOf(request.query)),
  )
  app.get(
    '/v1/events/:id',
    {
      config: look,
      schema: {
        ...about,
        summary: 'One event and what came of it',
        params: IdParams,
        response: answers({ 200: EventSchema }),
      },
    },
    async (request) => engine.events.get(principalOf(request), request.params.id),
  )
}

function cancelRoutes(app: App, engine: EngineApi): void {
  app.post(
    '/v1/events/:id/cancel',
    {
      config: send,
      schema: {
        ...about,
        summary: 'Cancel an event and its messages that have not been sent',
        params: IdParams,
        response: answers({ 200: EventSchema }),
      },
    },
    async (request) => engine.events.cancel(principalOf(request), request.params.id),
  )
  app.delete(
    '/v1/events/:id',
    {
      config: send,
      schema: {
        ...about,
        summary: 'Cancel an event, as POST /v1/events/{id}/cancel',
        params: IdParams,
        response: answers({ 204: NoContent }),
      },
    },
    async (request, reply) => {
      await engine.events.cancel(principalOf(request), request.params.id)
      return reply.code(204).send()
    },
  )
}
