/**
 * A request other than INVITE that we see through to its final response: sent anew with credentials when it is challenged
 * (RFC 3261 §22.2, §22.3), with a new CSeq and branch each time.
 */
import type { AuthAttempt, Authenticator } from '../message/authenticator.js'
import type { SipResponse } from '../message/sip-message.js'
import type { ClientUser } from '../transaction/client-user.js'
import { NonInviteClient } from '../transaction/non-invite-client.js'
import type { Agent } from './agent.js'
import type { Outgoing } from './dialog.js'
import type { ResponseHandler } from './out-of-dialog.js'

export class SentRequest implements ClientUser {
  readonly #agent: Agent
  /** Makes it, the next time with another CSeq and branch. */
  readonly #make: () => Outgoing
  readonly #done: ResponseHandler
  readonly #attempt: AuthAttempt | null
  #client: NonInviteClient | null = null
  #isDone = false

  constructor(agent: Agent, make: () => Outgoing, authenticator: Authenticator | null, done: ResponseHandler) {
    this.#agent = agent
    this.#make = make
    this.#done = done
    this.#attempt = authenticator?.attempt() ?? null
    const outgoing = make()
    authenticator?.prepare(outgoing.request)
    this.#send(outgoing)
  }

  /** Nothing is heard of it any more. */
  abandon(): void {
    this.#isDone = true
    this.#client?.abandon()
  }

  response(response: SipResponse): void {
    if (this.#isDone || response.status < 200) return
    if (this.#attempt === null || (response.status !== 401 && response.status !== 407)) this.#finish(response, '')
    else if (!this.#answer(this.#attempt, response)) this.#finish(response, '')
  }

  failed(why: string): void {
    this.#finish(null, why)
  }

  over(): void {}

  /** False: the challenge cannot be answered, or was. */
  #answer(attempt: AuthAttempt, challenge: SipResponse): boolean {
    const outgoing = this.#make()
    if (!attempt.answerAnew(outgoing.request, this.#client!.request, challenge)) return false
    this.#send(outgoing)
    return true
  }

  #send({ request, peer }: Outgoing): void {
    this.#client = new NonInviteClient(this.#agent.table, request, peer, this)
    this.#agent.table.addClient(this.#client)
  }

  #finish(response: SipResponse | null, why: string): void {
    if (this.#isDone) return
    this.#isDone = true
    this.#done(response, why)
  }
}
