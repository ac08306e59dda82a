/**
 * INVITE client transaction (RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2). A final response that is no 2xx is
 * acknowledged here, hop by hop, as often as it comes; a 2xx by the call, which hears of each.
 *
 *   calling ──1xx──► proceeding ──2xx──► accepted ──M──► over
 *      │                  └──300-699──► completed ──D──► over
 *      └── B, or the transport: failed, and still listened to until B
 */
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import type { Peer } from '../transport/transport.js'
import { type ClientUser, TIMEOUT } from './client-user.js'
import { hopAck } from './hop-ack.js'
import type { Timer } from './timers.js'
import { LONG, T1, TIMER_D } from './timing.js'
import { clientKey, isReliable } from './transaction-key.js'
import type { ClientTransaction, TransactionLayer } from './transaction-layer.js'

export class InviteClient implements ClientTransaction {
  readonly key: string
  readonly request: SipRequest
  readonly peer: Peer
  readonly #layer: TransactionLayer
  readonly #user: ClientUser
  #state: 'calling' | 'proceeding' | 'completed' | 'accepted' | 'over' = 'calling'
  #hasFailed = false
  #ack: SipRequest | null = null
  /** Timer A. */
  #repeat: Timer = 0
  /** Timers B, D and M, one after the other. */
  #end: Timer = 0

  constructor(layer: TransactionLayer, request: SipRequest, peer: Peer, user: ClientUser) {
    this.key = clientKey(request)
    this.request = request
    this.peer = peer
    this.#layer = layer
    this.#user = user
  }

  /** A provisional or final response came: CANCEL may be sent, or is too late. */
  get wasHeard(): boolean {
    return this.#state !== 'calling'
  }

  get isOver(): boolean {
    return this.#state === 'over'
  }

  start(): void {
    const { timers } = this.#layer
    this.#end = timers.start(LONG, () => this.#expired())
    if (!isReliable(this.peer)) this.#repeat = timers.start(T1, () => this.#sendAgain(T1))
    this.#layer.send(this.request, this.peer)
  }

  /** No more retransmissions: a gateway that has not heard of this call yet need not begin it. */
  quiet(): void {
    this.#repeat = this.#layer.timers.stop(this.#repeat)
  }

  /** RFC 3261 §9.1: no final response came in 64·T1 after the CANCEL. */
  abandon(): void {
    if (this.#state === 'calling' || this.#state === 'proceeding') this.#leave()
  }

  received(response: SipResponse, from: Peer): void {
    if (this.#state === 'over') return
    if (response.status < 200) this.#provisional(response, from)
    else if (response.status < 300) this.#success(response, from)
    else this.#refusal(response, from)
  }

  /**
   * Only while nothing was heard: a gateway that rings answers over a new connection when this one is lost (§18.2.2). What
   * was written may have arrived, so that its responses are still taken.
   */
  unreachable(why: string): void {
    if (this.#state === 'calling') this.#fail(why)
  }

  #provisional(response: SipResponse, from: Peer): void {
    if (this.#state === 'calling') {
      this.#state = 'proceeding'
      this.quiet()
      this.#end = this.#layer.timers.stop(this.#end)
    }
    if (this.#state === 'proceeding') this.#user.response(response, from)
  }

  /** A fork's 2xx behind another fork's refusal (§16.7 step 5 lets both through) goes to the call as well: it ends it there. */
  #success(response: SipResponse, from: Peer): void {
    if (this.#state === 'calling' || this.#state === 'proceeding') {
      this.#state = 'accepted'
      this.quiet()
      this.#layer.timers.stop(this.#end)
      this.#end = this.#layer.timers.start(LONG, () => this.#leave())
    }
    this.#user.response(response, from)
  }

  #refusal(response: SipResponse, from: Peer): void {
    if (this.#state === 'accepted') return
    const isFirst = this.#state !== 'completed'
    this.#ack ??= hopAck(this.request, response)
    this.#layer.send(this.#ack, this.peer)
    if (!isFirst) return
    this.#state = 'completed'
    this.quiet()
    this.#layer.timers.stop(this.#end)
    this.#end = isReliable(this.peer) ? 0 : this.#layer.timers.start(TIMER_D, () => this.#leave())
    this.#user.response(response, from)
    if (this.#end === 0) this.#leave()
  }

  #sendAgain(waitedMs: number): void {
    this.#repeat = this.#layer.timers.start(2 * waitedMs, () => this.#sendAgain(2 * waitedMs))
    this.#layer.send(this.request, this.peer)
  }

  #expired(): void {
    this.#fail(TIMEOUT)
    this.#leave()
  }

  #fail(why: string): void {
    this.quiet()
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#user.failed(why)
  }

  #leave(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.quiet()
    this.#end = this.#layer.timers.stop(this.#end)
    this.#layer.drop(this)
    this.#user.over()
  }
}
