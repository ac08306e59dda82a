/**
 * Who asks: `Authorization: Bearer KEY`, resolved once per request before anything of the body is read.
 *
 * Each route says in its config what it needs; a route that says nothing is refused, so that a forgotten line cannot
 * open one. The account comes from the key, or for an admin from the header Trunkline-Account.
 */
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import { addressName } from '../engine/base/source-address.js'
import type { EngineApi, Principal, Scope } from '../engine/contract/api.js'
import type { Clock } from '../engine/contract/clock.js'
import { EngineError } from '../engine/contract/errors.js'
import { RateLimiter } from './rate-limit.js'

/**
 * `any`: an account sees its own, the admin everything. `password`: the route asks the gate itself, with an account and a key
 * among its parameters, as other gateways have them.
 */
export type Need = 'admin' | 'account' | 'any' | 'password' | 'none'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Which key the route needs. */
    auth?: Need
    /** What a key of an account must be made for; GET and HEAD: `read` unless it says otherwise. */
    scope?: Scope
    /** The query holds texts and keys: it is not logged. */
    hidesQuery?: boolean
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
/** An address may have so many keys at their limit behind it. */
const keysPerAddress = 4

export interface AuthOptions {
  engine: EngineApi
  clock: Clock
  /** Per key. */
  requestsPerSecond: number
}

export interface Gate {
  /** Without promises: it runs for every request. */
  hook: onRequestHookHandler
  /** Lets in by account and key, under the same limits. @throws EngineError UNAUTHORIZED, RATE_LIMITED, FORBIDDEN. */
  password(request: FastifyRequest, account: string, key: string): Principal
}

export function accessGate({ engine, clock, requestsPerSecond }: AuthOptions): Gate {
  const keys = new RateLimiter(requestsPerSecond)
  const addresses = new RateLimiter(requestsPerSecond * keysPerAddress)
  const wrongKeys = new RateLimiter(wrongKeysPerSecond)
  const check = (request: FastifyRequest): EngineError | null => {
    const { config } = request.routeOptions
    const nowMs = clock.monotonic()
    const address = addressName(request.ip)
    // Of health and metrics nobody is kept out by others behind the same proxy.
    const isWatching = config.vital === true && config.auth === 'none'
    if (!isWatching && !addresses.take(address, nowMs)) return tooMany('requests from this address')
    if (config.auth === 'none' || config.auth === 'password' || request.is404) return null
    const asked = authenticate(engine, request)
    if (asked instanceof EngineError) {
      // No key is no guess. Whoever has a good one is let in all the same: others behind its proxy could lock it out.
      if (request.headers.authorization === undefined) return asked
      return wrongKeys.take(address, nowMs) ? asked : tooMany('wrong keys from this address')
    }
    if (!keys.take(nameOf(asked), nowMs)) return tooMany('requests with this key')
    request.principal = admit(engine, asked, config.auth, request.headers['trunkline-account'])
    return refusedScope(request.principal, scopeOf(request.method, config.scope))
  }
  const hook: onRequestHookHandler = (request, _reply, done) => {
    let refusal: EngineError | null
    try {
      refusal = check(request)
    } catch (error) {
      refusal = error as EngineError
    }
    if (refusal === null) done()
    else done(refusal)
  }
  const password = (request: FastifyRequest, account: string, key: string): Principal => {
    const nowMs = clock.monotonic()
    const principal = engine.authenticate(key, request.ip)
    if (principal?.kind !== 'account' || principal.account !== account) {
      if (!wrongKeys.take(addressName(request.ip), nowMs)) throw tooMany('wrong keys from this address')
      throw new EngineError('UNAUTHORIZED', 'no such account and key')
    }
    if (!keys.take(nameOf(principal), nowMs)) throw tooMany('requests with this key')
    request.principal = principal
    const refusal = refusedScope(principal, scopeOf(request.method, request.routeOptions.config.scope))
    if (refusal !== null) throw refusal
    return principal
  }
  return { hook, password }
}

/** Who asks, or why nobody is let in. Tokens and passwords in a URL are not looked at: URLs end up in logs. */
function authenticate(engine: EngineApi, { headers, ip }: FastifyRequest): Principal | EngineError {
  const header = headers.authorization
  // RFC 9110 §11.1: the scheme is case-insensitive.
  const isBearer = header !== undefined && header.length > 7 && header.slice(0, 7).toLowerCase() === 'bearer '
  try {
    const principal = isBearer ? engine.authenticate(header.slice(7).trim(), ip) : null
    return principal ?? new EngineError('UNAUTHORIZED', 'no valid key; send it as `Authorization: Bearer KEY`')
  } catch (error) {
    if (error instanceof EngineError) return error
    throw error
  }
}

/** What a route asks of a key; null: every key will do. */
export function scopeOf(method: string, scope: Scope | undefined): Scope | null {
  return scope ?? (method === 'GET' || method === 'HEAD' ? 'read' : null)
}

function refusedScope(principal: Principal, scope: Scope | null): EngineError | null {
  if (principal.kind === 'admin' || scope === null || (principal.scopes?.includes(scope) ?? true)) return null
  return new EngineError('FORBIDDEN', `this key lacks the scope \`${scope}\`; it has ${principal.scopes!.join(', ')}`)
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
  return { kind: 'account', account: engine.account(onBehalfOf).id, key: 'admin', ip: principal.ip }
}

/** Who asks, on a route that needs a key. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new EngineError('UNAUTHORIZED', 'no key')
  return request.principal
}
