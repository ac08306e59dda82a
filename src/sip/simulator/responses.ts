/** Responses of the simulated gateway (RFC 3261 §8.2.6, §21), and what it finds wrong in requests (§8.1.1). */
import { parseCSeq } from '../message/cseq.js'
import { SipHeaders } from '../message/headers.js'
import { parseNameAddress, tagOf } from '../message/name-address.js'
import { writeReason } from '../message/reason.js'
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import { branchOf, MAGIC_COOKIE } from '../message/via.js'

const PHRASES: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  420: 'Bad Extension',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  484: 'Address Incomplete',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  600: 'Busy Everywhere',
  603: 'Decline',
  604: 'Does Not Exist Anywhere',
}
const CAUSES: Readonly<Record<number, string>> = {
  1: 'Unallocated number',
  16: 'Normal call clearing',
  17: 'User busy',
  18: 'No user responding',
  19: 'No answer from user',
  20: 'Subscriber absent',
  21: 'Call rejected',
  22: 'Number changed',
  28: 'Invalid number format',
  34: 'No circuit available',
  41: 'Temporary failure',
}
/** What an answer has of its request (§8.2.6.2). */
const COPIED = ['via', 'from', 'to', 'call-id', 'cseq'] as const

export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REGISTER'

/** `tag`: of To where the request has none; '' = leave it. */
export function responseTo(request: SipRequest, status: number, tag: string): SipResponse {
  const headers = new SipHeaders()
  for (const name of COPIED) {
    for (const value of request.headers.all(name)) {
      const needsTag = name === 'to' && tag !== '' && tagOf(value) === ''
      headers.append(name, needsTag ? `${value};tag=${tag}` : value)
    }
  }
  headers.append('server', 'Trunkline gateway simulator')
  return { kind: 'response', status, reason: PHRASES[status] ?? 'Refused', headers, body: Buffer.alloc(0) }
}

export function setSdp({ headers }: SipResponse | SipRequest, sdp: string): Buffer {
  headers.append('content-type', 'application/sdp')
  return Buffer.from(sdp)
}

/** Q.850 cause in a Reason header field, as gateways to the telephone network tell it. */
export function reasonValue(cause: number): string {
  return writeReason({ protocol: 'Q.850', cause, text: CAUSES[cause] ?? '' })
}

/** What is missing or wrong in a request, in words; and whether it can be served at all. */
export function faultsOf(request: SipRequest): { faults: string[]; isFatal: boolean } {
  const { headers, method } = request
  const missing = ['via', 'from', 'to', 'call-id', 'cseq'].filter((name) => !headers.has(name))
  const twice = ['from', 'to', 'call-id', 'cseq', 'max-forwards'].filter((name) => headers.all(name).length > 1)
  const cseq = parseCSeq(headers.get('cseq'))
  const isWrong = cseq === null || cseq.method !== method
  const faults = [
    ...missing.map((name) => `${method} without ${name}`),
    ...twice.map((name) => `${method} with more than one ${name}`),
    ...(isWrong ? [`${method} whose CSeq is of another method or none`] : []),
    ...(headers.has('max-forwards') ? [] : [`${method} without max-forwards`]),
    ...(tagOf(headers.get('from')) === '' ? [`${method} without a tag of From`] : []),
    ...(branchOf(headers).startsWith(MAGIC_COOKIE)
      ? []
      : [`${method} whose branch does not begin with ${MAGIC_COOKIE}`]),
    ...(method === 'INVITE' && contactUri(request) === null ? ['INVITE without a Contact'] : []),
    ...(request.body.length > 0 && !headers.has('content-type') ? [`${method} with a body and no content-type`] : []),
  ]
  return { faults, isFatal: missing.length > 0 || twice.length > 0 || isWrong }
}

/** Where requests within the dialog go (§12.1.1); null: it does not say. */
export function contactUri({ headers }: SipRequest | SipResponse): string | null {
  return parseNameAddress(headers.get('contact') ?? '')?.uri ?? null
}
