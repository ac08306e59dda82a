/**
 * Who asks: `Authorization: Bearer KEY`, resolved once per request before anything of the body is read.
 *
 * Each route says in its config what it needs; a route that says nothing is refused, so that a forgotten line cannot
 * open one. The account comes from the key, or for an admin from the header Trunkline-Account.
 */
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import type { EngineApi, Principal, Scope } from '../engine/contract/api.js'
import type { Clock } from '../engine/contract/clock.js'
import { EngineError } from '../engine/contract/errors.js'
import { RateLimiter } from './rate-limit.js'

/** `any`: an account sees its own, the admin everything. */
export type Need = 'admin' | 'account' | 'any' | 'none'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which key the route needs. */
    auth?: Need
    /** What a key of an account must be made for; GET and HEAD: `read` unless it says otherwise. */
    scope?: Scope
    /** The body is a stream of any length: no body deadline, and drained when refused. */
    streams?: boolean
    /** The body may be gzip-encoded; the engine unpacks it. */
    gzip?: boolean
  }
  interface FastifyRequest {
    principal: Principal | null
  }
}

/** Wrong keys per second and address before they are answered 429. */
const wrongKeysPerSecond = 50

export interface AuthOptions {
  engine: EngineApi
  clock: Clock
  /** Per key. */
  requestsPerSecond: number
}

/** A hook without promises: it runs for every request. */
export function authHook({ engine, clock, requestsPerSecond }: AuthOptions): onRequestHookHandler {
  const limiter = new RateLimiter(requestsPerSecond)
  const wrongKeys = new RateLimiter(wrongKeysPerSecond)
  return (request, _reply, done) => {
    const need = request.routeOptions.config.auth
    if (need === 'none' || request.is404) return done()
    const nowMs = clock.monotonic()
    if (!wrongKeys.has(request.ip, nowMs)) return done(tooMany('wrong keys from this address'))
    const principal = authenticate(engine, request.headers.authorization)
    if (principal === null) {
      wrongKeys.take(request.ip, nowMs)
      return done(new EngineError('UNAUTHORIZED', 'no valid key; send it as `Authorization: Bearer KEY`'))
    }
    if (!limiter.take(nameOf(principal), nowMs)) return done(tooMany('requests with this key'))
    try {
      request.principal = admit(engine, principal, need, request.headers['trunkline-account'])
    } catch (error) {
      return done(error as EngineError)
    }
    done()
  }
}

function authenticate(engine: EngineApi, header: string | undefined): Principal | null {
  // RFC 9110 §11.1: the scheme is case-insensitive.
  if (header === undefined || header.length < 8 || header.slice(0, 7).toLowerCase() !== 'bearer ') return null
  return engine.authenticate(header.slice(7).trim())
}

function nameOf(principal: Principal): string {
  return principal.kind === 'admin' ? 'admin' : principal.key
}

function tooMany(what: string): EngineError {
  return new EngineError('RATE_LIMITED', `too many ${what}; wait as long as Retry-After says`)
}

function admit(
  engine: EngineApi,
  principal: Principal,
  need: Need | undefined,
  onBehalfOf: string | string[] | undefined,
): Principal {
  if (need === 'admin') {
    if (principal.kind === 'admin') return principal
    throw new EngineError('FORBIDDEN', 'this route needs the admin key')
  }
  if (need === undefined) throw new EngineError('FORBIDDEN', 'this route has no rule of access')
  if (principal.kind === 'account') return principal
  if (typeof onBehalfOf !== 'string' && need === 'any') return principal
  if (typeof onBehalfOf !== 'string') {
    throw new EngineError(
      'FORBIDDEN',
      'this route belongs to an account: use a key of the account, or name it in the header Trunkline-Account',
    )
  }
  return { kind: 'account', account: engine.account(onBehalfOf).id, key: 'admin' }
}

/** Who asks, on a route that needs a key. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new EngineError('UNAUTHORIZED', 'no key')
  return request.principal
}
