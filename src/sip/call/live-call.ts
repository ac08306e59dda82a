/**
 * One outgoing call from INVITE to the end of its dialogs (RFC 3261 §13.2, §15). A pure state machine: messages, timers and
 * the channel's wishes go in, messages and the listener's calls come out.
 *
 *   inviting ──2xx──► talking ──our BYE──► closing ──its answer──► ended
 *      │                 └────their BYE──────────────────────────► ended
 *      └── refusal, silence, ring time-out: ended. The INVITE is listened to further until its transaction is over: what it
 *          still brings is canceled, or acknowledged and hung up.
 */
import assert from 'node:assert'
import type { Authenticator } from '../message/authenticator.js'
import { parseCSeq } from '../message/cseq.js'
import { tagOf } from '../message/name-address.js'
import type { SipMessage, SipRequest, SipResponse } from '../message/sip-message.js'
import { TIMEOUT } from '../transaction/client-user.js'
import type { Timer } from '../transaction/timers.js'
import type { Peer } from '../transport/transport.js'
import type { Agent } from './agent.js'
import type { Call, CallEnd, CallEndHow, CallListener, OutgoingCall } from './call.js'
import { NORMAL_CLEARING, OF_THE_CALLED, reasonOf } from './call-end.js'
import { sdpOf } from './description.js'
import { contactUser } from './first-invite.js'
import { Invitation, type InvitationUser } from './invitation.js'
import { Leg } from './leg.js'
import { type DialogUser, RequestsWithin } from './requests-within.js'
import { SessionRefresh } from './session-refresh.js'

/** Where calls are kept. */
export interface CallHost {
  /** It has ended for its listener. */
  ended(call: LiveCall): void
  /** No message can be for it any more. */
  gone(call: LiveCall): void
}

/** Far ends of one call that are told apart; forks beyond them are not answered. */
const EARLY_LEGS_MAX = 16
const LEGS_MAX = 32

interface KnownLeg {
  leg: Leg
  requests: RequestsWithin
  /** Theirs. */
  bye: SipRequest | null
}

export class LiveCall implements Call, InvitationUser {
  readonly callId: string
  readonly #agent: Agent
  readonly #call: OutgoingCall
  readonly #listener: CallListener
  readonly #host: CallHost
  readonly #contact: string
  readonly #localTag: string
  readonly #authenticator: Authenticator | null
  readonly #invitation: Invitation
  /** By their tag. */
  readonly #legs = new Map<string, KnownLeg>()
  readonly #startedAtMs: number
  #phase: 'inviting' | 'talking' | 'closing' | 'ended' = 'inviting'
  /** Why we stopped before an answer. */
  #gaveUp: 'noAnswer' | 'canceled' | null = null
  /** How it will end once our BYE is answered. */
  #closing: { how: CallEndHow; why: string } | null = null
  #used: KnownLeg | null = null
  #refresh: SessionRefresh | null = null
  #localSdp: string
  #status = 0
  #answeredAtMs = -1
  #hungUpAtMs = -1
  #silence: Timer = 0
  #ring: Timer = 0
  #talk: Timer = 0

  constructor(agent: Agent, call: OutgoingCall, listener: CallListener, host: CallHost) {
    this.callId = agent.newCallId()
    this.#agent = agent
    this.#call = call
    this.#listener = listener
    this.#host = host
    this.#localTag = agent.newToken()
    this.#contact = agent.contactFor(call.to, contactUser(call))
    this.#localSdp = call.sdp
    this.#authenticator = agent.authenticatorOf(call.credentials, call.to)
    this.#startedAtMs = agent.timers.nowMs()
    this.#invitation = new Invitation(agent, call, { callId: this.callId, fromTag: this.#localTag }, this)
  }

  start(): void {
    this.#waitForProvisional()
    this.#invitation.start()
  }

