/**
 * What the far end asks within a call (RFC 3261 §12.2.2, §14.2, §15.1.2): BYE, re-INVITE, UPDATE (RFC 3311), INFO, OPTIONS.
 * Each is answered at once. An ended dialog knows nothing any more: 481.
 */
import { parseCSeq } from '../message/cseq.js'
import { listHas, listOf } from '../message/list.js'
import type { SipRequest } from '../message/sip-message.js'
import { AcceptedInviteServer, NonInviteServer, RefusedInviteServer } from '../transaction/server-transactions.js'
import type { Peer } from '../transport/transport.js'
import type { Agent } from './agent.js'
import { ACCEPT, ALLOW, SDP_TYPE, SUPPORTED, UNDERSTOOD } from './capabilities.js'
import { sdpOf } from './description.js'
import type { Dialog } from './dialog.js'
import { DIGIT_TYPES, digitOf, isDigitInfo } from './info-digit.js'
import { type Answer, responseTo } from './response.js'
import { sessionExpiresOf } from './session-expires.js'

/** The call that the dialog belongs to. */
export interface DialogUser {
  /** Ended by neither side. */
  isOpen(): boolean
  /** Answered: it may be changed by re-INVITE. */
  isConfirmed(): boolean
  /** An offer of ours is still without answer. */
  isOffering(): boolean
  reoffered(sdp: string): string | null
  /** To `offer`. */
  answered(sdp: string): void
  offer(): string
  digit(digit: string): void
  bye(request: SipRequest): void
  /** Our 2xx to a re-INVITE stayed without ACK for 64·T1. */
  unacknowledged(): void
  /** The call is alive for so long; `isOurs`: it is on us to say so again before. */
  session(seconds: number, isOurs: boolean): void
}

/** Our 2xx that wait for their ACK. */
const UNACKNOWLEDGED_MAX = 4
type Headers = NonNullable<Answer['headers']>

export class RequestsWithin {
  readonly #agent: Agent
  readonly #dialog: Dialog
  readonly #user: DialogUser
  readonly #contact: string
  readonly #accepted: { server: AcceptedInviteServer; hasOurOffer: boolean }[] = []

  constructor(agent: Agent, dialog: Dialog, user: DialogUser, contact: string) {
    this.#agent = agent
    this.#dialog = dialog
    this.#user = user
    this.#contact = contact
  }

  /** A request that is no retransmission and no ACK. */
  received(request: SipRequest, from: Peer): void {
    const { number } = parseCSeq(request.headers.get('cseq'))!
    if (request.method === 'BYE') this.#bye(request, from)
    else if (!this.#user.isOpen()) this.#respond(request, from, { status: 481 })
    else if (!this.#dialog.takeCseq(number)) this.#respond(request, from, { status: 500, reason: 'Out of order' })
    else this.#handle(request, from, number)
  }

  /** ACK to a 2xx of ours; with the answer, when the offer was ours (§14.2). */
  acknowledged(request: SipRequest): void {
    const number = parseCSeq(request.headers.get('cseq'))?.number
    const at = this.#accepted.findIndex(({ server }) => server.cseq === number)
    if (at < 0) return
    const { server, hasOurOffer } = this.#accepted.splice(at, 1)[0]!
    server.acknowledged()
    const answer = hasOurOffer ? sdpOf(request) : ''
    if (answer !== '' && this.#user.isOpen()) this.#user.answered(answer)
  }

  /** The dialog is over: its 2xx are not repeated any more. */
  release(): void {
    for (const { server } of this.#accepted) server.acknowledged()
    this.#accepted.length = 0
  }

  #handle(request: SipRequest, from: Peer, cseq: number): void {
    const unknown = unknownOptions(request)
    if (unknown !== '') this.#respond(request, from, { status: 420, headers: [['unsupported', unknown]] })
    else if (request.method === 'INVITE') this.#invite(request, from, cseq)
    else if (request.method === 'UPDATE') this.#update(request, from)
    else if (request.method === 'INFO') this.#info(request, from)
    else this.#respond(request, from, otherAnswer(request.method))
  }

  /** Also when ours crossed it, and whatever it requires: what has ended, has ended. */
  #bye(request: SipRequest, from: Peer): void {
    this.#respond(request, from, { status: 200 })
    this.#user.bye(request)
  }

  #info(request: SipRequest, from: Peer): void {
    if (request.body.length === 0) this.#respond(request, from, { status: 200 })
    else if (!isDigitInfo(request)) {
      this.#respond(request, from, { status: 415, headers: [['accept', DIGIT_TYPES]] })
    } else {
      this.#respond(request, from, { status: 200 })
      const digit = digitOf(request)
      if (digit !== null) this.#user.digit(digit)
    }
  }

  #update(request: SipRequest, from: Peer): void {
    const refusal = this.#offerProblem(request)
    if (refusal !== null) {
      this.#respond(request, from, refusal)
      return
    }
    const answer = request.body.length === 0 ? '' : this.#user.reoffered(sdpOf(request))
    if (answer === null) this.#respond(request, from, { status: 488 })
    else this.#respond(request, from, this.#success(request, answer))
  }

