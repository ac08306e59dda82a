/**
 * Message → octets (RFC 3261 §7). Whatever a value holds, it stays one header field: CR, LF and NUL never get out, so that
 * nothing that came from a file, a peer or an API can put a header field or a second message behind it.
 */
import { writtenName } from './header-names.js'
import type { SipMessage } from './sip-message.js'
import { isToken } from './syntax.js'

/** NUL behind a backslash is a quoted pair that a peer may have sent, and is echoed as it came (RFC 4475 §3.1.1.2). */
const UNSAFE = /[\r\n]|(?<!\\)\0/g
const UNSAFE_IN_LINE = /[\x00-\x20\x7f]/g

/** Content-Length is made here and stands last; one among the header fields is not looked at. */
export function writeSip(message: SipMessage): Buffer {
  const { headers, body } = message
  let head = firstLine(message)
  for (const [name, value] of headers) {
    if (name === 'content-length' || !isToken(name)) continue
    head += `${writtenName(name)}: ${safe(value)}\r\n`
  }
  head += `Content-Length: ${body.length}\r\n\r\n`
  const headBytes = Buffer.byteLength(head)
  const bytes = Buffer.allocUnsafe(headBytes + body.length)
  bytes.write(head, 0, 'utf8')
  body.copy(bytes, headBytes)
  return bytes
}

function firstLine(message: SipMessage): string {
  if (message.kind === 'response') return `SIP/2.0 ${message.status} ${safe(message.reason)}\r\n`
  return `${message.method.replace(UNSAFE_IN_LINE, '')} ${message.uri.replace(UNSAFE_IN_LINE, '')} SIP/2.0\r\n`
}

function safe(value: string): string {
  return /[\r\n\0]/.test(value) ? value.replace(UNSAFE, ' ') : value
}
