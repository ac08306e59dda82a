/**
 * All transactions of one user agent: each message finds its own by a key (RFC 3261 §17.1.3, §17.2.3), and a peer that
 * cannot be reached fails those that wait for it.
 */
import type { SipMessage, SipRequest, SipResponse } from '../message/sip-message.js'
import type { Peer, SipTransport } from '../transport/transport.js'
import type { Timers } from './timers.js'
import { clientKey, peerKey, serverKey } from './transaction-key.js'
import type { ClientTransaction, ServerTransaction, Transaction, TransactionLayer } from './transaction-layer.js'

/** 200 calls a second that end with their BYE keep 6,400 of them; what is beyond four times that is a flood. */
const SERVERS_MAX = 32_768

export class TransactionTable implements TransactionLayer {
  readonly timers: Timers
  readonly #transport: SipTransport
  readonly #clients = new Map<string, ClientTransaction>()
  readonly #servers = new Map<string, ServerTransaction>()
  /** Within `send` of the transport. */
  #sending = 0
  readonly #byPeer = new Map<string, Set<ClientTransaction>>()

  constructor(transport: SipTransport, timers: Timers) {
    this.#transport = transport
    this.timers = timers
  }

  get size(): number {
    return this.#clients.size + this.#servers.size
  }

  send(message: SipMessage, to: Peer): void {
    this.#sending++
    try {
      this.#transport.send(message, to)
    } finally {
      this.#sending--
    }
  }

  addClient(transaction: ClientTransaction & { start(): void }): void {
    this.#clients.set(transaction.key, transaction)
    const peer = peerKey(transaction.peer)
    const known = this.#byPeer.get(peer)
    if (known === undefined) this.#byPeer.set(peer, new Set([transaction]))
    else known.add(transaction)
    transaction.start()
  }

  /** Beyond the bound its request is answered, but not known again. */
  addServer(transaction: ServerTransaction): void {
    if (this.#servers.size >= SERVERS_MAX) {
      this.send(transaction.response, transaction.peer)
      return
    }
    this.#servers.set(transaction.key, transaction)
    transaction.start()
  }

  drop(transaction: Transaction): void {
    const { key } = transaction
    if (this.#servers.get(key) === transaction) this.#servers.delete(key)
    if (this.#clients.get(key) !== transaction) return
    this.#clients.delete(key)
    const peer = peerKey(transaction.peer)
    const known = this.#byPeer.get(peer)
    known?.delete(transaction as ClientTransaction)
    if (known?.size === 0) this.#byPeer.delete(peer)
  }

  /** False: it answers nothing of ours. */
  response(response: SipResponse, from: Peer): boolean {
    const transaction = this.#clients.get(clientKey(response))
    transaction?.received(response, from)
    return transaction !== undefined
  }

  /** False: it is new, or the ACK to a 2xx. */
  request(request: SipRequest): boolean {
    return this.#servers.get(serverKey(request))?.received(request) ?? false
  }

  /** There is an INVITE that a CANCEL with this branch is about (§9.2). */
  hasInviteOf(cancel: SipRequest): boolean {
    return this.#servers.has(serverKey({ ...cancel, method: 'INVITE' }))
  }

  /** Said by the transport from within a `send`, it waits for the next tick: nobody is told before what he called returns. */
  failed(peer: Peer, why: string): void {
    if (this.#sending > 0) {
      this.timers.start(0, () => this.failed(peer, why))
      return
    }
    for (const transaction of [...(this.#byPeer.get(peerKey(peer)) ?? [])]) transaction.unreachable(why)
  }
}
