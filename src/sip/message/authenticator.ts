/**
 * Name and password of one gateway against its challenges (RFC 3261 §22): the nonces that it gave are kept, so that later
 * requests need no second try, and a password that is wrong is not sent for ever. Dispatcher thread.
 */

import { CHALLENGE_FIELDS, type DigestChallenge, digestChallenges, parseChallenge } from './challenge.js'
import { writeCredentials } from './digest.js'
import type { SipRequest, SipResponse } from './sip-message.js'

const FIELDS = ['authorization', 'proxy-authorization'] as const
type Field = (typeof FIELDS)[number]

/** A nonce and what was made of it. */
interface Known {
  field: Field
  challenge: DigestChallenge
  cnonce: string
  used: number
  /** False: a nonce of this realm is good for one request only. */
  isKept: boolean
}

/** Realms of one gateway that are remembered; more only cost the second try. */
const REALMS_MAX = 8
/** Challenges of one request that are answered, whatever they say. */
const ANSWERS_MAX = 4
const NONCE_COUNT_MAX = 0xffff_ffff

export class Authenticator {
  readonly #user: string
  readonly #password: string
  readonly #cnonce: () => string
  /** By field and realm. */
  readonly #known = new Map<string, Known>()

  /** `cnonce` makes 16 octets or more of chance as text. */
  constructor(credentials: { user: string; password: string }, cnonce: () => string) {
    this.#user = credentials.user
    this.#password = credentials.password
    this.#cnonce = cnonce
  }

  /** Puts credentials for the nonces known into a new request; for none the request stays as it is. */
  prepare(request: SipRequest): void {
    for (const known of this.#known.values()) if (known.isKept) this.#authorise(request, known)
  }

  /** For one request and its repetitions. */
  attempt(): AuthAttempt {
    return new AuthAttempt(this)
  }

  /**
   * Puts the answer to one challenge into the request. `wasRefused`: credentials for that realm had been in the request,
   * and not with a nonce that was too old.
   */
  answer(request: SipRequest, field: Field, challenge: DigestChallenge, wasRefused: boolean): void {
    const id = idOf(field, challenge.realm)
    const before = this.#known.get(id)
    if (before === undefined && this.#known.size === REALMS_MAX) this.#known.delete(this.#known.keys().next().value!)
    const isKept = before === undefined || (before.isKept && !wasRefused)
    const known = { field, challenge, cnonce: this.#cnonce(), used: 0, isKept }
    this.#known.set(id, known)
    this.#authorise(request, known)
  }

  /** Credentials for a realm that let an earlier sending of the request pass. */
  repeat(request: SipRequest, id: string): void {
    const known = this.#known.get(id)
    if (known !== undefined) this.#authorise(request, known)
  }

  /** Name or password are wrong: the nonce is not used again. */
  forget(id: string): void {
    this.#known.delete(id)
  }

  #authorise(request: SipRequest, known: Known): void {
    known.used = known.used < NONCE_COUNT_MAX ? known.used + 1 : 1
    const { method, uri, body, headers } = request
    const { challenge, cnonce, used: nonceCount } = known
    const use = { challenge, user: this.#user, password: this.#password, method, uri, body, cnonce, nonceCount }
    headers.append(known.field, writeCredentials(use))
  }
}

/** What one request has been through. */
export class AuthAttempt {
  readonly #authenticator: Authenticator
  /** Field and realm → how often answered here in vain. */
  readonly #answered = new Map<string, number>()
  /** In the order of their first challenge: who asks first is nearer to us. */
  readonly #seen: string[] = []
  #answers = 0

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator
  }

  /**
   * Puts the answer to a 401 or 407 into the request, which the caller then sends again with a new branch and CSeq.
   * False: give up, the request stays as it was. A realm is answered once, once more
   * when it says that the nonce was stale, and again when somebody behind it has asked, since it then let us pass.
   */
  answer(request: SipRequest, response: SipResponse): boolean {
    if (response.status !== 401 && response.status !== 407) return false
    const { asks, answers } = CHALLENGE_FIELDS[response.status]
    const challenges = digestChallenges(response.headers, asks)
    if (challenges.length === 0 || ++this.#answers > ANSWERS_MAX) return false
    if (challenges.some((challenge) => !this.#mayAnswer(answers, challenge))) return false
    const sent = takeCredentials(request)
    const asked = new Set(challenges.map(({ realm }) => idOf(answers, realm)))
    for (const id of asked) if (!this.#seen.includes(id)) this.#seen.push(id)
    const nearest = this.#seen.findIndex((id) => asked.has(id))
    for (const id of this.#seen.slice(0, nearest)) this.#answered.delete(id)
    // Another request for those that do not ask now: their nonce is counted on.
    for (const id of sent) if (!asked.has(id)) this.#authenticator.repeat(request, id)
    for (const challenge of challenges) {
      const id = idOf(answers, challenge.realm)
      this.#answered.set(id, (this.#answered.get(id) ?? 0) + 1)
      this.#authenticator.answer(request, answers, challenge, sent.has(id) && !challenge.isStale)
    }
    return true
  }

  /** The same for `next`, made anew after `before` was challenged: what `before` knew by then goes on into it. */
  answerAnew(next: SipRequest, before: SipRequest, response: SipResponse): boolean {
    for (const field of FIELDS) for (const value of before.headers.all(field)) next.headers.append(field, value)
    return this.answer(next, response)
  }

  #mayAnswer(field: Field, { realm, isStale }: DigestChallenge): boolean {
    const id = idOf(field, realm)
    const times = this.#answered.get(id) ?? 0
    if (times === 0 || (times === 1 && isStale)) return true
    this.#authenticator.forget(id)
    return false
  }
}

function idOf(field: Field, realm: string): string {
  return `${field} ${realm}`
}

/** Takes all credentials out of a request; returns for whom they were. */
function takeCredentials(request: SipRequest): Set<string> {
  const ids = new Set<string>()
  for (const field of FIELDS) {
    for (const value of request.headers.all(field))
      ids.add(idOf(field, parseChallenge(value)?.parameters.get('realm') ?? ''))
    request.headers.remove(field)
  }
  return ids
}
