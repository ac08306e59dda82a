/** The INVITE of a call, and its CANCEL (RFC 3261 §13.2.1, §9.1). */
import { SipHeaders } from '../message/headers.js'
import type { SipRequest } from '../message/sip-message.js'
import { quoted } from '../message/syntax.js'
import { userOf } from '../message/uri.js'
import type { Agent } from './agent.js'
import type { OutgoingCall } from './call.js'
import { ACCEPT, ALLOW, MAX_FORWARDS, SDP_TYPE, SUPPORTED } from './capabilities.js'
import type { DialogOrigin } from './dialog.js'

/** RFC 3323 §4.1.1.3: whoever is called learns no more. The gateway finds who calls in P-Asserted-Identity. */
const ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'

/** What stays the same when an INVITE is sent anew. */
export interface InviteIdentity {
  callId: string
  fromTag: string
}

/** `minSessionSeconds`: what a 422 asked for (RFC 4028 §7.4); 0: no session timer of ours. */
export function firstInvite(
  agent: Agent,
  call: OutgoingCall,
  { callId, fromTag }: InviteIdentity,
  { cseq, minSessionSeconds }: { cseq: number; minSessionSeconds: number },
): DialogOrigin {
  const headers = new SipHeaders()
  headers.append('via', agent.newVia(call.to))
  headers.append('max-forwards', MAX_FORWARDS)
  headers.append('from', `${callerOf(call)};tag=${fromTag}`)
  headers.append('to', `<${call.uri}>`)
  headers.append('call-id', callId)
  headers.append('cseq', `${cseq} INVITE`)
  headers.append('contact', agent.contactFor(call.to, contactUser(call)))
  appendIdentity(headers, call)
  headers.append('allow', ALLOW)
  headers.append('supported', SUPPORTED)
  headers.append('accept', ACCEPT)
  if (minSessionSeconds > 0) {
    headers.append('session-expires', `${minSessionSeconds};refresher=uac`)
    headers.append('min-se', String(minSessionSeconds))
  }
  headers.append('user-agent', agent.name)
  headers.append('content-type', SDP_TYPE)
  const request: SipRequest = { kind: 'request', method: 'INVITE', uri: call.uri, headers, body: Buffer.from(call.sdp) }
  return { request, peer: call.to, cseq }
}

/** User part of our Contact: who calls, unless that is hidden. */
export function contactUser({ isAnonymous, from }: OutgoingCall): string {
  return isAnonymous ? 'anonymous' : userOf(from)
}

function callerOf({ isAnonymous, from, fromName }: OutgoingCall): string {
  if (isAnonymous) return ANONYMOUS
  return fromName === '' ? `<${from}>` : `${quoted(fromName)} <${from}>`
}

/** RFC 3325 §9.1: the identity for the gateway; who hides shows it there alone. */
function appendIdentity(headers: SipHeaders, { isAnonymous, assertedIdentity, from }: OutgoingCall): void {
  const identity = assertedIdentity === '' && isAnonymous ? from : assertedIdentity
  if (identity !== '') headers.append('p-asserted-identity', identity.includes('<') ? identity : `<${identity}>`)
  if (isAnonymous) headers.append('privacy', 'id')
}

/** Of the INVITE's own branch, so that it finds it at the next hop. */
export function cancelOf(invite: SipRequest, reason: string): SipRequest {
  const headers = new SipHeaders()
  for (const name of ['via', 'route', 'max-forwards', 'from', 'to', 'call-id'])
    for (const value of invite.headers.all(name)) headers.append(name, value)
  headers.append('cseq', invite.headers.get('cseq')!.replace('INVITE', 'CANCEL'))
  headers.append('reason', reason)
  headers.append('user-agent', invite.headers.get('user-agent')!)
  return { kind: 'request', method: 'CANCEL', uri: invite.uri, headers, body: Buffer.alloc(0) }
}
