/**
 * How a call ended, as the one number that the log keeps of every protocol's answer: 700,000,000 + SIP status (RFC 3261
 * §21) × 1,000 + Q.850 cause (0: none came). No other protocol's status is in that range, so the number says of itself what it is.
 */
const BASE = 700_000_000
const MOST = BASE + 699_999

export interface CallStatus {
  /** 0: no final response came. */
  code: number
  q850: number
}

/** Of neither there is nothing to keep: 0. */
export function packCallStatus(code: number, q850: number): number {
  return code === 0 && q850 === 0 ? 0 : BASE + code * 1_000 + q850
}

/** null: a status of another protocol. */
export function readCallStatus(status: number): CallStatus | null {
  if (status < BASE || status > MOST) return null
  return { code: Math.floor((status - BASE) / 1_000), q850: (status - BASE) % 1_000 }
}

/** Reason phrases of the responses that calls end with. */
const PHRASES: Readonly<Record<number, string>> = {
  200: 'OK',
  300: 'Multiple Choices',
  301: 'Moved Permanently',
  302: 'Moved Temporarily',
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  415: 'Unsupported Media Type',
  416: 'Unsupported URI Scheme',
  420: 'Bad Extension',
  428: 'Use Identity Header',
  433: 'Anonymity Disallowed',
  436: 'Bad Identity Info',
  437: 'Unsupported Credential',
  438: 'Invalid Identity Header',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  482: 'Loop Detected',
  483: 'Too Many Hops',
  484: 'Address Incomplete',
  485: 'Ambiguous',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  500: 'Server Internal Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  580: 'Precondition Failure',
  600: 'Busy Everywhere',
  603: 'Decline',
  604: 'Does Not Exist Anywhere',
  606: 'Not Acceptable',
  607: 'Unwanted',
  608: 'Rejected',
}

/** `486 Busy Here`, `Q.850 34` or both. */
export function callStatusName({ code, q850 }: CallStatus): string {
  const phrase = PHRASES[code]
  const sip = phrase === undefined ? String(code) : `${code} ${phrase}`
  if (q850 === 0) return sip
  return code === 0 ? `Q.850 ${q850}` : `${sip}, Q.850 ${q850}`
}

/** For metrics, in bounded variety: a hostile gateway could send six hundred statuses. */
export function callStatusLabel(code: number): string {
  if (code === 0) return 'none'
  return PHRASES[code] === undefined ? `${Math.floor(code / 100)}xx` : String(code)
}
