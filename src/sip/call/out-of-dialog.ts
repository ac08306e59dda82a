/** Requests outside of calls that we send: REGISTER and OPTIONS (RFC 3261 §10, §11), as who keeps a gateway asks for them. */
import type { SipResponse } from '../message/sip-message.js'
import type { Peer } from '../transport/transport.js'
import type { Credentials } from './call.js'

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
