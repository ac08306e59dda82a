/**
 * Session timers (RFC 4028) of an answered call: where it is on us, a sign of life at half of the interval, by UPDATE or, when
 * the far end knows none, by a re-INVITE with the description that stands; where it is on them, the end when it fails to come.
 */
import type { Authenticator } from '../message/authenticator.js'
import { listHas } from '../message/list.js'
import type { SipResponse } from '../message/sip-message.js'
import type { Timer } from '../transaction/timers.js'
import type { Agent } from './agent.js'
import { ALLOW, SDP_TYPE, SUPPORTED } from './capabilities.js'
import { sdpOf } from './description.js'
import type { Outgoing } from './dialog.js'
import type { Leg } from './leg.js'
import { ReInvite } from './re-invite.js'
import type { SentRequest } from './sent-request.js'
import { sessionExpiresOf } from './session-expires.js'

export interface RefreshUser {
  readonly contact: string
  /** The description of ours that stands. */
  localSdp(): string
  /** Their answer to it differs from what stood. */
  moved(sdp: string): void
  /** The far end does not know the call any more, or says nothing. */
  lost(why: string): void
}

/** RFC 4028 §10: the end comes so long before the interval is over, or a third of it. */
const SPARE_SECONDS = 32
/** RFC 3261 §14.1: who owns the Call-ID tries again after 2.1 to 4 seconds. */
const GLARE_MS = { least: 2_100, spread: 1_900 }

export class SessionRefresh {
  readonly #agent: Agent
  readonly #leg: Leg
  readonly #authenticator: Authenticator | null
  readonly #user: RefreshUser
  #timer: Timer = 0
  #seconds = 0
  /** Until its Allow says otherwise. */
  #hasUpdate = true
  #update: SentRequest | null = null
  #reInvite: ReInvite | null = null
  #isOver = false

  constructor(agent: Agent, leg: Leg, authenticator: Authenticator | null, user: RefreshUser) {
    this.#agent = agent
    this.#leg = leg
    this.#authenticator = authenticator
    this.#user = user
  }

  /** A re-INVITE of ours is out. */
  get isOffering(): boolean {
    return this.#reInvite !== null
  }

  /** As the 2xx to a request of ours says (§7.2). */
  answered({ headers }: SipResponse): void {
    if (headers.has('allow')) this.#hasUpdate = listHas(headers.all('allow'), 'UPDATE')
    const expires = sessionExpiresOf(headers)
    if (expires !== null) this.set(expires.seconds, expires.refresher === 'uac')
  }

  set(seconds: number, isOurs: boolean): void {
    const { timers } = this.#agent
    timers.stop(this.#timer)
    this.#timer = 0
    if (this.#isOver) return
    this.#seconds = seconds
    const graceSeconds = Math.min(SPARE_SECONDS, seconds / 3)
    this.#timer = isOurs
      ? timers.start((seconds / 2) * 1_000, () => this.#refresh())
      : timers.start((seconds - graceSeconds) * 1_000, () => this.#user.lost('session timer'))
  }

  release(): void {
    this.#isOver = true
    this.#timer = this.#agent.timers.stop(this.#timer)
    this.#update?.abandon()
    this.#reInvite?.release()
  }

  /** The next one is due as if this one were answered: a refusal that is no end leaves the call as it is (§7.3). */
  #refresh(): void {
    this.set(this.#seconds, true)
    if (this.#hasUpdate) this.#sendUpdate()
    else this.#sendInvite()
  }

  #sendUpdate(): void {
    this.#update?.abandon()
    this.#update = this.#leg.request(
      'UPDATE',
      (outgoing) => this.#complete(outgoing),
      (response, why) => this.#done(response, why),
    )
  }

  #sendInvite(): void {
    if (this.#reInvite !== null) return
    const make = (): Outgoing => {
      const outgoing = this.#leg.dialog.request('INVITE', this.#leg.dialog.nextCseq())
      this.#complete(outgoing)
      outgoing.request.headers.append('content-type', SDP_TYPE)
      outgoing.request.body = Buffer.from(this.#user.localSdp())
      return outgoing
    }
    const invite = new ReInvite(this.#agent, this.#leg.dialog, this.#authenticator, (response, why) => {
      this.#reInvite = null
      if (response !== null && response.status < 300) this.#moved(response)
      this.#done(response, why)
    })
    this.#reInvite = invite
    invite.start(make)
  }

  #complete({ request: { headers } }: Outgoing): void {
    headers.append('contact', this.#user.contact)
    headers.append('allow', ALLOW)
    headers.append('supported', SUPPORTED)
    headers.append('session-expires', `${this.#seconds};refresher=uac`)
  }

  #moved(response: SipResponse): void {
    const sdp = sdpOf(response)
    if (this.#isOver || sdp === '' || sdp === this.#leg.remoteSdp) return
    this.#leg.remoteSdp = sdp
    this.#user.moved(sdp)
  }

  #done(response: SipResponse | null, why: string): void {
    if (this.#isOver) return
    const status = response?.status ?? 408
    if (response !== null && status < 300) {
      this.#leg.dialog.refreshTarget(response)
      this.answered(response)
    } else if (status === 481 || status === 408) this.#user.lost(response?.reason ?? why)
    else if (status === 491) this.#tryAgain()
    else if (this.#hasUpdate && (status === 405 || status === 501)) {
      this.#hasUpdate = false
      this.#sendInvite()
    }
  }

  #tryAgain(): void {
    const { timers, random } = this.#agent
    timers.stop(this.#timer)
    this.#timer = timers.start(GLARE_MS.least + random.next() * GLARE_MS.spread, () => this.#refresh())
  }
}
