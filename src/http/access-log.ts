/** One line per request: route pattern, status, time, who. Never a body, never a whole number. Main thread. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Log, maskNumber } from '../engine/contract/log.js'

const longDigits = /\+?\d{7,}/g
/** Parameters that hold a number, which people write in pieces: 07400 123456. */
const numberParameters: ReadonlySet<string> = new Set(['to', 'from', 'number'])
/** Parameters whose values are no text of a customer's; of all others only the name is logged. */
const plainParameters: ReadonlySet<string> = new Set(
  'account action carrier channel country cursor event format group job limit prefix raw since state until'.split(' '),
)
/** What a parameter may be called; a number or a key that somebody writes in the place of a name is none of these. */
const shownName = /^[A-Za-z_-]{1,24}$/
/** Longer than any value of ours, and shorter than a key. */
const SHOWN_LONGEST = 40
/** As the API made it. */
const ownId = /^[a-z]+_[0-9a-z]+$/
const SHORTEST_NUMBER = 7

export function logAccess(log: Log, request: FastifyRequest, reply: FastifyReply): void {
  log.info(
    {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions.url ?? withoutNumber(request.url.split('?')[0]!),
      id: maskedId(request.params),
      query: request.routeOptions.config.hidesQuery ? undefined : maskedQuery(request.query),
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime * 10) / 10,
      account: request.principal?.kind === 'account' ? request.principal.account : request.principal?.kind,
    },
    'request',
  )
}

/** A path that no route has may be anything: with as many digits as a number has, it shows none of them. */
function withoutNumber(path: string): string {
  const digits = path.match(/\d/g) ?? []
  return digits.length < SHORTEST_NUMBER ? path : path.replaceAll(/\d/g, '*')
}

function maskedId(params: unknown): string | undefined {
  const { id } = (params ?? {}) as { id?: string }
  return id === undefined || ownId.test(id) ? id : masked('number', id)
}

function maskedQuery(query: unknown): Record<string, string> | undefined {
  const entries = Object.entries((query ?? {}) as Record<string, unknown>)
  if (entries.length === 0) return undefined
  return Object.fromEntries(
    entries.map(([key, value]) => [shownName.test(key) ? key : '[hidden]', masked(key, String(value))]),
  )
}

/** Every digit run that could be a number is masked, whichever parameter it stands in. */
function masked(key: string, value: string): string {
  if (plainParameters.has(key) && value.length <= SHOWN_LONGEST) return value.replace(longDigits, maskNumber)
  if (!numberParameters.has(key)) return '[hidden]'
  const digits = value.match(/\p{Nd}/gu) ?? []
  return digits.length < SHORTEST_NUMBER ? value : maskNumber(digits.join(''))
}
