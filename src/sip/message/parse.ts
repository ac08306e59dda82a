/**
 * Octets → message (RFC 3261 §7, §18.3, §25.1). Liberal where RFC 4475 shows that peers differ (folded lines, white space
 * around colons, compact names, LF alone, CRLFs in front), strict where a guess would be dangerous (lengths, numbers that
 * overflow, header fields twice that may be there once). Pure; time and memory are linear in the octets.
 */
import { headerName } from './header-names.js'
import { SipHeaders } from './headers.js'
import { answerable, messageProblem } from './message-rules.js'
import { sipLimits } from './sip-limits.js'
import type { SipMessage, SipRequest } from './sip-message.js'
import { isSpace, isToken, trimSpace, wholeNumber } from './syntax.js'

/** Why octets are no message, and what of them can be answered. */
export class SipParseError extends Error {
  /** What to answer a request with: 400, 505, 513. */
  readonly status: number
  /** What could be read of a request, with all that its answer echoes; null: it cannot be answered, or is an ACK or a response. */
  readonly request: SipRequest | null

  constructor(why: string, status = 400, request: SipRequest | null = null) {
    super(why)
    this.name = 'SipParseError'
    this.status = status
    this.request = request
  }
}

interface Problem {
  why: string
  status: number
}

/** NUL may stand behind a backslash only (quoted-pair, §25.1). */
const UNSAFE = /\r|(?<!\\)\0/

const LF = 0x0a
const CR = 0x0d
const EMPTY = Buffer.alloc(0)

/**
 * One whole message: a datagram, or what a stream's framing cut (`isStream`: Content-Length must be there, RFC 3261 §18.3).
 * Octets after the body of a datagram are discarded. The result keeps nothing of `bytes`. Throws SipParseError only.
 */
export function parseSip(bytes: Buffer, isStream = false): SipMessage {
  if (bytes.length > sipLimits.messageBytes) throw new SipParseError('larger than any message', 513)
  const start = afterBlankLines(bytes, 0)
  if (start === bytes.length) throw new SipParseError('nothing but line ends')
  const bodyAt = headEnd(bytes, start)
  const lines = unfolded(bytes.toString('utf8', start, bodyAt < 0 ? bytes.length : bodyAt))
  const { message, problem } = startLine(lines[0]!)
  const inHeaders = readHeaders(lines, message.headers)
  const inHead = problem ?? inHeaders ?? (bodyAt < 0 ? bad('it has no end') : null)
  const refused = inHead ?? readBody(bytes, bodyAt, message, isStream)
  const why = refused === null ? messageProblem(message) : refused.why
  if (why === '') return message
  throw new SipParseError(why, refused?.status ?? 400, answerable(message))
}

/** Place of the first octet that is no CR or LF: keepalives, and line ends before a start line (RFC 3261 §7.5). */
export function afterBlankLines(bytes: Buffer, start: number): number {
  let at = start
  while (at < bytes.length && (bytes[at] === CR || bytes[at] === LF)) at++
  return at
}

/** Place of the first octet after the empty line that ends the header fields; -1: it is not there yet. */
export function headEnd(bytes: Buffer, start: number): number {
  for (let at = bytes.indexOf(LF, start); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3
  }
  return -1
}

/** Lines without their ends; a folded one is one, its folds a single space (RFC 3261 §7.3.1). */
function unfolded(head: string): string[] {
  const lines: string[] = []
  for (let at = 0; at < head.length; ) {
    const next = head.indexOf('\n', at)
    const end = next < 0 ? head.length : next
    const stop = head.charCodeAt(end - 1) === CR && end > at ? end - 1 : end
    if (isSpace(head.charCodeAt(at)) && lines.length > 0)
      lines.push(`${lines.pop()} ${trimSpace(head.slice(at, stop))}`)
    else if (stop > at) lines.push(head.slice(at, stop))
    at = end + 1
  }
  return lines
}

function bad(why: string, status = 400): Problem {
  return { why, status }
}

function startLine(line: string): { message: SipMessage; problem: Problem | null } {
  const headers = new SipHeaders()
  if (/^SIP\/\d/i.test(line)) {
    const [, version, status, reason] = /^SIP\/(\S+) (\d+)(?: (.*))?$/is.exec(line) ?? []
    const code = status?.length === 3 ? Number(status) : 0
    const isValid =
      line.length <= sipLimits.lineChars && version === '2.0' && code >= 100 && code <= 699 && !UNSAFE.test(line)
    const problem = isValid ? null : bad('not a status line of SIP/2.0')
    return { message: { kind: 'response', status: code, reason: reason ?? '', headers, body: EMPTY }, problem }
  }
  const [method, uri, version, more] = line.split(' ', 4)
  const message: SipMessage = { kind: 'request', method: method!, uri: uri ?? '', headers, body: EMPTY }
  return { message, problem: requestProblem(line, message, more === undefined ? version : undefined) }
}

function requestProblem(line: string, { method, uri }: SipRequest, version: string | undefined): Problem | null {
  if (line.length > sipLimits.lineChars) return bad('the request line is too long', 414)
  if (version === undefined || !isToken(method) || !/^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"\x00-\x1f\x7f]+$/.test(uri))
    return bad('not a request line')
  if (/^SIP\/2\.0$/i.test(version)) return null
  return /^SIP\/\d+\.\d+$/i.test(version) ? bad('another version of SIP', 505) : bad('not a request line')
}

/** Into `headers` whatever can be read, also behind a field line that is wrong: its answer needs the others. */
function readHeaders(lines: string[], headers: SipHeaders): Problem | null {
  let problem: Problem | null = null
  const count = Math.min(lines.length, sipLimits.headers + 1)
  if (lines.length > count) problem = bad('too many header fields')
  for (let n = 1; n < count; n++) {
    const line = lines[n]!
    const colon = line.indexOf(':')
    const name = colon < 0 ? '' : trimSpace(line.slice(0, colon))
    if (!isToken(name)) problem ??= bad('a line is no header field')
    else if (line.length > sipLimits.lineChars) problem ??= bad('a header field is too long')
    else if (UNSAFE.test(line)) problem ??= bad('a CR or NUL within a header field')
    else headers.append(headerName(name), trimSpace(line.slice(colon + 1)))
  }
  return problem
}

/** RFC 3261 §18.3: shorter than said is an error, longer in a datagram is cut, and a stream has to say it. */
function readBody(bytes: Buffer, bodyAt: number, message: SipMessage, isStream: boolean): Problem | null {
  const there = bytes.length - bodyAt
  const said = message.headers.all('content-length')
  if (said.length === 0 && isStream) return bad('no Content-Length')
  if (said.length > 1) return bad('more than one Content-Length')
  const length = said.length === 0 ? there : wholeNumber(said[0]!, sipLimits.messageBytes)
  if (length < 0) return bad('the Content-Length is no length')
  if (length > there) return bad('the body is shorter than its Content-Length')
  if (isStream && length < there) return bad('the body is longer than its Content-Length')
  if (length > 0) message.body = Buffer.from(bytes.subarray(bodyAt, bodyAt + length))
  return null
}
