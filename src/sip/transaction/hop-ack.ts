/** ACK to a final response that is no 2xx (RFC 3261 §17.1.1.3): of the INVITE's transaction, for the next hop alone. */
import { SipHeaders } from '../message/headers.js'
import type { SipRequest, SipResponse } from '../message/sip-message.js'

/** As they stood in the INVITE; credentials too (§22.1). */
const COPIED = ['via', 'route', 'from', 'call-id', 'max-forwards', 'authorization', 'proxy-authorization', 'user-agent']

export function hopAck(invite: SipRequest, response: SipResponse): SipRequest {
  const headers = new SipHeaders()
  for (const [name, value] of invite.headers) if (COPIED.includes(name)) headers.append(name, value)
  headers.append('to', response.headers.get('to') ?? invite.headers.get('to')!)
  headers.append('cseq', invite.headers.get('cseq')!.replace('INVITE', 'ACK'))
  return { kind: 'request', method: 'ACK', uri: invite.uri, headers, body: Buffer.alloc(0) }
}
