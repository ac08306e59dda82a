/**
 * The HTTP server: fastify with schemas, keys, limits and problem details around the engine's façade.
 *
 * Times are chosen for uploads that last for hours: no limit on a whole request, but on its head, on silence, and on
 * every body that is not a stream. Runs in the main thread.
 */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import type { Config } from '../engine/config/schema.js'
import type { EngineApi } from '../engine/contract/api.js'
import { type Clock, systemClock } from '../engine/contract/clock.js'
import { EngineError } from '../engine/contract/errors.js'
import type { Log } from '../engine/contract/log.js'
import { type Metrics, noMetrics } from '../engine/contract/metrics.js'
import { logAccess } from './access-log.js'
import type { App } from './app.js'
import { accessGate, type Gate } from './auth.js'
import { BodyDeadlines } from './body-deadlines.js'
import { compatRoutes } from './compat/compat-routes.js'
import { watchLoad } from './load/load-hooks.js'
import { refusalCounter } from './load/refusals.js'
import { hostInUrl, type MetricsServer, startMetricsServer } from './metrics-server.js'
import { describeApi, openapiRoute } from './openapi.js'
import { answerBrokeOff, type ErrorDesk, handleError, PROBLEM_TYPE, problemOf } from './problem.js'
import { RouteInventory } from './route-inventory.js'
import { accountRoutes } from './routes/accounts.js'
import { archiveRoutes } from './routes/archive.js'
import { auditRoutes } from './routes/audit.js'
import { backupRoutes } from './routes/backups.js'
import { carrierTraceRoutes } from './routes/carrier-trace.js'
import { carrierRoutes } from './routes/carriers.js'
import { contactListRoutes, importRoutes } from './routes/contact-lists.js'
import { contactRoutes } from './routes/contacts.js'
import { dropCredentialRoutes } from './routes/drop-credentials.js'
import { dropRoutes } from './routes/drops.js'
import { erasureRoutes } from './routes/erasures.js'
import { explainRoutes } from './routes/explain.js'
import { inboundRoutes } from './routes/inbound.js'
import { jobCreateRoute } from './routes/job-create.js'
import { jobResultRoutes } from './routes/job-results.js'
import { jobUploadRoute } from './routes/job-upload.js'
import { jobRoutes } from './routes/jobs.js'
import { messageRoutes } from './routes/messages.js'
import { moneyRoutes } from './routes/money.js'
import { profileSampleRoute } from './routes/profile-sample.js'
import { profileRoutes } from './routes/profiles.js'
import { recordingPutRoute, recordingRoutes, speechRoutes } from './routes/recordings.js'
import { reportRoutes } from './routes/reports.js'
import { retryRoutes } from './routes/retry.js'
import { eventRoutes, ruleRoutes } from './routes/rule-events.js'
import { suppressionImportRoute, suppressionRoutes } from './routes/suppressions.js'
import { metricsRoute, systemRoutes } from './routes/system.js'
import { templateRoutes } from './routes/templates.js'
import { unsubscribeRoutes } from './routes/unsubscribe.js'
import { webhookRoutes } from './routes/webhooks.js'
import { lazySerializers } from './serialization.js'
import { validatorCompiler } from './validation.js'

const headMs = 30_000
const silenceMs = 120_000
const keepAliveMs = 72_000
const bodyBytes = 1 << 20
/** The longest text of `explain`, 32 parts in national tables, percent-encoded: 43,000 octets. */
const headBytes = 1 << 16
const idleSweepMs = 100

export interface ServerDeps {
  engine: EngineApi
  config: Config
  log: Log
  clock?: Clock
  metrics?: Metrics
}

export interface Server {
  /** Where the API answers, without a slash at the end. */
  url: string
  /** null: /metrics is with the API. */
  metricsUrl: string | null
  /** Stops listening, lets open requests end for at most `withinMs` (shutdownSeconds), then closes their sockets. */
  close(withinMs?: number): Promise<void>
}

/** Its routes are ready; nobody is answered yet. */
export interface PreparedServer {
  listen(): Promise<Server>
}

export async function createServer(deps: ServerDeps): Promise<Server> {
  const prepared = await prepareServer(deps)
  return await prepared.listen()
}

/** Apart from listening, because it takes as long as other things at start that may go on beside it. */
export async function prepareServer(deps: ServerDeps): Promise<PreparedServer> {
  const app = await buildApp(deps)
  return { listen: () => listen(app, deps) }
}

