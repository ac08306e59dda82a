/**
 * Jasmin's HTTP API: /send by GET or POSTed form, /rate, /balance and /ping, with its answers (`Success "ID"`,
 * `Error "…"`). Main thread.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EngineApi, Principal } from '../../engine/contract/api.js'
import { EngineError } from '../../engine/contract/errors.js'
import { type ReasonCode, reasonHelp } from '../../engine/contract/reasons.js'
import type { App } from '../app.js'
import { answers, open } from '../schemas/common.js'
import type { CompatOptions } from './compat-routes.js'
import { formOf, queryOf, takeForms } from './form-body.js'
import { JasminRefusal, jasminRequest } from './jasmin-request.js'
import { Parameters } from './parameters.js'

const about = { tags: ['compatibility'], security: open }
const config = { auth: 'password', hidesQuery: true } as const
const text = answers({ 200: { type: 'string' } })

const sendSchema = {
  ...about,
  summary: 'Send as with Jasmin',
  description:
    'username (the account), password (a key of it), to, from, content or hex-content, coding, priority, sdt, ' +
    'validity-period (minutes), dlr, dlr-url, dlr-level, dlr-method. See docs/compatibility.md.',
  response: text,
}

export function jasminRoutes(app: App, engine: EngineApi, options: CompatOptions): void {
  takeForms(app)
  app.setErrorHandler((error, request, reply) => sendError(reply, refusalOf(error, request)))
  const { clock } = options
  const letIn = (request: FastifyRequest): { given: Parameters; principal: Principal } => entrance(request, options)
  const send = async (request: FastifyRequest, reply: FastifyReply) => {
    const { given, principal } = letIn(request)
    const [answer] = await engine.submit(principal, [jasminRequest(given, clock.now())])
    if (answer!.reason !== undefined) throw refusedMessage(answer!.reason, answer!.detail)
    return sendText(reply, 200, `Success "${answer!.id}"`)
  }
  const sends = { ...config, scope: 'send' } as const
  app.get(
    '/send',
    { config: sends, exposeHeadRoute: false, schema: { ...sendSchema, operationId: 'jasminSend' } },
    send,
  )
  app.post('/send', { config: sends, schema: { ...sendSchema, operationId: 'jasminPost' } }, send)
  app.get(
    '/rate',
    { config, exposeHeadRoute: false, schema: { ...about, summary: 'Price as with Jasmin', response: text } },
    async (request, reply) => {
      const { given, principal } = letIn(request)
      if (given.octets('content') === null) given.set('content', Buffer.from('x'))
      const view = engine.previewMessages(principal, [jasminRequest(given, clock.now())])
      const [row] = view.rows
      if (row!.reason !== null) throw refusedMessage(row!.reason, row!.detail ?? undefined)
      const price = row!.price ?? 0
      return sendJson(reply, { unit_rate: row!.parts === 0 ? 0 : price / row!.parts, submit_sm_count: row!.parts })
    },
  )
  app.get(
    '/balance',
    { config, exposeHeadRoute: false, schema: { ...about, summary: 'Balance as with Jasmin', response: text } },
    async (request, reply) => {
      const { principal } = letIn(request)
      const { balance } = await engine.money.balance(principal)
      return sendJson(reply, { balance: balance ?? 'ND', sms_count: 'ND' })
    },
  )
  app.get(
    '/ping',
    {
      config: { auth: 'none' },
      exposeHeadRoute: false,
      schema: { ...about, summary: 'Alive, as with Jasmin', response: text },
    },
    async (_request, reply) => sendText(reply, 200, 'Jasmin/PONG'),
  )
}

/** @throws JasminRefusal, EngineError. */
function entrance(request: FastifyRequest, { gate }: CompatOptions): { given: Parameters; principal: Principal } {
  const given = new Parameters(queryOf(request.url), request.method === 'POST' ? formOf(request.body) : '')
  for (const name of ['username', 'password']) {
    if (given.text(name) === null) throw new JasminRefusal(`Mandatory argument [${name}] is not found.`)
  }
  return { given, principal: gate.password(request, given.text('username')!, given.text('password')!) }
}

function refusedMessage(reason: ReasonCode, detail: string | undefined): JasminRefusal {
  if (reason === 'NO_ROUTE') return new JasminRefusal('No route found', 412)
  return new JasminRefusal(`${reason}: ${detail ?? reasonHelp(reason)}`)
}

interface Refused {
  status: number
  text: string
}

function refusalOf(error: unknown, request: FastifyRequest): Refused {
  if (error instanceof JasminRefusal) return { status: error.status, text: error.message }
  if (!(error instanceof EngineError)) return { status: 500, text: 'Unknown error' }
  if (error.code !== 'UNAUTHORIZED') return { status: error.status, text: `${error.code}: ${error.message}` }
  const user = new Parameters(queryOf(request.url), formOf(request.body)).text('username') ?? ''
  return { status: 403, text: `Authentication failure for username:${user.slice(0, 64)}` }
}

function sendError(reply: FastifyReply, { status, text: why }: Refused): FastifyReply {
  if (status === 429 || status === 503) reply.header('retry-after', '1')
  return sendText(reply, status, `Error "${why.replaceAll('"', "'")}"`)
}

function sendText(reply: FastifyReply, status: number, body: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').serializer(String).send(body)
}

function sendJson(reply: FastifyReply, value: object): FastifyReply {
  return reply.type('application/json').serializer(String).send(JSON.stringify(value))
}
