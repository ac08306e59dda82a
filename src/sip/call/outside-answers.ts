/**
 * Answers to requests that belong to no call of ours, as a stateless server gives them (RFC 3261 §8.2, §8.2.7, §11.2): the
 * same to each repetition, with the same To tag, so that nothing is kept and a flood of them fills nothing.
 */
import { createHmac } from 'node:crypto'
import { tagOf } from '../message/name-address.js'
import type { SipRequest } from '../message/sip-message.js'
import { branchOf } from '../message/via.js'
import type { Peer } from '../transport/transport.js'
import type { Agent } from './agent.js'
import { ACCEPT, ALLOW, ALLOWED, SUPPORTED } from './capabilities.js'
import { unknownOptions } from './requests-within.js'
import { type Answer, responseTo } from './response.js'

export class OutsideAnswers {
  readonly #agent: Agent
  readonly #secret: string

  constructor(agent: Agent) {
    this.#agent = agent
    this.#secret = agent.newToken()
  }

  /** Anything but ACK. */
  answer(request: SipRequest, from: Peer): void {
    const response = responseTo(request, this.#tagFor(request), this.#agent.name, this.#answerTo(request))
    this.#agent.table.send(response, from)
  }

  #answerTo(request: SipRequest): Answer {
    const { method, headers, uri } = request
    if (method === 'CANCEL') return this.#agent.table.hasInviteOf(request) ? { status: 200 } : { status: 481 }
    if (tagOf(headers.get('to')) !== '') return { status: 481 }
    if (!ALLOWED.has(method)) return { status: 405, headers: [['allow', ALLOW]] }
    if (!/^sips?:/i.test(uri)) return { status: 416 }
    const unknown = unknownOptions(request)
    if (unknown !== '') return { status: 420, headers: [['unsupported', unknown]] }
    if (method === 'OPTIONS') return { status: 200, headers: abilities }
    // Nobody takes calls here. A PBX that was told so forwards them, to the desk that can.
    return method === 'INVITE' ? { status: 480 } : { status: 481 }
  }

  #tagFor({ headers }: SipRequest): string {
    const about = [branchOf(headers), headers.get('call-id'), headers.get('from'), headers.get('cseq')].join('\n')
    return createHmac('sha256', this.#secret).update(about).digest('hex').slice(0, 16)
  }
}

const abilities: Answer['headers'] = [
  ['allow', ALLOW],
  ['accept', ACCEPT],
  ['supported', SUPPORTED],
]
