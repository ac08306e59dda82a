/** One line per request: route pattern, status, time, who. Never a body, never a whole number. Main thread. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Log, maskNumber } from '../engine/contract/log.js'

const longDigits = /\+?\d{7,}/g
/** Parameters that hold a number, which people write in pieces: 07400 123456. */
const numberParameters: ReadonlySet<string> = new Set(['to', 'from', 'number'])
const SHORTEST_NUMBER = 7

export function logAccess(log: Log, request: FastifyRequest, reply: FastifyReply): void {
  log.info(
    {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? request.url.split('?')[0]!.replace(longDigits, maskNumber),
      id: (request.params as { id?: string } | undefined)?.id,
      query: request.routeOptions.config.hidesQuery ? undefined : maskedQuery(request.query),
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
  return Object.fromEntries(entries.map(([key, value]) => [key, masked(key, String(value))]))
}

function masked(key: string, value: string): string {
  if (!numberParameters.has(key)) return value.replace(longDigits, maskNumber)
  const digits = value.match(/\p{Nd}/gu) ?? []
  return digits.length < SHORTEST_NUMBER ? value : maskNumber(digits.join(''))
}
