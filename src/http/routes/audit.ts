/** /v1/audit: who changed what, by page or all of it, and whether the log is whole. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { sendCsv } from '../csv-reply.js'
import { timeAgain } from '../query-text.js'
import { AuditChainQuery, AuditChainSchema, AuditQuery, AuditSchema } from '../schemas/audit.js'
import { answers, bearer, pageAnswer, pageOf } from '../schemas/common.js'

const about = { tags: ['audit'], security: bearer }
const page = pageAnswer(AuditSchema, 'Records, newest first.')
const lines = { 'application/json': { schema: page }, 'application/x-ndjson': { schema: { type: 'string' } } }

export function auditRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/audit',
    {
      config: { auth: 'any', download: true },
      exposeHeadRoute: false,
      schema: {
        ...about,
        summary: 'Who changed what',
        description: 'An account sees its own, the admin everything.',
        querystring: AuditQuery,
        response: answers({ 200: { description: 'Records, newest first; as ndjson oldest first.', content: lines } }),
      },
    },
    async (request, reply) => {
      const { format, ...query } = pageOf(request.query)
      if (query.since !== undefined) query.since = timeAgain(query.since)
      if (query.until !== undefined) query.until = timeAgain(query.until)
      const principal = principalOf(request)
      if (format !== 'ndjson') return reply.send(engine.audit.list(principal, query))
      const { limit: _limit, cursor: _cursor, ...filter } = query
      const pieces = engine.audit.lines(principal, filter)
      return await sendCsv(reply, pieces, { file: 'audit.ndjson', type: 'application/x-ndjson' })
    },
  )

  app.get(
    '/v1/audit/chain',
    {
      config: { auth: 'admin' },
      schema: {
        ...about,
        summary: 'Is the audit log whole',
        description: 'Walks all of it: every hash is computed again.',
        querystring: AuditChainQuery,
        response: answers({ 200: AuditChainSchema }),
      },
    },
    async ({ query: { anchor } }) => {
      if (anchor === undefined) return await engine.audit.verify()
      const [number, hash] = anchor.split(':') as [string, string]
      return await engine.audit.verify({ number: Number(number), hash })
    },
  )
}
