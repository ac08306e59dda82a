/** /v1/drops: the Drop & Go summary, an item a file. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { timeAgain } from '../query-text.js'
import { answers, bearer, IdParams, pageAnswer, pageOf } from '../schemas/common.js'
import { DropListQuery, DropSchema } from '../schemas/drops.js'

const about = { tags: ['drops'], security: bearer }

export function dropRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/drops',
    {
      config: { auth: 'any' },
      schema: {
        ...about,
        summary: 'Dropped files and what became of them',
        querystring: DropListQuery,
        response: answers({ 200: pageAnswer(DropSchema, 'Files, newest first.') }),
      },
    },
    async (request) => {
      const query = pageOf(request.query)
      if (query.since !== undefined) query.since = timeAgain(query.since)
      return engine.drops.list(principalOf(request), query)
    },
  )

  app.get(
    '/v1/drops/:id',
    {
      config: { auth: 'any' },
      schema: { ...about, summary: 'One dropped file', params: IdParams, response: answers({ 200: DropSchema }) },
    },
    async (request) => engine.drops.get(principalOf(request), request.params.id),
  )
}
