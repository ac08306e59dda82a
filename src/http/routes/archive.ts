/** /v1/archive: failed and unsent messages of all jobs, as a list and as CSV, and new jobs from them in one call. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { sendCsv } from '../csv-reply.js'
import { once } from '../idempotency.js'
import {
  ArchiveExportQuery,
  ArchiveQuery,
  ArchiveRetriedSchema,
  ArchiveRetrySchema,
  archiveFilter,
} from '../schemas/archive.js'
import { answers, bearer, csvAnswer, idempotencyHeader, pageOf } from '../schemas/common.js'
import { messagePageAnswer } from '../schemas/message-page.js'
import { MessageSchema } from '../schemas/messages.js'

/** The operator looks at what all accounts could not send. */
const look = { auth: 'any' } as const
const about = { tags: ['messages'], security: bearer }

export function archiveRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/archive',
    {
      config: look,
      schema: {
        ...about,
        summary: 'Failed and unsent messages of all jobs',
        querystring: ArchiveQuery,
        response: answers({
          200: messagePageAnswer(MessageSchema, 'Newest first. A page may be short: go on until nextCursor is null.'),
        }),
      },
    },
    async (request) => {
      const { limit, cursor, ...rest } = pageOf(request.query)
      const page = cursor === undefined ? { limit } : { limit, cursor }
      return engine.archive.list(principalOf(request), { ...page, ...archiveFilter(rest) })
    },
  )
  app.get(
    '/v1/archive.csv',
    {
      config: { ...look, download: true },
      exposeHeadRoute: false,
      schema: {
        ...about,
        summary: 'Failed and unsent messages as CSV',
        querystring: ArchiveExportQuery,
        response: answers({ 200: csvAnswer('id,job,line,to,from,channel,state,reason,help,text,createdAt.') }),
      },
    },
    async (request, reply) => {
      const pieces = engine.archive.export(principalOf(request), archiveFilter(request.query))
      return sendCsv(reply, pieces, { file: 'archive.csv', type: 'text/csv; charset=utf-8' })
    },
  )
  app.post(
    '/v1/archive/retry',
    {
      config: { auth: 'account', scope: 'send' },
      schema: {
        ...about,
        summary: 'New jobs from failed and unsent messages of many jobs',
        description:
          'One for each ended job that has messages in these states; suppressed ones stay out, and no message is taken up twice.',
        headers: idempotencyHeader,
        body: ArchiveRetrySchema,
        response: answers({ 202: ArchiveRetriedSchema }),
      },
    },
    async (request, reply) => {
      const work = () => engine.archive.retry(principalOf(request), request.body)
      const made = await once(engine, request, reply, { body: request.body, work })
      return reply.code(202).send(made)
    },
  )
}
