/** One line per request: route pattern, status, time, who. Never a body, never a whole number. Main thread. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Log, maskNumber } from '../engine/contract/log.js'

const longDigits = /\+?\d{7,}/g

export function logAccess(log: Log, request: FastifyRequest, reply: FastifyReply): void {
  log.info(
    {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? request.url.split('?')[0]!.replace(longDigits, maskNumber),
      id: (request.params as { id?: string } | undefined)?.id,
      query: maskedQuery(request.query),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      account: request.principal?.kind === 'account' ? request.principal.account : request.principal?.kind,
    },
    'request',
  )
}

/** Every digit run that could be a number is masked, whichever parameter it stands in. */
function maskedQuery(query: unknown): Record<string, string> | undefined {
  const entries = Object.entries((query ?? {}) as Record<string, unknown>)
  if (entries.length === 0) return undefined
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value).replace(longDigits, maskNumber)]))
}
