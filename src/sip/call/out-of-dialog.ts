/** Requests outside of calls that we send: REGISTER and OPTIONS (RFC 3261 §10, §11), as who keeps a gateway asks for them. */
import { SipHeaders } from '../message/headers.js'
import type { SipResponse } from '../message/sip-message.js'
import { TIMEOUT } from '../transaction/client-user.js'
import type { Peer } from '../transport/transport.js'
import type { Agent } from './agent.js'
import type { Credentials } from './call.js'
import { MAX_FORWARDS } from './capabilities.js'
import type { Outgoing } from './dialog.js'
import { SentRequest } from './sent-request.js'

/** Requests that belong together (RFC 3261 §10.2: all REGISTERs of one registration): one Call-ID, a CSeq that grows. */
export interface RequestSeries {
  readonly callId: string
  /** Of the last request that was sent; 0: none yet. The user agent counts it up. */
  cseq: number
}

export interface OutOfDialogRequest {
  /** REGISTER or OPTIONS; no method that makes a dialog. */
  method: string
  /** Request-URI. */
  uri: string
  to: Peer
  /** URI of From, without tag; of To as well when it is a REGISTER. Otherwise To is `uri`. */
  from: string
  /** Further header fields, names in lower case: contact, expires … */
  headers: readonly (readonly [name: string, value: string])[]
  /** Absent: a series of its own. */
  series?: RequestSeries
  /** null: a challenge is the answer. */
  credentials: Credentials | null
  /** From now until `done` says that nothing came. */
  timeoutMs: number
}

/**
 * Called exactly once, never before `request` returns. `response`: the final one; a 401 or 407 only when it could not be
 * answered or came again. null: none came; `why` is 'timeout', or what the transport says.
 */
export type ResponseHandler = (response: SipResponse | null, why: string) => void

export function sendOutOfDialog(agent: Agent, request: OutOfDialogRequest, done: ResponseHandler): void {
  const series = request.series ?? { callId: agent.newCallId(), cseq: 0 }
  const fromTag = agent.newToken()
  const { timers } = agent
  const make = (): Outgoing => outgoing(agent, request, { series, fromTag })
  const sent = new SentRequest(agent, make, agent.authenticatorOf(request.credentials, request.to), (response, why) => {
    timers.stop(timer)
    done(response, why)
  })
  const timer = timers.start(request.timeoutMs, () => {
    sent.abandon()
    done(null, TIMEOUT)
  })
}

function outgoing(
  agent: Agent,
  { method, uri, to, from, headers: more }: OutOfDialogRequest,
  { series, fromTag }: { series: RequestSeries; fromTag: string },
): Outgoing {
  const headers = new SipHeaders()
  headers.append('via', agent.newVia(to))
  headers.append('max-forwards', MAX_FORWARDS)
  headers.append('from', `<${from}>;tag=${fromTag}`)
  headers.append('to', `<${method === 'REGISTER' ? from : uri}>`)
  headers.append('call-id', series.callId)
  headers.append('cseq', `${++series.cseq} ${method}`)
  for (const [name, value] of more) headers.append(name, value)
  headers.append('user-agent', agent.name)
  return { request: { kind: 'request', method, uri, headers, body: Buffer.alloc(0) }, peer: to }
}
