/** Responses that we make (RFC 3261 §8.2.6). */
import { SipHeaders } from '../message/headers.js'
import { tagOf } from '../message/name-address.js'
import type { SipRequest, SipResponse } from '../message/sip-message.js'

/** Reason phrases of those statuses that we send (§21). */
const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  400: 'Bad Request',
  405: 'Method Not Allowed',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  488: 'Not Acceptable Here',
  489: 'Bad Event',
  491: 'Request Pending',
  500: 'Server Internal Error',
}

export interface Answer {
  status: number
  /** Absent: the usual one. */
  reason?: string
  /** Names in lower case. */
  headers?: readonly (readonly [name: string, value: string])[]
  body?: string
}

/** `toTag` is put to a To that has none. */
export function responseTo({ headers }: SipRequest, toTag: string, serverName: string, answer: Answer): SipResponse {
  const { status, reason = PHRASES[status] ?? '' } = answer
  const copied = new SipHeaders()
  for (const value of headers.all('via')) copied.append('via', value)
  for (const value of headers.all('record-route')) copied.append('record-route', value)
  copied.append('from', headers.get('from') ?? '')
  const to = headers.get('to') ?? ''
  copied.append('to', tagOf(to) === '' && toTag !== '' ? `${to};tag=${toTag}` : to)
  copied.append('call-id', headers.get('call-id') ?? '')
  copied.append('cseq', headers.get('cseq') ?? '')
  for (const [name, value] of answer.headers ?? []) copied.append(name, value)
  copied.append('server', serverName)
  return { kind: 'response', status, reason, headers: copied, body: Buffer.from(answer.body ?? '') }
}
