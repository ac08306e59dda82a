/**
 * Errors as they leave the server: application/problem+json (RFC 9457) with a stable `code`.
 *
 * An EngineError answers by its table; what fastify or a parser refused is mapped to the nearest code of that table;
 * everything else is ours: 500 INTERNAL with the request id, and the cause in the log. Runs in the main thread.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { MessageAccepted } from '../engine/contract/api.js'
import { EngineError, ERRORS, type ErrorCode, type FieldError } from '../engine/contract/errors.js'
import type { Log } from '../engine/contract/log.js'
import { type ReasonCode, reasonHelp } from '../engine/contract/reasons.js'

export interface Problem {
  type: string
  title: string
  status: number
  code: string
  detail: string
  errors?: FieldError[]
  /** Names the line in the log; only with INTERNAL. */
  requestId?: string
}

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8'

/** RFC 9457 §3.1.1 asks for a URI; a URN promises no page. */
function typeOf(code: string): string {
  return `urn:trunkline:problem:${code}`
}

export function problemOf(error: EngineError): Problem {
  const [status, help] = ERRORS[error.code]
  const problem: Problem = {
    type: typeOf(error.code),
    title: help,
    status,
    code: error.code,
    detail: error.message || help,
  }
  if (error.fields.length > 0) problem.errors = error.fields
  return Object.assign(problem, error.members)
}

/** Which field of a message a reason speaks of. */
const pointers: Partial<Record<ReasonCode, string>> = {
  MISSING_FIELD: '/fields',
  TEMPLATE_UNKNOWN: '/template',
  RECORDING_UNKNOWN: '/prompts',
  LANGUAGE_INVALID: '/language',
  LANGUAGE_UNSPOKEN: '/language',
  SPEECH_UNAVAILABLE: '/text',
  TOO_LONG: '/text',
  EMPTY_TEXT: '/text',
  BODY_INVALID: '/text',
  CHARACTER_UNSUPPORTED: '/text',
  FIELD_TOO_LONG: '/text',
  BAD_DATE: '/sendAt',
  VALIDITY_OVER: '/validForSeconds',
  INVALID_SENDER: '/from',
  SENDER_NOT_ALLOWED: '/from',
  TLV_INVALID: '/tlvs',
  MISSING_SUBJECT: '/subject',
  MAIL_TOO_LARGE: '/html',
}

/** A refused message: 422 with its reason as code. */
export function refusalOf(reason: ReasonCode, detail: string | undefined): Problem {
  const help = reasonHelp(reason)
  const message = detail || help
  return {
    type: typeOf(reason),
    title: help,
    status: 422,
    code: reason,
    detail: message,
    errors: [{ pointer: pointers[reason] ?? '/to', message }],
  }
}

/** Thrown where a refused message must not count as work that was done. */
export class RefusedMessage extends Error {
  readonly accepted: MessageAccepted

  constructor(accepted: MessageAccepted) {
    super(accepted.reason)
    this.accepted = accepted
  }
}

/** What fastify and its plugins throw: an error with a statusCode, meant for the client when below 500. */
interface HttpError extends Error {
  statusCode?: number
  code?: string
}

const codesByStatus: Readonly<Record<number, ErrorCode>> = {
  404: 'NOT_FOUND',
  406: 'UNSUPPORTED_MEDIA',
  413: 'TOO_LARGE',
}

/** null: nothing that the client did. */
export function toEngineError(error: unknown, contentType: string | undefined): EngineError | null {
  if (error instanceof EngineError) return error
  const { statusCode, message } = error as HttpError
  if (statusCode === undefined || statusCode < 400 || statusCode >= 500) return null
  if (statusCode === 415) {
    return new EngineError(
      'UNSUPPORTED_MEDIA',
      `${contentType ?? 'a body without type'} is not taken here; send application/json`,
    )
  }
  return new EngineError(codesByStatus[statusCode] ?? 'BAD_REQUEST', message, { cause: error })
}

const retryAfterSeconds: Partial<Record<ErrorCode, string>> = {
  RATE_LIMITED: '1',
  IDEMPOTENCY_RUNNING: '1',
  SHUTTING_DOWN: '5',
  STORE_FULL: '60',
  OVERLOADED: '1',
}

/** Nothing is wrong, and there may be thousands a second: metrics count them, the log does not. */
function isWaiting(code: ErrorCode): boolean {
  return code === 'SHUTTING_DOWN' || code === 'OVERLOADED' || code === 'STORE_FULL'
}

export function sendProblem(reply: FastifyReply, problem: Problem): void {
  reply.code(problem.status).header('content-type', PROBLEM_TYPE).send(JSON.stringify(problem))
}

/** Who is told of what was not answered as it was asked. */
export interface ErrorDesk {
  log: Log
  /** Of each that is answered by its code. */
  count(error: EngineError): void
  /** Of each answer that was begun and broke off because of us. */
  countBrokenOff(code: ErrorCode): void
}

/** The head was sent, so that no problem can be: the log and the metric say it instead. */
export function answerBrokeOff({ log, countBrokenOff }: ErrorDesk, reply: FastifyReply, error: unknown): void {
  const code = error instanceof EngineError ? error.code : 'INTERNAL'
  countBrokenOff(code)
  log.error({ requestId: reply.request.id, code, err: error }, 'an answer broke off')
}

/** The one error handler of the server. */
export function handleError(
  { log, count }: ErrorDesk,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (error instanceof RefusedMessage) {
    sendProblem(reply, refusalOf(error.accepted.reason!, error.accepted.detail))
    return
  }
  const known = toEngineError(error, request.headers['content-type'])
  const failure = known ?? new EngineError('INTERNAL', ERRORS.INTERNAL[1], { cause: error })
  const problem = problemOf(failure)
  count(failure)
  if (problem.status >= 500 && !isWaiting(failure.code)) {
    problem.requestId = request.id
    log.error({ requestId: request.id, code: failure.code, err: known ?? error }, 'request failed')
  }
  const retryAfter = retryAfterSeconds[failure.code]
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter)
  if (failure.retryAfterSeconds > 0) reply.header('retry-after', String(failure.retryAfterSeconds))
  // A connection closed under a client that still sends costs it the answer: the rest is read and dropped instead.
  if (failure.code === 'TOO_LARGE') reply.removeHeader('connection')
  if (failure.code === 'UNAUTHORIZED') reply.header('www-authenticate', 'Bearer realm="trunkline"')
  sendProblem(reply, problem)
}
