/** /v1/messages: single messages and small batches. POST is the hot route: one promise, no closure without a key. */
import type { FastifyReply } from 'fastify'
import { headerProblem } from '../../engine/base/header-elements.js'
import type { EngineApi, MessageAccepted, MessageRequest, Principal } from '../../engine/contract/api.js'
import type { FieldError } from '../../engine/contract/errors.js'
import type { App } from '../app.js'
import { principalOf } from '../auth.js'
import { once } from '../idempotency.js'
import { RefusedMessage, refusalOf, sendProblem } from '../problem.js'
import { plusAgain, timeAgain } from '../query-text.js'
import { answers, bearer, IdParams, idempotencyHeader, pageOf } from '../schemas/common.js'
import { DryRunSchema } from '../schemas/jobs.js'
import { messagePageAnswer } from '../schemas/message-page.js'
import { MessageListQuery, MessageSchema, MessagesAcceptedSchema, MessagesCreateSchema } from '../schemas/messages.js'
import { invalid } from '../validation.js'

const config = { auth: 'account' } as const
const about = { tags: ['messages'], security: bearer }
/** A thousand messages of the longest text that is usual. */
const bodyBytes = 8 << 20

type CreateBody = ({ messages: MessageRequest[] } | MessageRequest) & { dryRun?: boolean }

export function messageRoutes(app: App, engine: EngineApi): void {
  app.post(
    '/v1/messages',
    {
      config: { ...config, scope: 'send' },
      bodyLimit: bodyBytes,
      schema: {
        ...about,
        summary: 'Send one message, or up to 1,000',
        headers: idempotencyHeader,
        body: MessagesCreateSchema,
        response: answers({ 200: DryRunSchema, 202: MessagesAcceptedSchema }),
      },
    },
    async (request, reply) => {
      const principal = principalOf(request)
      const { dryRun, ...body } = request.body as CreateBody
      const batch = 'messages' in body
      const messages = batch ? body.messages : [body]
      checkBodies(messages, batch)
      if (dryRun === true) return engine.previewMessages(principal, messages)
      const accepted =
        request.headers['idempotency-key'] === undefined
          ? await engine.submit(principal, messages)
          : await once(engine, request, reply, { body, work: () => submitOnce(engine, principal, messages, batch) })
      if (!batch && accepted[0]!.reason !== undefined) return refuse(reply, accepted[0]!)
      reply.code(202)
      return batch ? { items: accepted.map(itemOf) } : accepted[0]!
    },
  )

  app.get(
    '/v1/messages',
    {
      config,
      schema: {
        ...about,
        summary: 'Find messages',
        querystring: MessageListQuery,
        response: answers({ 200: messagePageAnswer(MessageSchema, 'Messages, newest first.') }),
      },
    },
    async (request) => {
      const query = pageOf(request.query)
      if (query.to !== undefined) query.to = plusAgain(query.to)
      if (query.from !== undefined) query.from = plusAgain(query.from)
      if (query.since !== undefined) query.since = timeAgain(query.since)
      if (query.until !== undefined) query.until = timeAgain(query.until)
      return engine.messages(principalOf(request), query)
    },
  )

  app.get(
    '/v1/messages/:id',
    {
      config,
      schema: {
        ...about,
        summary: 'One message with its history',
        params: IdParams,
        response: answers({ 200: MessageSchema }),
      },
    },
    async (request) => engine.message(principalOf(request), request.params.id),
  )

  cancelRoute(app, engine)
}

function cancelRoute(app: App, engine: EngineApi): void {
  app.post(
    '/v1/messages/:id/cancel',
    {
      config: { auth: 'any', scope: 'send' },
      schema: {
        ...about,
        summary: 'Cancel a message that waits',
        params: IdParams,
        response: answers({ 200: MessageSchema }),
      },
    },
    async (request) => engine.cancelMessage(principalOf(request), request.params.id),
  )
}

/** @throws EngineError VALIDATION: a message says neither or both of `text` and `data`, or its `udh` is none. */
function checkBodies(messages: readonly MessageRequest[], batch: boolean): void {
  const fields: FieldError[] = []
  for (let index = 0; index < messages.length; index++) {
    const message = messages[index]!
    const { text, template, fields: values, data, udh } = message
    const isPlain = template === undefined && values === undefined && data === undefined && udh === undefined
    const wrong = isPlain && text !== undefined ? null : wrongBody(message)
    if (wrong !== null) fields.push({ ...wrong, pointer: `${batch ? `/messages/${index}` : ''}${wrong.pointer}` })
  }
  if (fields.length > 0) throw invalid('body', fields)
}

function wrongBody({ to, text, html, prompts, template, fields, data, udh }: MessageRequest): FieldError | null {
  const hasBody = text !== undefined || template !== undefined || data !== undefined || prompts !== undefined
  // An email may have no other text than its HTML.
  if (!hasBody && (html === undefined || !to.includes('@'))) return { pointer: '/text', message: 'is required' }
  if (text !== undefined && template !== undefined) return { pointer: '/template', message: 'cannot stand beside text' }
  if (data !== undefined && text !== undefined) return { pointer: '/data', message: 'cannot stand beside text' }
  if (data !== undefined && template !== undefined) return { pointer: '/data', message: 'cannot stand beside template' }
  if (fields !== undefined && template === undefined && prompts === undefined) {
    return { pointer: '/fields', message: 'needs template or prompts beside it' }
  }
  if (udh === undefined) return null
  const message = data === undefined ? 'needs data beside it' : headerProblem(udh)
  return message === null ? null : { pointer: '/udh', message }
}

/** A single message that is refused made nothing: its key stays free for the corrected one, as after any problem. */
async function submitOnce(
  engine: EngineApi,
  principal: Principal,
  messages: MessageRequest[],
  batch: boolean,
): Promise<MessageAccepted[]> {
  const accepted = await engine.submit(principal, messages)
  if (!batch && accepted[0]!.reason !== undefined) throw new RefusedMessage(accepted[0]!)
  return accepted
}

function refuse(reply: FastifyReply, { reason, detail }: MessageAccepted): FastifyReply {
  sendProblem(reply, refusalOf(reason!, detail))
  return reply
}

function itemOf(accepted: MessageAccepted): object {
  if (accepted.reason === undefined) return accepted
  const { detail: message } = refusalOf(accepted.reason, accepted.detail)
  return { ...accepted, code: accepted.reason, message }
}
