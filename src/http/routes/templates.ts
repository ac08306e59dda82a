/** /v1/templates: saved texts of an account. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import {
  answers,
  bearer,
  idempotencyHeader,
  NoContent,
  PageQuerySchema,
  pageAnswer,
  pageOf,
} from '../schemas/common.js'
import { NameParams, TemplateCopySchema, TemplatePutSchema, TemplateSchema } from '../schemas/templates.js'

const look = { auth: 'account' } as const
const config = { auth: 'account', scope: 'manage' } as const
const about = { tags: ['templates'], security: bearer }

export function templateRoutes(app: App, engine: EngineApi): void {
  app.put(
    '/v1/templates/:name',
    {
      config,
      schema: {
        ...about,
        summary: 'Make or replace a template',
        params: NameParams,
        body: TemplatePutSchema,
        response: answers({ 200: TemplateSchema }),
      },
    },
    async (request) => engine.templates.put(principalOf(request), request.params.name, request.body),
  )

  app.get(
    '/v1/templates/:name',
    {
      config: look,
      schema: { ...about, summary: 'One template', params: NameParams, response: answers({ 200: TemplateSchema }) },
    },
    async (request) => engine.templates.get(principalOf(request), request.params.name),
  )

  app.get(
    '/v1/templates',
    {
      config: look,
      schema: {
        ...about,
        summary: 'List templates',
        querystring: PageQuerySchema,
        response: answers({ 200: pageAnswer(TemplateSchema, 'Templates by name.') }),
      },
    },
    async (request) => engine.templates.list(principalOf(request), pageOf(request.query)),
  )

  app.delete(
    '/v1/templates/:name',
    {
      config,
      schema: { ...about, summary: 'Delete a template', params: NameParams, response: answers({ 204: NoContent }) },
    },
    async (request, reply) => {
      await engine.templates.remove(principalOf(request), request.params.name)
      return reply.code(204).send()
    },
  )
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
