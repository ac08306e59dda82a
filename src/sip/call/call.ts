/**
 * One outgoing call, as the channel asks for it: INVITE with all that follows from it until the dialog is over. Dispatcher
 * thread; `ended` is called exactly once a call and is the last that is heard of it.
 */
import type { Peer } from '../transport/transport.js'

export interface Credentials {
  user: string
  password: string
}

export interface OutgoingCall {
  /** The gateway, or its outbound proxy. */
  to: Peer
  /** Request-URI and To: `sip:+4420…@host`. */
  uri: string
  /** From: `sip:user@domain`, and the name shown, '' = none. */
  from: string
  fromName: string
  /** P-Asserted-Identity; '' = none. */
  assertedIdentity: string
  /** Privacy: id (RFC 3323, RFC 3325). */
  isAnonymous: boolean
  credentials: Credentials | null
  /** Our offer. */
  sdp: string
  /** Nothing from the gateway in that time, not even 100: ended as `silent` (the next gateway is tried). */
  provisionalMs: number
  /** From the first provisional, 100 too, to CANCEL. */
  ringMs: number
  /** From the answer to BYE. */
  talkMs: number
}

export type CallEndHow =
  /** A final response ≥ 300 (3xx is never followed); also one of the called (486, 404 …) that crossed our CANCEL. */
  | 'refused'
  /** We gave up ringing. A 200 that crossed the CANCEL was acknowledged and hung up, and is no answer. */
  | 'noAnswer'
  /** Neither a provisional nor a final response in `provisionalMs`. */
  | 'silent'
  /** The transport says that it cannot be reached. */
  | 'unreachable'
  /** 401/407 again after our answer to it, or no credentials, or a challenge that we cannot answer. */
  | 'unauthorised'
  /** BYE of the far end after the answer. */
  | 'remoteHangUp'
  /** Our BYE after the answer: hung up, or talkMs was over. */
  | 'localHangUp'
  /** Hung up before the answer. A 200 that crossed the CANCEL was acknowledged and hung up, and is no answer. */
  | 'canceled'

export interface CallEnd {
  how: CallEndHow
  /** Last SIP status; 0: none came. */
  status: number
  /** Q.850 cause of a Reason header (RFC 3326) of the final response, CANCEL or BYE; 0: none. */
  q850: number
  /** Reason phrase, and text of the Reason header, for rules and the log. At most 200 characters. */
  reason: string
  /** Retry-After in seconds; 0: none. */
  retryAfterSeconds: number
  wasAnswered: boolean
  /** Milliseconds from INVITE to the final response or the end. */
  ringMs: number
  /** Milliseconds from the answer to the end. */
  talkMs: number
}

export interface CallListener {
  /** 1xx but 100; `sdp`: early media, '' = none. */
  ringing(status: number, sdp: string): void
  /** 2xx of the dialog that is used, acknowledged already; '' = neither it nor a provisional of its dialog brought SDP. */
  answered(sdp: string): void
  /**
   * A re-INVITE or UPDATE with an offer: our answer, or null to refuse it with 488. Also with their answer to an offer of ours
   * within the call (`offer`, or the description that stands, when a session timer asks for it); what is returned then is not sent.
   */
  reoffered(sdp: string): string | null
  /** A re-INVITE without an offer: our offer. */
  offer(): string
  /** INFO with a digit (application/dtmf-relay or application/dtmf), once a press and after the answer only. */
  digit(digit: string): void
  /** Our BYE goes out after the answer: no sound is sent any more (RFC 3261 §15.1.1), though `ended` may be long in coming. */
  closing(): void
  ended(end: CallEnd): void
}

export interface Call {
  readonly callId: string
  /** CANCEL (once a provisional allows it) or BYE, whatever is right; `ended` follows, at the latest 32 s later. */
  hangUp(): void
}
