/**
 * One dialog as its caller keeps it (RFC 3261 §12): tags, route set, remote target and CSeq of both directions; requests
 * within it are made here.
 */
import { SipHeaders } from '../message/headers.js'
import { addressesOf, parseNameAddress, tagOf, writeNameAddress } from '../message/name-address.js'
import type { SipMessage, SipRequest, SipResponse } from '../message/sip-message.js'
import { parseSipUri, writeUri } from '../message/uri.js'
import type { Peer } from '../transport/transport.js'
import type { Agent } from './agent.js'
import { MAX_FORWARDS } from './capabilities.js'
import { nextHop } from './next-hop.js'

/** A request and whom it goes to first. */
export interface Outgoing {
  request: SipRequest
  peer: Peer
}

/** The INVITE that a dialog comes from. */
export interface DialogOrigin extends Outgoing {
  /** Number of its CSeq. */
  cseq: number
}

export class Dialog {
  readonly remoteTag: string
  readonly #agent: Agent
  readonly #dialled: Peer
  readonly #callId: string
  readonly #local: string
  readonly #remote: string
  /** Route values in the order in which they are visited. */
  #routes: readonly string[] = []
  #target: string
  #localCseq: number
  /** -1: no request of theirs yet (§12.2.2). */
  #remoteCseq = -1

  /** `response`: a 1xx with To tag, or a 2xx. */
  constructor(agent: Agent, { request, peer, cseq }: DialogOrigin, response: SipResponse) {
    this.#agent = agent
    this.#dialled = peer
    this.#callId = request.headers.get('call-id')!
    this.#local = request.headers.get('from')!
    this.#remote = response.headers.get('to') ?? request.headers.get('to')!
    this.remoteTag = tagOf(this.#remote)
    this.#localCseq = cseq
    this.#target = request.uri
    this.establish(response)
  }

  /** Route set and target as of this response: an early one's, and anew those of the 2xx (§13.2.2.4). */
  establish(response: SipResponse): void {
    this.#routes = (addressesOf(response.headers, 'record-route') ?? []).map(writeNameAddress).reverse()
    this.refreshTarget(response)
  }

  /** Contact of a target refresh request or its 2xx (§12.2); without one it stays as it is. */
  refreshTarget({ headers }: SipMessage): void {
    const contact = parseNameAddress(headers.get('contact') ?? '')
    if (contact !== null && /^sips?:/i.test(contact.uri)) this.#target = contact.uri
  }

  /** False: not after those before it (§12.2.2: 500). */
  takeCseq(cseq: number): boolean {
    if (cseq <= this.#remoteCseq) return false
    this.#remoteCseq = cseq
    return true
  }

  nextCseq(): number {
    return ++this.#localCseq
  }

  /** A request of ours with its own branch; `cseq` of an ACK is that of its INVITE. */
  request(method: string, cseq: number): Outgoing {
    const { uri, routes } = this.#way()
    const peer = nextHop(routes.length > 0 && this.#isLoose() ? uriOf(routes[0]!) : uri, this.#dialled)
    const headers = new SipHeaders()
    headers.append('via', this.#agent.newVia(peer))
    for (const route of routes) headers.append('route', route)
    headers.append('max-forwards', MAX_FORWARDS)
    headers.append('from', this.#local)
    headers.append('to', this.#remote)
    headers.append('call-id', this.#callId)
    headers.append('cseq', `${cseq} ${method}`)
    headers.append('user-agent', this.#agent.name)
    return { request: { kind: 'request', method, uri, headers, body: Buffer.alloc(0) }, peer }
  }

  #isLoose(): boolean {
    return parseSipUri(uriOf(this.#routes[0]!))?.parameters.has('lr') ?? true
  }

  /** §12.2.1.1: a strict router in front finds itself in the Request-URI, and the target at the end of the routes. */
  #way(): { uri: string; routes: readonly string[] } {
    if (this.#routes.length === 0 || this.#isLoose()) return { uri: bareUri(this.#target), routes: this.#routes }
    return { uri: bareUri(uriOf(this.#routes[0]!)), routes: [...this.#routes.slice(1), `<${this.#target}>`] }
  }
}

function uriOf(route: string): string {
  return parseNameAddress(route)?.uri ?? ''
}

/** What may stand in a Request-URI (§19.1.1, Table 1): no header fields and no `method`. */
function bareUri(text: string): string {
  if (!/[?]|;method=/i.test(text)) return text
  const uri = parseSipUri(text)
  if (uri === null) return text
  uri.headers.clear()
  uri.parameters.delete('method')
  return writeUri(uri)
}