  /** Re-INVITE (§14.2). Without an offer ours is in the 2xx and their answer in the ACK. */
  #invite(request: SipRequest, from: Peer, cseq: number): void {
    const refusal = this.#user.isConfirmed() ? this.#offerProblem(request) : retryLater
    if (refusal !== null || this.#accepted.length === UNACKNOWLEDGED_MAX) {
      this.#respond(request, from, refusal ?? retryLater)
      return
    }
    const hasOurOffer = request.body.length === 0
    const sdp = hasOurOffer ? this.#user.offer() : this.#user.reoffered(sdpOf(request))
    if (sdp === null) {
      this.#respond(request, from, { status: 488 })
      return
    }
    const response = this.#responseTo(request, this.#success(request, sdp))
    const server = new AcceptedInviteServer(this.#agent.table, { request, cseq, peer: from }, response, () =>
      this.#unacknowledged(),
    )
    this.#accepted.push({ server, hasOurOffer })
    this.#agent.table.addServer(server)
  }

  /** null: its offer can be looked at, or it has none. */
  #offerProblem(request: SipRequest): Answer | null {
    if (request.body.length > 0 && sdpOf(request) === '') return { status: 415, headers: [['accept', ACCEPT]] }
    const isOffer = request.body.length > 0 || request.method === 'INVITE'
    const isGlare = this.#user.isOffering() || this.#accepted.some(({ hasOurOffer }) => hasOurOffer)
    return isOffer && isGlare ? { status: 491 } : null
  }

  #success(request: SipRequest, sdp: string): Answer {
    this.#dialog.refreshTarget(request)
    const headers = [
      ['contact', this.#contact],
      ['allow', ALLOW],
      ['supported', SUPPORTED],
      ...this.#sessionHeaders(request),
      ...(sdp === '' ? [] : [['content-type', SDP_TYPE] as const]),
    ] as const
    return { status: 200, headers, body: sdp }
  }

  /** RFC 4028 §9: the interval as asked for; they keep it alive when they can. */
  #sessionHeaders({ headers }: SipRequest): Headers {
    const asked = sessionExpiresOf(headers)
    if (asked === null) return []
    const canRefresh = listHas(headers.all('supported'), 'timer') || listHas(headers.all('require'), 'timer')
    const refresher = asked.refresher || (canRefresh ? 'uac' : 'uas')
    this.#user.session(asked.seconds, refresher === 'uas')
    const value: Headers = [['session-expires', `${asked.seconds};refresher=${refresher}`]]
    return refresher === 'uac' ? [...value, ['require', 'timer']] : value
  }

  #unacknowledged(): void {
    if (this.#user.isOpen()) this.#user.unacknowledged()
  }

  #respond(request: SipRequest, from: Peer, answer: Answer): void {
    const response = this.#responseTo(request, answer)
    const { table } = this.#agent
    if (request.method === 'INVITE') table.addServer(new RefusedInviteServer(table, request, response, from))
    else table.addServer(new NonInviteServer(table, request, response, from))
  }

  #responseTo(request: SipRequest, answer: Answer): ReturnType<typeof responseTo> {
    return responseTo(request, '', this.#agent.name, answer)
  }
}

/** §14.2: an INVITE that comes too early may be tried again soon. */
const retryLater: Answer = { status: 500, headers: [['retry-after', '3']] }

function otherAnswer(method: string): Answer {
  if (method === 'OPTIONS') {
    const headers: Headers = [
      ['allow', ALLOW],
      ['accept', ACCEPT],
      ['supported', SUPPORTED],
    ]
    return { status: 200, headers }
  }
  // No provisional of ours is reliable (RFC 3262 §3), and nothing is subscribed to (RFC 6665 §4.1.3; 489 leaves the call alone).
  if (method === 'PRACK') return { status: 481 }
  if (method === 'NOTIFY') return { status: 489 }
  return { status: 405, headers: [['allow', ALLOW]] }
}

/** Options that a request requires and we do not know (§8.2.2.3); '' = none. */
export function unknownOptions({ headers }: SipRequest): string {
  const required = listOf(headers.all('require')) ?? []
  return required.filter((option) => !UNDERSTOOD.has(option.toLowerCase())).join(', ')
}