async function listen(app: App, { engine, config, log }: ServerDeps): Promise<Server> {
  const { host, port, metrics, limits } = config.http
  // Node's own queue of 511 is full when a thousand come at once, and whoever does not fit is reset after a while.
  await app.listen({ host, port, backlog: limits.connections })
  const metricsServer = metrics === undefined ? null : await startMetricsServer(engine, log, metrics)
  const address = app.server.address()
  const bound = typeof address === 'object' && address !== null ? address.port : port
  return {
    url: `http://${hostInUrl(host)}:${bound}`,
    metricsUrl: metricsServer?.url ?? null,
    close: (withinMs = config.shutdownSeconds * 1000) => stop(app, metricsServer, withinMs),
  }
}

async function stop(app: App, metricsServer: MetricsServer | null, withinMs: number): Promise<void> {
  // A connection whose last request ends while we wait would otherwise be kept alive.
  const sweep = setInterval(() => app.server.closeIdleConnections(), idleSweepMs)
  const deadline = setTimeout(() => app.server.closeAllConnections(), withinMs)
  await Promise.all([app.close(), metricsServer?.close()])
  clearInterval(sweep)
  clearTimeout(deadline)
}

/** The server with every route, not listening yet. */
export async function buildApp(deps: ServerDeps): Promise<App> {
  const { engine, config } = deps
  const desk = errorDesk(deps)
  const app = bareApp(desk, config.http.trustedProxies)
  const inventory = new RouteInventory()
  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(await lazySerializers())
  app.addHook('onRoute', (route) => inventory.add(route))
  parseJson(app)
  answerErrors(app, desk, inventory)
  const gate = addHooks(app, deps)

  await describeApi(app)
  openapiRoute(app)
  systemRoutes(app, engine)
  if (config.http.metrics === undefined) metricsRoute(app, engine)
  accountRoutes(app, engine)
  moneyRoutes(app, engine)
  auditRoutes(app, engine)
  jobRoutes(app, engine)
  jobResultRoutes(app, engine)
  messageRoutes(app, engine)
  retryRoutes(app, engine)
  archiveRoutes(app, engine)
  ruleRoutes(app, engine)
  eventRoutes(app, engine)
  templateRoutes(app, engine)
  recordingRoutes(app, engine)
  speechRoutes(app, engine)
  webhookRoutes(app, engine)
  profileRoutes(app, engine)
  dropRoutes(app, engine)
  dropCredentialRoutes(app, engine)
  reportRoutes(app, engine)
  explainRoutes(app, engine)
  inboundRoutes(app, engine)
  suppressionRoutes(app, engine)
  contactRoutes(app, engine)
  importRoutes(app, engine)
  carrierRoutes(app, engine)
  carrierTraceRoutes(app, engine)
  backupRoutes(app, engine)
  erasureRoutes(app, engine)
  await compatRoutes(app, engine, { gate, ...config.http.compat, clock: deps.clock ?? systemClock })
  await app.register(async (scope) => jobCreateRoute(scope as unknown as App, engine))
  await app.register(async (scope) => profileSampleRoute(scope as unknown as App, engine))
  await app.register(async (scope) => jobUploadRoute(scope as unknown as App, engine))
  await app.register(async (scope) => recordingPutRoute(scope as unknown as App, engine))
  await app.register(async (scope) => contactListRoutes(scope as unknown as App, engine))
  await app.register(async (scope) => suppressionImportRoute(scope as unknown as App, engine))
  await app.register(async (scope) => unsubscribeRoutes(scope as unknown as App, engine))
  await app.ready()
  return app
}

function errorDesk({ log, metrics = noMetrics }: ServerDeps): ErrorDesk {
  return {
    log,
    count: refusalCounter(metrics),
    countBrokenOff: (code) => metrics.counter('trunkline_answers_broken_off_total', { code }).add(1),
  }
}

function bareApp(desk: ErrorDesk, trustedProxies: string[]): App {
  const prefix = `req_${randomBytes(5).toString('hex')}`
  let requests = 0
  return Fastify({
    logger: false,
    // An explicit list and never everything: who may name the client decides limits, key ranges and the audit log.
    trustProxy: trustedProxies.length === 0 ? false : trustedProxies,
    bodyLimit: bodyBytes,
    // Off, since an upload may take hours: heads, silence and bodies have limits of their own.
    requestTimeout: 0,
    connectionTimeout: silenceMs,
    keepAliveTimeout: keepAliveMs,
    http: { headersTimeout: headMs, connectionsCheckingInterval: 10_000, maxHeaderSize: headBytes },
    forceCloseConnections: 'idle',
    // A hook of ours refuses with a problem instead.
    return503OnClosing: false,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
    // A long id is an unknown one, not an error of the router.
    routerOptions: { maxParamLength: 16_384 },
    requestIdHeader: false,
    genReqId: () => `${prefix}${(++requests).toString(36)}`,
    clientErrorHandler,
    frameworkErrors: (error, request, reply) =>
      handleError(desk, error, request as unknown as FastifyRequest, reply as unknown as FastifyReply),
  }).withTypeProvider() as unknown as App
}

