/** What a transaction needs of its surroundings; TransactionTable gives it. */
import type { SipMessage, SipRequest, SipResponse } from '../message/sip-message.js'
import type { Peer } from '../transport/transport.js'
import type { Timers } from './timers.js'

export interface TransactionLayer {
  readonly timers: Timers
  send(message: SipMessage, to: Peer): void
  /** The transaction has ended and leaves the table. */
  drop(transaction: Transaction): void
}

export interface Transaction {
  /** Under which the table finds it. */
  readonly key: string
  readonly peer: Peer
}

export interface ClientTransaction extends Transaction {
  received(response: SipResponse, from: Peer): void
  /** The transport cannot reach its peer. */
  unreachable(why: string): void
}

export interface ServerTransaction extends Transaction {
  readonly response: SipResponse
  /** Sends the response. */
  start(): void
  /** A retransmission of its request, or an ACK. False: an ACK end to end, for the dialog. */
  received(request: SipRequest): boolean
}
