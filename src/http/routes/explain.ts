/** /v1/explain: what would become of a number and a text; and of a message, what it waits for. */
import type { EngineApi } from '../../engine/contract/api.js'
import type { ExplainQuestion } from '../../engine/contract/explain.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { plusAgain } from '../query-text.js'
import { answers, bearer, IdParams } from '../schemas/common.js'
import { ExplainQuery, ExplainSchema, MessageExplainSchema } from '../schemas/explain.js'

export function explainRoutes(app: App, engine: EngineApi): void {
  app.get(
    '/v1/explain',
    {
      config: { auth: 'any' },
      schema: {
        tags: ['messages'],
        security: bearer,
        summary: 'What a number and a text would come to',
        querystring: ExplainQuery,
        response: answers({ 200: ExplainSchema }),
      },
    },
    async (request) => engine.explain(principalOf(request), questionOf(request.query)),
  )

  app.get(
    '/v1/messages/:id/explain',
    {
      config: { auth: 'any' },
      schema: {
        tags: ['messages'],
        security: bearer,
        summary: 'What a message waits for now',
        params: IdParams,
        response: answers({ 200: MessageExplainSchema }),
      },
    },
    async (request) => engine.explainMessage(principalOf(request), request.params.id),
  )
}

/** A form sends empty fields as well: they ask nothing. */
function questionOf(query: ExplainQuestion): ExplainQuestion {
  const question = { ...query }
  if (question.to === '') delete question.to
  if (question.text === '') delete question.text
  if (question.from === '') delete question.from
  if (question.to !== undefined) question.to = plusAgain(question.to)
  if (question.from !== undefined) question.from = plusAgain(question.from)
  return question
}