/** As fastify parses it, but an empty body is no body: clients send the content type with every POST. */
function parseJson(app: App): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeContentTypeParser(['application/json', 'text/plain'])
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0) done(null, undefined)
    else parse(request, body as string, done)
  })
}

function answerErrors(app: App, desk: ErrorDesk, inventory: RouteInventory): void {
  app.setErrorHandler((error, request, reply) => {
    handleError(desk, error, request, reply)
  })
  app.decorate('brokenOff', (reply, error) => answerBrokeOff(desk, reply, error))
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!
    const methods = inventory.methodsOf(path)
    if (methods.length === 0) throw new EngineError('NOT_FOUND', `there is no route ${request.method} ${path}`)
    reply.header('allow', methods.join(', '))
    throw new EngineError('METHOD_NOT_ALLOWED', `${path} takes ${methods.join(', ')}`)
  })
}

function addHooks(app: App, { engine, config, log, clock = systemClock, metrics = noMetrics }: ServerDeps): Gate {
  const deadlines = new BodyDeadlines()
  let closing = false
  const load = watchLoad(app, { bounds: config.http.limits, metrics, now: () => clock.monotonic() })
  app.decorateRequest('principal', null)
  app.addHook('preClose', async () => {
    closing = true
    deadlines.close()
  })
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    // Answers have keys, numbers and texts in them: nobody on the way keeps them or takes them for something else.
    reply.header('x-content-type-options', 'nosniff')
    if (request.routeOptions.config?.auth !== 'none') reply.header('cache-control', 'no-store')
    if (!closing) return done()
    reply.header('connection', 'close')
    done(new EngineError('SHUTTING_DOWN', 'the engine is stopping'))
  })
  const gate = accessGate({ engine, clock, requestsPerSecond: config.http.limits.requestsPerSecondPerKey })
  app.addHook('onRequest', gate.hook)
  app.addHook('onRequest', (request, _reply, done) => {
    const refusal = load.admit(request)
    if (refusal === null) load.inTurn(request, done)
    else done(refusal)
  })
  app.addHook('preParsing', (request, _reply, _payload, done) => {
    const json = request.mediaType === 'application/json'
    const takesGzip = request.routeOptions.config.gzip === true && !json
    const refusal = refusedCoding(request.headers['content-encoding'], takesGzip)
    if (refusal !== null) return done(refusal)
    if (!json && request.routeOptions.config.streams) return done()
    const noRoom = load.bodyBegins(request, request.routeOptions.bodyLimit ?? bodyBytes)
    if (noRoom !== null) return done(noRoom)
    deadlines.started(request.raw)
    done()
  })
  app.addHook('preValidation', (request, _reply, done) => {
    deadlines.finished(request.raw)
    load.bodyRead(request)
    done()
  })
  app.addHook('onResponse', (request, reply, done) => {
    deadlines.finished(request.raw)
    logAccess(log, request, reply)
    done()
  })
  return gate
}

function refusedCoding(coding: string | undefined, takesGzip: boolean): EngineError | null {
  const name = coding?.trim().toLowerCase() ?? 'identity'
  if (name === 'identity' || (takesGzip && (name === 'gzip' || name === 'x-gzip'))) return null
  const instead = takesGzip ? 'send it as it is, or with gzip' : 'send it as it is'
  return new EngineError('UNSUPPORTED_MEDIA', `the body is ${coding}-encoded; ${instead}`)
}

/** What never becomes a request: its head is too large or too slow, or it is not HTTP at all. */
const headErrors: Readonly<Record<string, [number, string, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', `the head is larger than ${headBytes} octets`],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', `the head did not come within ${headMs / 1000} s`],
}
const NOT_HTTP = [400, 'Bad Request', 'this is not a valid HTTP/1.1 request'] as const

function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const [status, phrase, detail] = headErrors[error.code ?? ''] ?? NOT_HTTP
  const body = JSON.stringify({ ...problemOf(new EngineError('BAD_REQUEST', detail)), status })
  const head = `HTTP/1.1 ${status} ${phrase}\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}`
  if (socket.writable) socket.write(`${head}\r\nconnection: close\r\n\r\n${body}`)
  socket.destroySoon()
}
