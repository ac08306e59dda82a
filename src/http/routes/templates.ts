/** /v1/templates: saved texts of an account. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import { answers, bearer, idempotencyHeader } from '../schemas/common.js'
import { NameParams, TemplateCopySchema, TemplatePutSchema, TemplateSchema } from '../schemas/templates.js'
import { namedThingRoutes } from './named-things.js'

const config = { auth: 'account', scope: 'manage' } as const
const about = { tags: ['templates'], security: bearer }

export function templateRoutes(app: App, engine: EngineApi): void {
  namedThingRoutes(app, {
    plural: 'templates',
    one: 'a template',
    params: NameParams,
    settings: TemplatePutSchema,
    view: TemplateSchema,
    api: engine.templates,
  })
  copyRoute(app, engine)
}

function copyRoute(app: App, engine: EngineApi): void {
  app.post(
    '/v1/templates/:name/copy',
    {
      config,
      schema: {
        ...about,
        summary: 'Copy a template, without its keyword',
        params: NameParams,
        headers: idempotencyHeader,
        body: TemplateCopySchema,
        response: answers({ 201: TemplateSchema }),
      },
    },
    async (request, reply) => {
      const { name } = request.body
      const work = () => engine.templates.copy(principalOf(request), request.params.name, name)
      const made = await once(engine, request, reply, { body: request.body, work })
      return reply
        .code(201)
        .header('location', `/v1/templates/${encodeURIComponent(made.name)}`)
        .send(made)
    },
  )
}
