/** What we say of ourselves in requests and responses (RFC 3261 §20.1, §20.5, §20.37). */

/** What we take from a far end within a call; NOTIFY, PRACK, MESSAGE and REFER are answered, but refused. */
export const ALLOW = 'INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE'
export const ALLOWED: ReadonlySet<string> = new Set(ALLOW.split(', '))
/** Reliable provisional responses (RFC 3262) and session timers (RFC 4028). */
export const SUPPORTED = '100rel, timer'
/** Option tags that a request to us may require. */
export const UNDERSTOOD: ReadonlySet<string> = new Set(['timer'])
export const SDP_TYPE = 'application/sdp'
export const ACCEPT = SDP_TYPE
export const MAX_FORWARDS = '70'
