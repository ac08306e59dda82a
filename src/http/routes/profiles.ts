/** /v1/profiles: saved job settings of an account. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { answers, bearer, NoContent, PageQuerySchema, pageAnswer, pageOf } from '../schemas/common.js'
import { NameParams, ProfilePutSchema, ProfileSchema } from '../schemas/templates.js'

const look = { auth: 'account' } as const
const config = { auth: 'account', scope: 'manage' } as const
const about = { tags: ['profiles'], security: bearer }

export function profileRoutes(app: App, engine: EngineApi): void {
  app.put(
    '/v1/profiles/:name',
    {
      config,
      schema: {
        ...about,
        summary: 'Make or replace a profile',
        params: NameParams,
        body: ProfilePutSchema,
        response: answers({ 200: ProfileSchema }),
      },
    },
    async (request) => engine.profiles.put(principalOf(request), request.params.name, request.body),
  )

  app.get(
    '/v1/profiles/:name',
    {
      config: look,
      schema: { ...about, summary: 'One profile', params: NameParams, response: answers({ 200: ProfileSchema }) },
    },
    async (request) => engine.profiles.get(principalOf(request), request.params.name),
  )

  app.get(
    '/v1/profiles',
    {
      config: look,
      schema: {
        ...about,
        summary: 'List profiles',
        querystring: PageQuerySchema,
        response: answers({ 200: pageAnswer(ProfileSchema, 'Profiles by name.') }),
      },
    },
    async (request) => engine.profiles.list(principalOf(request), pageOf(request.query)),
  )

  app.delete(
    '/v1/profiles/:name',
    {
      config,
      schema: { ...about, summary: 'Delete a profile', params: NameParams, response: answers({ 204: NoContent }) },
    },
    async (request, reply) => {
      await engine.profiles.remove(principalOf(request), request.params.name)
      return reply.code(204).send()
    },
  )
}