  hangUp(): void {
    if (this.#phase === 'talking') this.#close('localHangUp', '')
    else if (this.#phase === 'inviting') this.#giveUp('canceled')
  }

  // What the INVITE brings.

  provisional(response: SipResponse): void {
    const { timers } = this.#agent
    this.#silence = timers.stop(this.#silence)
    if (this.#phase !== 'inviting' || this.#gaveUp !== null) return
    this.#status = response.status
    if (this.#ring === 0) this.#ring = timers.start(this.#call.ringMs, () => this.#giveUp('noAnswer'))
    if (response.status === 100) return
    const known = tagOf(response.headers.get('to')) === '' ? null : this.#legOf(response)
    if (known !== null && !known.leg.provisional(response)) return
    this.#listener.ringing(response.status, sdpOf(response))
  }

  accepted(response: SipResponse): void {
    const known = this.#legOf(response)
    if (known === null) return
    const { leg } = known
    if (leg.isConfirmed) {
      leg.acknowledge()
      return
    }
    leg.confirm(response, parseCSeq(response.headers.get('cseq'))!.number)
    if (this.#phase === 'inviting') this.#final(response, known)
    else if (!leg.isOver) leg.bye(NORMAL_CLEARING, () => {})
  }

  refused(response: SipResponse): void {
    this.#dropLegs()
    if (this.#phase !== 'inviting') return
    const { status } = response
    this.#status = status
    if (this.#gaveUp !== null && !OF_THE_CALLED.has(status)) this.#end(this.#gaveUp, response)
    else this.#end(status === 401 || status === 407 ? 'unauthorised' : 'refused', response)
  }

  repeated(): void {
    this.#dropLegs()
    this.#ring = this.#agent.timers.stop(this.#ring)
    this.#waitForProvisional()
  }

  /** A gateway may have heard the INVITE all the same, so what still comes of it is stopped. */
  failed(why: string): void {
    if (this.#phase === 'inviting') this.#leave(why === TIMEOUT ? 'silent' : 'unreachable', why)
  }

  over(): void {
    if (this.#phase === 'inviting') this.#end(this.#gaveUp ?? 'silent', null)
    for (const [tag, known] of this.#legs) if (known !== this.#used) this.#drop(tag, known)
    this.#release()
  }

  // What the far end asks within the call.

  /** False: it belongs to no dialog of this call. */
  request(request: SipRequest, from: Peer): boolean {
    const known = this.#legs.get(tagOf(request.headers.get('from')))
    if (known === undefined || tagOf(request.headers.get('to')) !== this.#localTag) return false
    if (request.method === 'ACK') known.requests.acknowledged(request)
    else known.requests.received(request, from)
    return true
  }

  #final(response: SipResponse, known: KnownLeg): void {
    const { timers } = this.#agent
    this.#status = response.status
    this.#silence = timers.stop(this.#silence)
    this.#ring = timers.stop(this.#ring)
    this.#used = known
    const gaveUp = this.#gaveUp
    if (gaveUp !== null) this.#close(gaveUp, '')
    else if (known.leg.isOver) {
      this.#answeredAtMs = timers.nowMs()
      this.#end('remoteHangUp', known.bye)
    } else this.#answer(response, known.leg)
  }

  #answer(response: SipResponse, leg: Leg): void {
    const { timers } = this.#agent
    this.#phase = 'talking'
    this.#answeredAtMs = timers.nowMs()
    this.#talk = timers.start(this.#call.talkMs, () => this.#close('localHangUp', 'longest time for a call'))
    this.#refresh = new SessionRefresh(this.#agent, leg, this.#authenticator, {
      contact: this.#contact,
      localSdp: () => this.#localSdp,
      moved: (sdp) => this.#listener.reoffered(sdp),
      lost: (why) => this.#close('localHangUp', why),
    })
    this.#refresh.answered(response)
    this.#listener.answered(leg.remoteSdp)
  }

  #waitForProvisional(): void {
    const { timers } = this.#agent
    timers.stop(this.#silence)
    this.#silence = timers.start(this.#call.provisionalMs, () => this.#leave('silent', ''))
  }

  /** The ring time is over, or nobody wants the call any more. */
  #giveUp(how: 'noAnswer' | 'canceled'): void {
    if (this.#gaveUp !== null || this.#phase !== 'inviting') return
    this.#gaveUp = how
    this.#ring = this.#agent.timers.stop(this.#ring)
    this.#invitation.cancel(NORMAL_CLEARING)
  }

  /** Ends before the gateway has said anything; what it says later is stopped. */
  #leave(how: CallEndHow, why: string): void {
    this.#invitation.cancel(NORMAL_CLEARING)
    this.#end(this.#gaveUp ?? how, null, why)
  }

  /** BYE; the end is told when it was answered. */
  #close(how: CallEndHow, why: string): void {
    const known = this.#used
    if (known === null || this.#phase === 'closing' || this.#phase === 'ended') return
    this.#phase = 'closing'
    this.#hungUpAtMs = this.#agent.timers.nowMs()
    this.#closing = { how, why }
    this.#refresh?.release()
    this.#talk = this.#agent.timers.stop(this.#talk)
    known.requests.release()
    if (this.#answeredAtMs >= 0) this.#listener.closing()
    known.leg.bye(NORMAL_CLEARING, () => this.#end(how, null, why))
  }

  #bye(known: KnownLeg, bye: SipRequest): void {
    known.bye = bye
    known.leg.isOver = true
    known.leg.release()
    known.requests.release()
    if (known !== this.#used) return
    const closing = this.#closing
    if (closing === null) this.#end('remoteHangUp', bye)
    else this.#end(closing.how, bye, closing.why)
  }

  #end(how: CallEndHow, message: SipMessage | null, why = ''): void {
    if (this.#phase === 'ended') return
    const nowMs = this.#agent.timers.nowMs()
    const wasAnswered = this.#answeredAtMs >= 0
    this.#phase = 'ended'
    this.#stopTimers()
    const end: CallEnd = {
      ...{ how, status: this.#status, ...reasonOf(message, why), wasAnswered },
      ringMs: (wasAnswered ? this.#answeredAtMs : nowMs) - this.#startedAtMs,
      talkMs: wasAnswered ? (this.#hungUpAtMs >= 0 ? this.#hungUpAtMs : nowMs) - this.#answeredAtMs : 0,
    }
    this.#host.ended(this)
    this.#listener.ended(end)
    this.#release()
  }

  #stopTimers(): void {
    const { timers } = this.#agent
    this.#silence = timers.stop(this.#silence)
    this.#ring = timers.stop(this.#ring)
    this.#talk = timers.stop(this.#talk)
    this.#refresh?.release()
    this.#used?.requests.release()
  }

  #release(): void {
    if (this.#phase === 'ended' && this.#invitation.isOver) this.#host.gone(this)
  }

  // Far ends.

  /** null: there are too many already. */
  #legOf(response: SipResponse): KnownLeg | null {
    const tag = tagOf(response.headers.get('to'))
    const before = this.#legs.get(tag)
    if (before !== undefined) return before
    if (this.#legs.size >= (response.status < 200 ? EARLY_LEGS_MAX : LEGS_MAX)) return null
    const leg = new Leg(this.#agent, this.#invitation.origin, response, this.#authenticator)
    const requests = new RequestsWithin(
      this.#agent,
      leg.dialog,
      this.#dialogUser(() => known),
      this.#contact,
    )
    const known: KnownLeg = { leg, requests, bye: null }
    this.#legs.set(tag, known)
    return known
  }

  #dialogUser(known: () => KnownLeg): DialogUser {
    return {
      isOpen: () => !known().leg.isOver && this.#phase !== 'ended',
      isConfirmed: () => known() === this.#used,
      isOffering: () => !known().leg.isAnswered || (this.#refresh?.isOffering ?? false),
      reoffered: (sdp) => this.#reoffered(known().leg, sdp),
      answered: (sdp) => {
        known().leg.remoteSdp = sdp
        this.#listener.reoffered(sdp)
      },
      offer: () => {
        this.#localSdp = this.#listener.offer()
        return this.#localSdp
      },
      digit: (digit) => {
        if (this.#phase === 'talking' && known() === this.#used) this.#listener.digit(digit)
      },
      bye: (bye) => this.#bye(known(), bye),
      unacknowledged: () => this.#close('localHangUp', 'no ACK'),
      session: (seconds, isOurs) => this.#refresh?.set(seconds, isOurs),
    }
  }

  #reoffered(leg: Leg, sdp: string): string | null {
    const answer = this.#listener.reoffered(sdp)
    if (answer === null) return null
    leg.remoteSdp = sdp
    this.#localSdp = answer
    return answer
  }

  #dropLegs(): void {
    for (const [tag, known] of this.#legs) this.#drop(tag, known)
  }

  #drop(tag: string, { leg, requests }: KnownLeg): void {
    leg.release()
    requests.release()
    assert(this.#legs.delete(tag))
  }
}
