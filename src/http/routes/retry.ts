/** What can be done about messages that did not arrive: retry of a job, settling of what is unknown. */
import type { EngineApi } from '../../engine/contract/api.js'
import { RETRY_STATES, type RetryState } from '../../engine/contract/retry.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import { answers, bearer, IdParams, idempotencyHeader } from '../schemas/common.js'
import { JobSchema } from '../schemas/jobs.js'
import { MessageSchema } from '../schemas/messages.js'
import { RetryQuery, SettledSchema, SettleSchema } from '../schemas/retry.js'

/** The operator settles for every account. */
const settle = { auth: 'any', scope: 'send' } as const

export function retryRoutes(app: App, engine: EngineApi): void {
  app.post(
    '/v1/jobs/:id/retry',
    {
      config: { auth: 'account', scope: 'send' },
      schema: {
        tags: ['jobs'],
        security: bearer,
        summary: 'A new job from failed and unsent messages',
        params: IdParams,
        querystring: RetryQuery,
        headers: idempotencyHeader,
        response: answers({ 202: JobSchema }),
      },
    },
    async (request, reply) => {
      const states = (request.query.states?.split(',') as RetryState[] | undefined) ?? RETRY_STATES
      const work = () => engine.retries.retry(principalOf(request), request.params.id, [...new Set(states)])
      const job = await once(engine, request, reply, { body: null, work })
      return reply.code(202).header('location', `/v1/jobs/${job.id}`).send(job)
    },
  )

  app.post(
    '/v1/jobs/:id/settle',
    {
      config: settle,
      schema: {
        tags: ['jobs'],
        security: bearer,
        summary: 'Settle all messages whose end is unknown',
        params: IdParams,
        body: SettleSchema,
        response: answers({ 200: SettledSchema }),
      },
    },
    async (request) => engine.retries.settleJob(principalOf(request), request.params.id, request.body.state),
  )

  app.post(
    '/v1/messages/:id/settle',
    {
      config: settle,
      schema: {
        tags: ['messages'],
        security: bearer,
        summary: 'Settle a message whose end is unknown',
        params: IdParams,
        body: SettleSchema,
        response: answers({ 200: MessageSchema }),
      },
    },
    async (request) => engine.retries.settleMessage(principalOf(request), request.params.id, request.body.state),
  )
}
