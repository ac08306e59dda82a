/**
 * The INVITE of one call with all its repetitions: with credentials after a 401 or 407 (RFC 3261 §22), with a session timer
 * after a 422 (RFC 4028 §7.4), never after a 3xx; and its CANCEL (§9.1), which waits for the first provisional.
 */
import type { AuthAttempt, Authenticator } from '../message/authenticator.js'
import type { SipResponse } from '../message/sip-message.js'
import { wholeNumber } from '../message/syntax.js'
import type { ClientUser } from '../transaction/client-user.js'
import { TIMEOUT } from '../transaction/client-user.js'
import { InviteClient } from '../transaction/invite-client.js'
import { NonInviteClient } from '../transaction/non-invite-client.js'
import type { Timer } from '../transaction/timers.js'
import { LONG } from '../transaction/timing.js'
import type { Agent } from './agent.js'
import type { OutgoingCall } from './call.js'
import type { DialogOrigin } from './dialog.js'
import { cancelOf, firstInvite, type InviteIdentity } from './first-invite.js'

export interface InvitationUser {
  provisional(response: SipResponse): void
  /** Each 2xx, as often as it comes. */
  accepted(response: SipResponse): void
  /** Final, and nothing can be done about it. */
  refused(response: SipResponse): void
  /** Sent anew: what was heard of it before is void. */
  repeated(): void
  failed(why: string): void
  /** Nothing more can come. */
  over(): void
}

/** Session-Expires that a 422 may make us offer. */
const SESSION_SECONDS_MAX = 86_400

export class Invitation {
  readonly #agent: Agent
  readonly #call: OutgoingCall
  readonly #identity: InviteIdentity
  readonly #user: InvitationUser
  readonly #authenticator: Authenticator | null
  readonly #attempt: AuthAttempt | null
  #origin: DialogOrigin
  #client: InviteClient
  #minSessionSeconds = 0
  /** Reason of the CANCEL that is wanted; '' = none. */
  #cancelReason = ''
  #isCanceled = false
  #giveUp: Timer = 0

  constructor(agent: Agent, call: OutgoingCall, identity: InviteIdentity, user: InvitationUser) {
    this.#agent = agent
    this.#call = call
    this.#identity = identity
    this.#user = user
    this.#authenticator = agent.authenticatorOf(call.credentials, call.to)
    this.#attempt = this.#authenticator?.attempt() ?? null
    this.#origin = this.#make(1)
    this.#authenticator?.prepare(this.#origin.request)
    this.#client = this.#begin()
  }

  /** The INVITE that is out. */
  get origin(): DialogOrigin {
    return this.#origin
  }

  get isOver(): boolean {
    return this.#client.isOver
  }

  start(): void {
    this.#agent.table.addClient(this.#client)
  }

  /** Now, or with the first provisional; until then the INVITE is not repeated. Once final it comes too late. */
  cancel(reason: string): void {
    if (this.#cancelReason !== '') return
    this.#cancelReason = reason
    this.#client.quiet()
    if (this.#client.wasHeard) this.#sendCancel()
  }

  #make(cseq: number): DialogOrigin {
    return firstInvite(this.#agent, this.#call, this.#identity, { cseq, minSessionSeconds: this.#minSessionSeconds })
  }

  #begin(): InviteClient {
    const user: ClientUser = {
      response: (response) => this.#response(response),
      failed: (why) => {
        if (client === this.#client) this.#user.failed(why)
      },
      over: () => {
        if (client === this.#client) this.#over()
      },
    }
    const client = new InviteClient(this.#agent.table, this.#origin.request, this.#origin.peer, user)
    return client
  }

  #response(response: SipResponse): void {
    if (response.status < 200) {
      if (this.#cancelReason !== '') this.#sendCancel()
      this.#user.provisional(response)
    } else if (response.status < 300) this.#user.accepted(response)
    else if (!this.#sendAnew(response)) this.#user.refused(response)
  }

  #over(): void {
    this.#giveUp = this.#agent.timers.stop(this.#giveUp)
    this.#user.over()
  }

  /** False: there is nothing that could be done better. */
  #sendAnew(response: SipResponse): boolean {
    if (this.#cancelReason !== '') return false
    const { status } = response
    if (status === 401 || status === 407) return this.#answerChallenge(response)
    if (status !== 422 || this.#minSessionSeconds > 0) return false
    const asked = wholeNumber(response.headers.get('min-se')?.split(';')[0]?.trim() ?? '', SESSION_SECONDS_MAX)
    if (asked <= 0) return false
    this.#minSessionSeconds = asked
    const next = this.#make(this.#origin.cseq + 1)
    this.#authenticator?.prepare(next.request)
    this.#replace(next)
    return true
  }

  #answerChallenge(response: SipResponse): boolean {
    if (this.#attempt === null) return false
    const next = this.#make(this.#origin.cseq + 1)
    if (!this.#attempt.answerAnew(next.request, this.#origin.request, response)) return false
    this.#replace(next)
    return true
  }

  /** Same Call-ID and From tag, the next CSeq, a new branch. */
  #replace(next: DialogOrigin): void {
    this.#origin = next
    this.#client = this.#begin()
    this.#user.repeated()
    this.start()
  }

  #sendCancel(): void {
    if (this.#isCanceled) return
    this.#isCanceled = true
    const { request, peer } = this.#origin
    const { table, timers } = this.#agent
    const user: ClientUser = {
      response() {},
      // A gateway that is gone sends no final response either.
      failed: (why) => {
        if (why !== TIMEOUT) this.#client.abandon()
      },
      over() {},
    }
    this.#giveUp = timers.start(LONG, () => this.#client.abandon())
    table.addClient(new NonInviteClient(table, cancelOf(request, this.#cancelReason), peer, user))
  }
}
