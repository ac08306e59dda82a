/**
 * What every SIP message must have before anybody acts upon it (RFC 3261 §8.1.1, §20): the six header fields, once each where
 * a second one would be ambiguous, with numbers that are numbers. Above this, From, To, Via, CSeq and Call-ID are sound.
 */
import { parseCSeq } from './cseq.js'
import type { SipHeaders } from './headers.js'
import { addressesOf, parseNameAddress } from './name-address.js'
import type { SipMessage, SipRequest } from './sip-message.js'
import { wholeNumber } from './syntax.js'
import { parseSipUri } from './uri.js'
import { topVia, viasOf } from './via.js'

/** What is wrong with it, for the reason phrase and the log; '': nothing. */
export function messageProblem(message: SipMessage): string {
  const { headers } = message
  const common = dialogFieldsProblem(headers)
  if (common !== '') return common
  const cseq = parseCSeq(headers.get('cseq'))
  if (cseq === null) return 'CSeq'
  if (message.kind === 'response') return topVia(headers) === null ? 'Via' : ''
  return cseq.method === message.method ? requestProblem(message) : 'CSeq with another method'
}

function dialogFieldsProblem(headers: SipHeaders): string {
  for (const name of ['from', 'to', 'call-id', 'cseq'] as const) {
    if (headers.count(name) !== 1) return headers.has(name) ? `more than one ${name}` : `no ${name}`
  }
  if (parseNameAddress(headers.get('from')!) === null) return 'From'
  if (parseNameAddress(headers.get('to')!) === null) return 'To'
  return /^[^\s\0]+$/.test(headers.get('call-id')!) ? '' : 'Call-ID'
}

function requestProblem({ uri, headers }: SipRequest): string {
  const vias = viasOf(headers)
  if (vias === null || vias.length === 0) return 'Via'
  const hops = headers.all('max-forwards')
  if (hops.length > 1 || (hops.length === 1 && wholeNumber(hops[0]!, 255) < 0)) return 'Max-Forwards'
  if (headers.has('contact') && headers.get('contact') !== '*' && addressesOf(headers, 'contact') === null)
    return 'Contact'
  if (!/^sips?:/i.test(uri)) return ''
  const target = parseSipUri(uri)
  // Header fields in a Request-URI are not allowed (§19.1.1), and would be someone else's way to speak through us.
  return target === null || target.headers.size > 0 ? 'Request-URI' : ''
}

/** A request that is wrong, when a response can be made of it (§8.2.6); null: drop it in silence. */
export function answerable(message: SipMessage): SipRequest | null {
  if (message.kind === 'response' || message.method === 'ACK') return null
  const { headers } = message
  const isThere = ['from', 'to', 'call-id', 'cseq'].every((name) => headers.has(name))
  return isThere && topVia(headers) !== null ? message : null
}
