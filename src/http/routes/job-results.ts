/** What came of a job: rejects.csv and report.csv, streamed, and its messages by page. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { sendCsv } from '../csv-reply.js'
import { answers, bearer, csvAnswer, IdParams, pageOf } from '../schemas/common.js'
import { JobMessagesQuery, RejectsQuery } from '../schemas/jobs.js'
import { messagePageAnswer } from '../schemas/message-page.js'
import { MessageSchema } from '../schemas/messages.js'

const config = { auth: 'account' } as const
const about = { tags: ['jobs'], security: bearer }
const utf8 = 'text/csv; charset=utf-8'

export function jobResultRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/jobs/:id/rejects.csv',
    {
      config: { ...config, download: true },
      exposeHeadRoute: false,
      schema: {
        ...about,
        summary: 'Rows that were not accepted, and why',
        params: IdParams,
        querystring: RejectsQuery,
        response: answers({ 200: csvAnswer('line,column,code,reason,record; with raw the original bytes alone.') }),
      },
    },
    async (request, reply) => {
      const raw = request.query.raw ?? false
      const { id } = request.params
      const pieces = engine.rejects(principalOf(request), id, raw)
      // The original bytes are in the encoding of the file, whatever that is.
      return sendCsv(reply, pieces, { file: `${id}-rejects.csv`, type: raw ? 'text/csv' : utf8 })
    },
  )

  app.get(
    '/v1/jobs/:id/messages',
    {
      config,
      schema: {
        ...about,
        summary: 'Messages of the job',
        params: IdParams,
        querystring: JobMessagesQuery,
        response: answers({
          200: messagePageAnswer(MessageSchema, 'Messages as they were stored: about in the order of their rows.'),
        }),
      },
    },
    async (request) => engine.jobMessages(principalOf(request), request.params.id, pageOf(request.query)),
  )
}
