/**
 * Server transactions of requests within a call (RFC 3261 §17.2, RFC 6026 §7.1). Each is answered at once, so that they
 * begin with their final response. Requests outside of calls are answered without any (§8.2.7).
 */
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import type { Peer } from '../transport/transport.js'
import type { Timer } from './timers.js'
import { LONG, T1, T2, T4 } from './timing.js'
import { isReliable, serverKey } from './transaction-key.js'
import type { ServerTransaction, TransactionLayer } from './transaction-layer.js'

/** BYE, INFO, UPDATE …: a retransmission gets the same response for timer J. */
export class NonInviteServer implements ServerTransaction {
  readonly key: string
  readonly peer: Peer
  readonly response: SipResponse
  readonly #layer: TransactionLayer

  constructor(layer: TransactionLayer, request: SipRequest, response: SipResponse, peer: Peer) {
    this.key = serverKey(request)
    this.peer = peer
    this.#layer = layer
    this.response = response
  }

  start(): void {
    this.#layer.send(this.response, this.peer)
    this.#layer.timers.start(isReliable(this.peer) ? 0 : LONG, () => this.#layer.drop(this))
  }

  received(): boolean {
    this.#layer.send(this.response, this.peer)
    return true
  }
}

/** INVITE that was refused: the response is repeated until its ACK (timers G, H), which is absorbed for timer I. */
export class RefusedInviteServer implements ServerTransaction {
  readonly key: string
  readonly peer: Peer
  readonly response: SipResponse
  readonly #layer: TransactionLayer
  #repeat: Timer = 0
  #end: Timer = 0
  #isConfirmed = false

  constructor(layer: TransactionLayer, request: SipRequest, response: SipResponse, peer: Peer) {
    this.key = serverKey(request)
    this.peer = peer
    this.#layer = layer
    this.response = response
  }

  start(): void {
    this.#end = this.#layer.timers.start(LONG, () => this.#leave())
    if (!isReliable(this.peer)) this.#repeat = this.#layer.timers.start(T1, () => this.#sendAgain(T1))
    this.#layer.send(this.response, this.peer)
  }

  received(request: SipRequest): boolean {
    if (request.method === 'ACK') this.#confirm()
    else if (!this.#isConfirmed) this.#layer.send(this.response, this.peer)
    return true
  }

  #confirm(): void {
    if (this.#isConfirmed) return
    this.#isConfirmed = true
    this.#repeat = this.#layer.timers.stop(this.#repeat)
    this.#layer.timers.stop(this.#end)
    this.#end = this.#layer.timers.start(isReliable(this.peer) ? 0 : T4, () => this.#leave())
  }

  #sendAgain(waitedMs: number): void {
    const nextMs = Math.min(2 * waitedMs, T2)
    this.#repeat = this.#layer.timers.start(nextMs, () => this.#sendAgain(nextMs))
    this.#layer.send(this.response, this.peer)
  }

  #leave(): void {
    this.#repeat = this.#layer.timers.stop(this.#repeat)
    this.#layer.drop(this)
  }
}

/**
 * INVITE that was accepted: retransmissions of it are absorbed for timer L. Its 2xx is repeated over any transport until
 * the ACK, which comes end to end and finds it by the dialog (§13.3.1.4); `unacknowledged` when none came in 64·T1.
 */
export class AcceptedInviteServer implements ServerTransaction {
  readonly key: string
  readonly peer: Peer
  readonly response: SipResponse
  /** Number of its CSeq, which the ACK repeats. */
  readonly cseq: number
  readonly #layer: TransactionLayer
  readonly #unacknowledged: () => void
  #repeat: Timer = 0

  constructor(
    layer: TransactionLayer,
    invite: { request: SipRequest; cseq: number; peer: Peer },
    response: SipResponse,
    unacknowledged: () => void,
  ) {
    this.key = serverKey(invite.request)
    this.peer = invite.peer
    this.cseq = invite.cseq
    this.#layer = layer
    this.response = response
    this.#unacknowledged = unacknowledged
  }

  start(): void {
    this.#layer.send(this.response, this.peer)
    this.#repeat = this.#layer.timers.start(T1, () => this.#sendAgain(T1))
    this.#layer.timers.start(LONG, () => this.#expired())
  }

  /** The ACK to a 2xx has a branch of its own, but there are peers that take the INVITE's. */
  received(request: SipRequest): boolean {
    return request.method !== 'ACK'
  }

  acknowledged(): void {
    this.#repeat = this.#layer.timers.stop(this.#repeat)
  }

  #sendAgain(waitedMs: number): void {
    const nextMs = Math.min(2 * waitedMs, T2)
    this.#repeat = this.#layer.timers.start(nextMs, () => this.#sendAgain(nextMs))
    this.#layer.send(this.response, this.peer)
  }

  #expired(): void {
    const wasAcknowledged = this.#repeat === 0
    this.acknowledged()
    this.#layer.drop(this)
    if (!wasAcknowledged) this.#unacknowledged()
  }
}
