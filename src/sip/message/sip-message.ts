/** A SIP request or response in memory (RFC 3261 §7). */
import type { SipHeaders } from './headers.js'

export interface SipRequest {
  kind: 'request'
  method: string
  /** Request-URI as it stands. */
  uri: string
  headers: SipHeaders
  body: Buffer
}

export interface SipResponse {
  kind: 'response'
  status: number
  reason: string
  headers: SipHeaders
  body: Buffer
}

export type SipMessage = SipRequest | SipResponse
