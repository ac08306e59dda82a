/** Non-INVITE client transaction (RFC 3261 §17.1.2): BYE, CANCEL, PRACK, UPDATE, REGISTER, OPTIONS. */
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import type { Peer } from '../transport/transport.js'
import { type ClientUser, TIMEOUT } from './client-user.js'
import type { Timer } from './timers.js'
import { LONG, T1, T2, T4 } from './timing.js'
import { clientKey, isReliable } from './transaction-key.js'
import type { ClientTransaction, TransactionLayer } from './transaction-layer.js'

export class NonInviteClient implements ClientTransaction {
  readonly key: string
  readonly request: SipRequest
  readonly peer: Peer
  readonly #layer: TransactionLayer
  readonly #user: ClientUser
  #state: 'trying' | 'proceeding' | 'completed' | 'over' = 'trying'
  /** Timer E. */
  #repeat: Timer = 0
  /** Timer F, then K. */
  #end: Timer = 0

  constructor(layer: TransactionLayer, request: SipRequest, peer: Peer, user: ClientUser) {
    this.key = clientKey(request)
    this.request = request
    this.peer = peer
    this.#layer = layer
    this.#user = user
  }

  start(): void {
    const { timers } = this.#layer
    this.#end = timers.start(LONG, () => this.#fail(TIMEOUT))
    if (!isReliable(this.peer)) this.#repeat = timers.start(T1, () => this.#sendAgain(T1))
    this.#layer.send(this.request, this.peer)
  }

  /** Nobody wants its response any more. */
  abandon(): void {
    this.#leave()
  }

  received(response: SipResponse, from: Peer): void {
    if (this.#state === 'completed' || this.#state === 'over') return
    if (response.status < 200) {
      this.#state = 'proceeding'
      this.#user.response(response, from)
      return
    }
    const { timers } = this.#layer
    this.#state = 'completed'
    this.#repeat = timers.stop(this.#repeat)
    timers.stop(this.#end)
    this.#end = isReliable(this.peer) ? 0 : timers.start(T4, () => this.#leave())
    this.#user.response(response, from)
    if (this.#end === 0) this.#leave()
  }

  unreachable(why: string): void {
    if (this.#state === 'trying' || this.#state === 'proceeding') this.#fail(why)
  }

  #sendAgain(waitedMs: number): void {
    const nextMs = this.#state === 'proceeding' ? T2 : Math.min(2 * waitedMs, T2)
    this.#repeat = this.#layer.timers.start(nextMs, () => this.#sendAgain(nextMs))
    this.#layer.send(this.request, this.peer)
  }

  #fail(why: string): void {
    this.#user.failed(why)
    this.#leave()
  }

  #leave(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    const { timers } = this.#layer
    this.#repeat = timers.stop(this.#repeat)
    this.#end = timers.stop(this.#end)
    this.#layer.drop(this)
    this.#user.over()
  }
}
