/**
 * One far end of a call: the dialog of one To tag (RFC 3261 §12, §13.2.2), early or confirmed, with what we send within it:
 * PRACK (RFC 3262), ACK and BYE. A forked INVITE has several; one of them is used.
 */
import type { Authenticator } from '../message/authenticator.js'
import { listHas } from '../message/list.js'
import type { SipResponse } from '../message/sip-message.js'
import { wholeNumber } from '../message/syntax.js'
import type { Agent } from './agent.js'
import { sdpOf } from './description.js'
import { Dialog, type DialogOrigin, type Outgoing } from './dialog.js'
import { SentRequest } from './sent-request.js'

/** Reliable provisionals of one dialog that are acknowledged; a call has two or three. */
const PRACKS_MAX = 32
const RSEQ_MAX = 0xffff_ffff

export class Leg {
  readonly dialog: Dialog
  readonly #agent: Agent
  readonly #origin: DialogOrigin
  readonly #authenticator: Authenticator | null
  /** Number of the last reliable provisional; 0: none yet. */
  #rseq = 0
  #pracksLeft = PRACKS_MAX
  readonly #pracks = new Set<SentRequest>()
  #ack: Outgoing | null = null
  /** Last description of theirs, answer or offer; '' = none. */
  remoteSdp = ''
  /** Our offer has its answer: in a reliable provisional, or the 2xx. */
  isAnswered = false
  /** No BYE of ours is called for any more: one was sent, or theirs came. */
  isOver = false

  constructor(agent: Agent, origin: DialogOrigin, response: SipResponse, authenticator: Authenticator | null) {
    this.#agent = agent
    this.#origin = origin
    this.#authenticator = authenticator
    this.dialog = new Dialog(agent, origin, response)
  }

  get isConfirmed(): boolean {
    return this.#ack !== null
  }

  /** A 1xx. False: of no account, since it came before (or one before it is still missing, RFC 3262 §4). */
  provisional(response: SipResponse): boolean {
    if (this.#ack !== null) return false
    const isReliable = listHas(response.headers.all('require'), '100rel')
    if (isReliable && !this.#acknowledge(response)) return false
    const sdp = sdpOf(response)
    if (sdp !== '') this.remoteSdp = sdp
    if (sdp !== '' && isReliable) this.isAnswered = true
    return true
  }

  /** The first 2xx: routes and target are final (§13.2.2.4), and the ACK goes out. */
  confirm(response: SipResponse, cseq: number): void {
    this.dialog.establish(response)
    const sdp = sdpOf(response)
    // After a reliable answer the 2xx should bring none (RFC 3262 §5); when it does, it is the newer one.
    if (sdp !== '') this.remoteSdp = sdp
    this.isAnswered = true
    this.#stopPracks()
    const ack = this.dialog.request('ACK', cseq)
    for (const name of ['authorization', 'proxy-authorization'])
      for (const value of this.#origin.request.headers.all(name)) ack.request.headers.append(name, value)
    this.#ack = ack
    this.acknowledge()
  }

  /** For each 2xx that comes, the first and every repetition. */
  acknowledge(): void {
    if (this.#ack !== null) this.#agent.table.send(this.#ack.request, this.#ack.peer)
  }

  /** `done` when its final response came, or none in 64·T1. */
  bye(reason: string, done: () => void): void {
    this.release()
    this.isOver = true
    this.request('BYE', (outgoing) => outgoing.request.headers.append('reason', reason), done)
  }

  /** A request of ours within the dialog other than INVITE and ACK. */
  request(
    method: string,
    complete: (outgoing: Outgoing) => void,
    done: (response: SipResponse | null, why: string) => void,
  ): SentRequest {
    const make = (): Outgoing => {
      const outgoing = this.dialog.request(method, this.dialog.nextCseq())
      complete(outgoing)
      return outgoing
    }
    return new SentRequest(this.#agent, make, this.#authenticator, done)
  }

  /** Nothing of it is waited for any more. */
  release(): void {
    this.#stopPracks()
  }

  #stopPracks(): void {
    for (const prack of this.#pracks) prack.abandon()
    this.#pracks.clear()
  }

  /** PRACK (RFC 3262 §4). False: not the next one. */
  #acknowledge({ headers }: SipResponse): boolean {
    const rseq = wholeNumber(headers.get('rseq') ?? '', RSEQ_MAX)
    if (rseq <= 0 || (this.#rseq !== 0 && rseq !== this.#rseq + 1) || this.#pracksLeft === 0) return false
    this.#rseq = rseq
    this.#pracksLeft--
    const rack = `${rseq} ${headers.get('cseq')!}`
    const prack = this.request(
      'PRACK',
      ({ request }) => request.headers.append('rack', rack),
      () => this.#pracks.delete(prack),
    )
    this.#pracks.add(prack)
    return true
  }
}
