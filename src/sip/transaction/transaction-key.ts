/** How messages find their transaction (RFC 3261 §17.1.3, §17.2.3), and which transports need no retransmissions. */
import { parseCSeq } from '../message/cseq.js'
import { hostPort } from '../message/host-port.js'
import { tagOf } from '../message/name-address.js'
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import { MAGIC_COOKIE, topVia } from '../message/via.js'
import type { Peer } from '../transport/transport.js'

export function isReliable(peer: Peer): boolean {
  return peer.transport !== 'udp'
}

export function peerKey({ transport, address, port }: Peer): string {
  return `${transport} ${address} ${port}`
}

/** Of a request of ours, and of what answers it: the branch, and the method of CSeq. '' = it has none of these. */
export function clientKey({ headers }: SipRequest | SipResponse): string {
  const branch = topVia(headers)?.parameters.get('branch') ?? ''
  const method = parseCSeq(headers.get('cseq'))?.method ?? ''
  return branch === '' || method === '' ? '' : `${branch} ${method}`
}

/**
 * Of a request that came in: branch, sent-by and method; an ACK finds its INVITE. Without the magic cookie (RFC 2543) the
 * fields that it compared. '' = it has none of these.
 */
export function serverKey({ method, uri, headers }: SipRequest): string {
  const via = topVia(headers)
  if (via === null) return ''
  const kind = method === 'ACK' ? 'INVITE' : method
  const branch = via.parameters.get('branch') ?? ''
  const sentBy = hostPort(via.host.toLowerCase(), via.port)
  // Letters of a token do not tell apart (§7.3.1), and there are peers that write the cookie in other cases.
  if (branch.slice(0, MAGIC_COOKIE.length).toLowerCase() === MAGIC_COOKIE.toLowerCase())
    return `${branch.toLowerCase()} ${sentBy} ${kind}`
  const number = parseCSeq(headers.get('cseq'))?.number ?? ''
  const from = tagOf(headers.get('from'))
  return ['2543', uri, from, headers.get('call-id') ?? '', number, sentBy, branch, kind].join(' ')
}
