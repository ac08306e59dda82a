/**
 * Octets that should be one message → the message. What is none is counted; a request that can be answered is told what is
 * wrong with it (RFC 3261 §8.2), so many times a second and no more. Dispatcher thread.
 */
import { responseTo } from '../call/response.js'
import { afterBlankLines, parseSip, SipParseError } from '../message/parse.js'
import type { SipMessage, SipRequest, SipResponse } from '../message/sip-message.js'
import { stampSource } from '../message/via.js'
import type { Dropped } from './dropped.js'
import type { Peer } from './transport.js'
import type { SipTransportOptions } from './transport-options.js'

const ANSWERS_PER_SECOND = 20
const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  414: 'Request-URI Too Long',
  505: 'Version Not Supported',
  513: 'Message Too Large',
}

export class MessageReader {
  readonly #options: Pick<SipTransportOptions, 'clock'>
  readonly #dropped: Dropped
  readonly #answer: (response: SipResponse, to: Peer) => void
  #second = 0
  #answers = 0

  constructor(
    options: Pick<SipTransportOptions, 'clock'>,
    dropped: Dropped,
    answer: (response: SipResponse, to: Peer) => void,
  ) {
    this.#options = options
    this.#dropped = dropped
    this.#answer = answer
  }

  /** null: no message, and that is dealt with. */
  read(bytes: Buffer, from: Peer): SipMessage | null {
    try {
      return parseSip(bytes)
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error
      this.#refuse(error, from)
      return null
    }
  }

  #refuse({ message, status, request }: SipParseError, from: Peer): void {
    this.#dropped.add(request === null ? 'garbage' : 'malformed', message, from.address)
    if (request === null || !this.#mayAnswer()) return
    this.#answer(refusal(request, status, { from, why: message }), from)
  }

  #mayAnswer(): boolean {
    const second = Math.floor(this.#options.clock.monotonic() / 1_000)
    if (second !== this.#second) this.#answers = 0
    this.#second = second
    return ++this.#answers <= ANSWERS_PER_SECOND
  }
}

function refusal(request: SipRequest, status: number, { from, why }: { from: Peer; why: string }): SipResponse {
  stampSource(request.headers, from.address, from.port)
  const phrase = PHRASES[status] ?? 'Bad Request'
  return responseTo(request, 'malformed', 'Trunkline', { status, reason: `${phrase} (${why})` })
}

/** Line ends alone (RFC 5626 §3.5.1), or the zeros that some send instead. */
export function isKeepalive(bytes: Buffer): boolean {
  if (afterBlankLines(bytes, 0) === bytes.length) return true
  return bytes.length <= 4 && bytes.every((octet) => octet === 0)
}
