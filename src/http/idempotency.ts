/**
 * Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07) for the POSTs that make something.
 *
 * The engine keeps the answers; here the request is given its fingerprint: SHA-256 of method, path and body.
 */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EngineApi } from '../engine/contract/api.js'
import { EngineError } from '../engine/contract/errors.js'
import { principalOf } from './auth.js'

const keyPattern = /^[\x21-\x7e]{1,255}$/

export function idempotencyKey(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key === 'string' && keyPattern.test(key)) return key
  throw new EngineError('BAD_REQUEST', 'Idempotency-Key must be 1 to 255 printable ASCII characters without spaces')
}

/** Runs `work` at most once per key; a replay says so in a header. Without a key it just runs. */
export async function once<T>(
  engine: EngineApi,
  request: FastifyRequest,
  reply: FastifyReply,
  { body, work }: { body: unknown; work: () => Promise<T> },
): Promise<T> {
  const key = idempotencyKey(request)
  if (key === undefined) return work()
  const result = await engine.idempotent(principalOf(request), key, fingerprint(request, body), work)
  if (result.replayed) reply.header('idempotent-replay', 'true')
  return result.value
}

function fingerprint(request: FastifyRequest, body: unknown): string {
  return createHash('sha256')
    .update(`${request.method}\n${request.url}\n${JSON.stringify(body ?? null)}`)
    .digest('hex')
}
