/** /v1/erasures: everything of one number or email address is erased, of an account or of all. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import { answers, bearer, IdParams, idempotencyHeader, pageAnswer, pageOf } from '../schemas/common.js'
import { ErasureListQuery, ErasureRequest, ErasureSchema } from '../schemas/erasures.js'

const about = { tags: ['erasures'], security: bearer }

export function erasureRoutes(app: App, engine: EngineApi): void {
  app.post(
    '/v1/erasures',
    {
      config: { auth: 'any', scope: 'manage' },
      schema: {
        ...about,
        summary: 'Erase a number or an email address',
        description:
          'What waits is canceled, and nothing that is stored names it any more but the list of who opted out. Answered when it is done, or after five seconds while it goes on.',
        headers: idempotencyHeader,
        body: ErasureRequest,
        response: answers({ 202: ErasureSchema }),
      },
    },
    async (request, reply) => {
      const work = () => engine.erasures.create(principalOf(request), request.body)
      const view = await once(engine, request, reply, { body: request.body, work })
      return reply.code(202).send(view)
    },
  )

  app.get(
    '/v1/erasures',
    {
      config: { auth: 'any' },
      schema: {
        ...about,
        summary: 'Erasures, newest first',
        querystring: ErasureListQuery,
        response: answers({ 200: pageAnswer(ErasureSchema, 'Newest first.') }),
      },
    },
    async (request) => engine.erasures.list(principalOf(request), pageOf(request.query)),
  )

  app.get(
    '/v1/erasures/:id',
    {
      config: { auth: 'any' },
      schema: {
        ...about,
        summary: 'What an erasure came to',
        params: IdParams,
        response: answers({ 200: ErasureSchema }),
      },
    },
    async (request) => engine.erasures.get(principalOf(request), request.params.id),
  )
}
