/**
 * The session description in the body of a message: the body itself, or the part of a multipart one that is SDP (RFC 5621
 * §3.1, RFC 2046 §5.1), as gateways send it that hand on ISUP or a location beside it.
 */

import { parseParameters } from '../message/parameters.js'
import type { SipMessage } from '../message/sip-message.js'
import { SDP_TYPE } from './capabilities.js'
import { contentType } from './info-digit.js'

/** A part counts by its Content-Type; one without any is text. */
const PART_TYPE = /^content-type[ \t]*:[ \t]*([^\s;]+)/im
const PARTS_MOST = 16

/** '' = it brought none. */
export function sdpOf(message: Pick<SipMessage, 'headers' | 'body'>): string {
  const type = contentType(message)
  if (type === SDP_TYPE) return message.body.toString('utf8')
  return type.startsWith('multipart/') ? sdpPart(message) : ''
}

function sdpPart({ headers, body }: Pick<SipMessage, 'headers' | 'body'>): string {
  const value = headers.get('content-type')!
  const boundary = parseParameters(value.slice(value.indexOf(';') + 1))?.get('boundary')
  if (boundary === undefined || boundary === null || boundary === '') return ''
  // What stands before the first boundary and behind the last is no part.
  const parts = `\r\n${body.toString('utf8')}`.split(`\r\n--${boundary}`, PARTS_MOST).slice(1)
  for (const part of parts) {
    const end = part.indexOf('\r\n\r\n')
    if (end < 0 || part.startsWith('--')) continue
    if (PART_TYPE.exec(part.slice(0, end))?.[1]?.toLowerCase() === SDP_TYPE) return part.slice(end + 4)
  }
  return ''
}
