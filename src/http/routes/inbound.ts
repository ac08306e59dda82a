/** /v1/inbound: what subscribers sent. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { plusAgain, timeAgain } from '../query-text.js'
import { answers, bearer, IdParams, pageAnswer, pageOf } from '../schemas/common.js'
import { InboundListQuery, InboundSchema } from '../schemas/inbound.js'

export function inboundRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/inbound',
    {
      config: { auth: 'any' },
      schema: {
        tags: ['inbound'],
        security: bearer,
        summary: 'Messages of subscribers',
        querystring: InboundListQuery,
        response: answers({ 200: pageAnswer(InboundSchema, 'Messages, newest first.') }),
      },
    },
    async (request) => {
      const query = pageOf(request.query)
      if (query.from !== undefined) query.from = plusAgain(query.from)
      if (query.to !== undefined) query.to = plusAgain(query.to)
      if (query.since !== undefined) query.since = timeAgain(query.since)
      if (query.until !== undefined) query.until = timeAgain(query.until)
      return engine.inbound.list(principalOf(request), query)
    },
  )

  app.get(
    '/v1/inbound/:id',
    {
      config: { auth: 'any' },
      schema: {
        tags: ['inbound'],
        security: bearer,
        summary: 'One message of a subscriber',
        params: IdParams,
        response: answers({ 200: InboundSchema }),
      },
    },
    async (request) => engine.inbound.get(principalOf(request), request.params.id),
  )
}
