/** /u/TOKEN: the way out that a message names. Without a key: the token is one. */
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { addressName } from '../../engine/base/source-address.js'
import type { EngineApi } from '../../engine/contract/api.js'
import { systemClock } from '../../engine/contract/clock.js'
import { EngineError } from '../../engine/contract/errors.js'
import type { App } from '../app.js'
import { RateLimiter } from '../rate-limit.js'
import { answers, open } from '../schemas/common.js'
import { askingPage, donePage, PAGE_STYLE, policyFor, sendPage, UNKNOWN_PAGE } from '../unsubscribe-page.js'

/** A form of one field, or whatever a mail program sends. */
const bodyBytes = 16_384
/** Of one address: more than the people behind one proxy need, far too few to guess. */
const looksPerSecond = 20
const wrongPerSecond = 5

const POLICY = policyFor(createHash('sha256').update(PAGE_STYLE).digest('base64'))
const html = { description: 'A page for a person.', content: { 'text/html': { schema: { type: 'string' } } } }
const config = { auth: 'none' } as const
const about = {
  tags: ['suppressions'],
  security: open,
  params: { type: 'object', properties: { token: { type: 'string' } } } as const,
  response: answers({ 200: html }),
}

class Guard {
  readonly #looks = new RateLimiter(looksPerSecond)
  readonly #wrong = new RateLimiter(wrongPerSecond)

  /** @throws EngineError RATE_LIMITED. */
  enter({ ip }: FastifyRequest): void {
    this.#take(this.#looks, ip)
  }

  /** @throws EngineError RATE_LIMITED. */
  wasWrong({ ip }: FastifyRequest): void {
    this.#take(this.#wrong, ip)
  }

  #take(limiter: RateLimiter, ip: string): void {
    if (limiter.take(addressName(ip), systemClock.monotonic())) return
    throw new EngineError('RATE_LIMITED', 'too many requests from this address; wait as long as Retry-After says')
  }
}

/** In a scope of its own: whatever the body says, the token says it all (RFC 8058 §3.2). */
export function unsubscribeRoutes(app: App, engine: EngineApi): void {
  const guard = new Guard()
  const unknown = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    guard.wasWrong(request)
    return sendPage(reply, 404, UNKNOWN_PAGE, POLICY)
  }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, _body, done) => done(null, undefined))

  app.get(
    '/u/:token',
    { config, schema: { ...about, summary: 'The page of an unsubscribe link' } },
    async (request, reply) => {
      guard.enter(request)
      const page = engine.suppressions.page((request.params as { token: string }).token)
      return page === null ? unknown(request, reply) : sendPage(reply, 200, askingPage(page), POLICY)
    },
  )

  app.post(
    '/u/:token',
    { config, bodyLimit: bodyBytes, schema: { ...about, summary: 'Unsubscribe, with one click (RFC 8058)' } },
    async (request, reply) => {
      guard.enter(request)
      const page = await engine.suppressions.unsubscribe((request.params as { token: string }).token)
      return page === null ? unknown(request, reply) : sendPage(reply, 200, donePage(page), POLICY)
    },
  )
}
