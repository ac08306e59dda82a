/**
 * Kannel's /cgi-bin/sendsms: GET with parameters, or POST with X-Kannel headers and the text as body. Answers are Kannel's
 * own, as its smsbox 1.4.5 gives them; test/compat.test.ts asks both the same. Main thread.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EngineApi, MessageAccepted } from '../../engine/contract/api.js'
import { EngineError } from '../../engine/contract/errors.js'
import { reasonHelp } from '../../engine/contract/reasons.js'
import type { App } from '../app.js'
import { answers, open } from '../schemas/common.js'
import type { CompatOptions } from './compat-routes.js'
import { formOf, queryOf, takeForms } from './form-body.js'
import { KannelRefusal, kannelRequest } from './kannel-request.js'
import { Parameters } from './parameters.js'

const PATH = '/cgi-bin/sendsms'
const ACCEPTED = '0: Accepted for delivery'
const HEADER = 'x-kannel-'
/** Names of headers that differ from those of the parameters. */
const HEADER_NAMES: Record<string, string> = { user: 'username', pass: 'password' }

const schema = {
  tags: ['compatibility'],
  security: open,
  summary: 'Send as with Kannel',
  description:
    'username (the account), password (a key of it), to (several with spaces), from, text, charset, coding, udh, mclass, ' +
    'validity and deferred (minutes), priority, account, dlr-mask, dlr-url. See docs/compatibility.md.',
  response: answers({ 202: { type: 'string' } }),
}

export function kannelRoutes(app: App, engine: EngineApi, { gate, clock }: CompatOptions): void {
  takeForms(app)
  app.setErrorHandler((error, _request, reply) => sendText(reply, refusalOf(error)))
  const config = { auth: 'password', scope: 'send', hidesQuery: true } as const
  const send = async (request: FastifyRequest, reply: FastifyReply) => {
    const given = parametersOf(request)
    const account = given.text('username', 'user') ?? ''
    const principal = gate.password(request, account, given.text('password', 'pass') ?? '')
    const { recipients, message } = kannelRequest(given, clock.now())
    const items = await engine.submit(
      principal,
      recipients.map((to) => ({ ...message, to })),
    )
    return sendText(reply, answerOf(items))
  }
  app.get(PATH, { config, exposeHeadRoute: false, schema: { ...schema, operationId: 'kannelSend' } }, send)
  app.post(PATH, { config, schema: { ...schema, operationId: 'kannelPost' } }, send)
}

function parametersOf(request: FastifyRequest): Parameters {
  const given = new Parameters(queryOf(request.url))
  if (request.method !== 'POST') return given
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded')
  if (isForm) return new Parameters(queryOf(request.url), formOf(request.body))
  if (Buffer.isBuffer(request.body)) given.set('text', request.body)
  for (const [name, value] of Object.entries(request.headers)) {
    if (!name.startsWith(HEADER) || typeof value !== 'string') continue
    const own = name.slice(HEADER.length)
    given.set(HEADER_NAMES[own] ?? own, Buffer.from(value, 'latin1'))
  }
  return given
}

interface Text {
  status: number
  text: string
}

/** What was not accepted is named behind Kannel's own line. */
function answerOf(items: readonly MessageAccepted[]): Text {
  const refused = items.filter(({ reason }) => reason !== undefined)
  const lines = refused.map(({ to, reason, detail }) => `${to}: ${reason} ${detail ?? reasonHelp(reason!)}`)
  if (refused.length < items.length) return { status: 202, text: [ACCEPTED, ...lines].join('\n') }
  const isSuppressed = refused.every(({ reason }) => reason === 'SUPPRESSED')
  return { status: isSuppressed ? 403 : 400, text: lines.join('\n') }
}

function refusalOf(error: unknown): Text {
  if (error instanceof KannelRefusal) return { status: error.status, text: error.message }
  if (!(error instanceof EngineError)) return { status: 503, text: 'Temporal failure, try again later.' }
  if (error.code === 'UNAUTHORIZED') return { status: 403, text: 'Authorization failed for sendsms' }
  return { status: error.status >= 500 ? 503 : error.status, text: `${error.code}: ${error.message}` }
}

function sendText(reply: FastifyReply, { status, text }: Text): FastifyReply {
  if (status === 429 || status === 503) reply.header('retry-after', '1')
  return reply.code(status).type('text/plain; charset=utf-8').serializer(String).send(text)
}
