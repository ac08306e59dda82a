/** What calls and requests need of their user agent: transactions, time, names that nobody else has, and how to be reached. */
import type { Random } from '../../engine/base/random.js'
import type { Log } from '../../engine/contract/log.js'
import type { Authenticator } from '../message/authenticator.js'
import { hostPort } from '../message/host-port.js'
import { escapeUser } from '../message/uri.js'
import { MAGIC_COOKIE } from '../message/via.js'
import type { Timers } from '../transaction/timers.js'
import type { TransactionTable } from '../transaction/transaction-table.js'
import type { Peer, SipTransport } from '../transport/transport.js'
import { Authenticators } from './authenticators.js'
import type { Credentials } from './call.js'

export interface AgentParts {
  transport: SipTransport
  timers: Timers
  table: TransactionTable
  random: Random
  log: Log
  name: string
}

export class Agent {
  readonly timers: Timers
  readonly table: TransactionTable
  readonly random: Random
  readonly log: Log
  /** User-Agent and Server header. */
  readonly name: string
  readonly #transport: SipTransport
  readonly #authenticators = new Authenticators(() => this.newToken() + this.newToken())

  constructor({ transport, timers, table, random, log, name }: AgentParts) {
    this.#transport = transport
    this.timers = timers
    this.table = table
    this.random = random
    this.log = log
    this.name = name
  }

  /** 64 bits of chance (RFC 3261 §19.3 wants 32) as a token: tags, branches, Call-IDs. */
  newToken(): string {
    return this.#word() + this.#word()
  }

  /** Without an address of ours, which topology hiding would strip anyway. */
  newCallId(): string {
    return this.newToken() + this.newToken()
  }

  /** Of a new request to `peer`: each has a branch of its own (§8.1.1.7), and is answered whence it came (RFC 3581). */
  newVia(peer: Peer): string {
    const { host, port } = this.#transport.localOf(peer)
    const branch = `${MAGIC_COOKIE}${this.newToken()}`
    return `SIP/2.0/${peer.transport.toUpperCase()} ${hostPort(host, port)};rport;branch=${branch}`
  }

  /** Contact under which `peer` reaches us. */
  contactFor(peer: Peer, user: string): string {
    const { host, port } = this.#transport.localOf(peer)
    const front = user === '' ? '' : `${escapeUser(user)}@`
    const transport = peer.transport === 'udp' ? '' : `;transport=${peer.transport}`
    return `<sip:${front}${hostPort(host, port)}${transport}>`
  }

  /** Of the login at the gateway `to`; null for null. */
  authenticatorOf(credentials: Credentials | null, to: Peer): Authenticator | null {
    return credentials === null ? null : this.#authenticators.of(credentials, to)
  }

  #word(): string {
    return Math.floor(this.random.next() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0')
  }
}
