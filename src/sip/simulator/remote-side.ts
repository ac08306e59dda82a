/**
 * A dialog from the called side (RFC 3261 §12): what the INVITE says of the caller, and requests to it along the route that
 * the INVITE took.
 */

import { SipHeaders } from '../message/headers.js'
import { addressesOf, tagOf } from '../message/name-address.js'
import type { SipRequest } from '../message/sip-message.js'
import { parseSipUri } from '../message/uri.js'
import { MAGIC_COOKIE } from '../message/via.js'
import type { Flow, GatewaySockets } from './gateway-sockets.js'
import { contactUri } from './responses.js'

export interface OurSide {
  tag: string
  /** `sip:number@host:port`. */
  contact: string
  /** sent-by, as host:port. */
  sentBy: string
  transport: 'udp' | 'tcp' | 'tls'
}

export class RemoteSide {
  readonly #invite: SipRequest
  readonly #flow: Flow
  readonly #ours: OurSide
  /** Record-Route in the order in which it came (§12.1.1). */
  readonly #route: readonly string[]
  #target: string
  #sequence = 0
  /** CSeq of the newest request of the caller. */
  #theirSequence: number

  constructor(invite: SipRequest, flow: Flow, ours: OurSide) {
    this.#invite = invite
    this.#flow = flow
    this.#ours = ours
    this.#route = (addressesOf(invite.headers, 'record-route') ?? []).map(({ uri }) => uri)
    this.#target = contactUri(invite) ?? ''
    this.#theirSequence = Number.parseInt(invite.headers.get('cseq')!, 10)
  }

  /** False: older than one that came before (§12.2.2). */
  isInOrder(request: SipRequest): boolean {
    const sequence = Number.parseInt(request.headers.get('cseq')!, 10)
    if (sequence < this.#theirSequence) return false
    this.#theirSequence = sequence
    return true
  }

  /** A re-INVITE or UPDATE may bring another Contact. */
  retarget(request: SipRequest): void {
    this.#target = contactUri(request) ?? this.#target
  }

  isOf(request: SipRequest): boolean {
    return tagOf(request.headers.get('to')) === this.#ours.tag && tagOf(request.headers.get('from')) === this.#theirTag
  }

  get #theirTag(): string {
    return tagOf(this.#invite.headers.get('from'))
  }

  request(method: string, branch: string, sequence = ++this.#sequence): SipRequest {
    const { headers: invite } = this.#invite
    const headers = new SipHeaders()
    const { transport, sentBy, tag } = this.#ours
    headers.append('via', `SIP/2.0/${transport.toUpperCase()} ${sentBy};branch=${MAGIC_COOKIE}${branch};rport`)
    headers.append('max-forwards', '70')
    for (const uri of this.#route) headers.append('route', `<${uri}>`)
    headers.append('from', `${invite.get('to')!.replace(/;tag=[^;]*/i, '')};tag=${tag}`)
    headers.append('to', invite.get('from')!)
    headers.append('call-id', invite.get('call-id')!)
    headers.append('cseq', `${sequence} ${method}`)
    headers.append('contact', `<${this.#ours.contact}>`)
    return { kind: 'request', method, uri: this.#target, headers, body: Buffer.alloc(0) }
  }

  /**
   * Which way a request of ours goes: the connection of the INVITE while it is open, unless one of our own is wanted; else the
   * first hop's address. Names are not looked up: then it is where the INVITE came from.
   */
  way(sockets: GatewaySockets, connects: boolean): Flow {
    if (this.#flow.isReliable && this.#flow.isOpen && !connects) return this.#flow
    const hop = parseSipUri(this.#route[0] ?? this.#target)
    if (hop === null || !/^[\d.]+$|:/.test(hop.host)) return this.#flow
    return sockets.open(hop.host, hop.port || (this.#ours.transport === 'tls' ? 5061 : 5060))
  }
}
