/**
 * Scenarios of SIPp as XML: steps that can be put together, and the gateways that most tests want. The status of a response
 * cannot be a variable in SIPp, so that each code has a scenario of its own.
 */

/** One step; those that need an earlier one to remember something say so. */
export type Step = string

export function scenario(...steps: readonly Step[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="test">\n${steps.join('\n')}\n</scenario>\n`
}

export interface Receiving {
  /** Goes on without it when something else comes. */
  isOptional?: boolean
  /** Remembers Contact and Record-Route for requests of our own: [next_url], [routes]. */
  keepsRoutes?: boolean
  /** Fails the call unless header and value (a regular expression) are there. */
  has?: Readonly<Record<string, string>>
  /** Fails the call when the whole message matches this regular expression. */
  lacks?: string
  /** XML of further actions. */
  actions?: string
}

/** The first request of a call remembers who calls, so that the far end can ask something by itself. */
export function receive(what: string | number, options: Receiving = {}): Step {
  const { isOptional, keepsRoutes, has = {}, lacks, actions = '' } = options
  const kind = typeof what === 'number' ? `response="${what}"` : `request="${what}"`
  const checks = Object.entries(has).map(
    ([header, value]) =>
      `<ereg regexp="${escaped(value)}" search_in="hdr" header="${header}:" check_it="true" assign_to="seen"/>`,
  )
  if (lacks !== undefined) {
    checks.push(`<ereg regexp="${escaped(lacks)}" search_in="msg" check_it_inverse="true" assign_to="seen"/>`)
  }
  const all = checks.join('') + actions
  const use = checks.length > 0 ? '<Reference variables="seen"/>' : ''
  const marks = `${isOptional === true ? ' optional="true"' : ''}${keepsRoutes === true ? ' rrs="true"' : ''}`
  return `<recv ${kind}${marks}>${all === '' ? '' : `<action>${all}</action>`}</recv>${use}`
}

/** The INVITE of a call, whose From, To and CSeq later steps use. */
export function receiveInvite(options: Receiving = {}): Step {
  const { actions = '' } = options
  const keep = (header: string, variable: string): string =>
    `<ereg regexp=".*" search_in="hdr" header="${header}:" assign_to="${variable}"/>`
  const cseq = '<ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="cseqNumber"/>'
  const step = receive('INVITE', {
    ...options,
    keepsRoutes: true,
    actions: `${keep('From', 'caller')}${keep('To', 'called')}${cseq}${actions}`,
  })
  return `${step}<Reference variables="caller,called,cseqNumber"/>`
}

export interface Responding {
  reason?: string
  /** Whole header fields: `Retry-After: 5`. */
  headers?: readonly string[]
  /** SDP with G.711 A-law and telephone-event. */
  withSdp?: boolean
  /** Another SDP. */
  sdp?: string
  /** Instead of that of the last request: for the final response to an INVITE behind another request. */
  cseq?: string
  /** Repeated until an ACK comes, over UDP: for final responses to an INVITE. */
  isRepeated?: boolean
}

const RETRANS = ' retrans="500"'

export const SDP = [
  'v=0',
  'o=sipp 53655765 2353687637 IN IP[local_ip_type] [local_ip]',
  's=-',
  'c=IN IP[media_ip_type] [media_ip]',
  't=0 0',
  'm=audio [media_port] RTP/AVP 8 96',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:96 telephone-event/8000',
  'a=fmtp:96 0-15',
  'a=sendrecv',
].join('\n')

const TAG = 'tag=[pid]Sipp[call_number]'

export function respond(status: number, options: Responding = {}): Step {
  const { reason = 'Test', headers = [], withSdp, sdp = withSdp === true ? SDP : undefined, cseq } = options
  const isRepeated = options.isRepeated ?? false
  const lines = [
    `SIP/2.0 ${status} ${reason}`,
    '[last_Via:]',
    '[last_Record-Route:]',
    '[last_From:]',
    status === 100 ? '[last_To:]' : `[last_To:];${TAG}`,
    '[last_Call-ID:]',
    cseq === undefined ? '[last_CSeq:]' : `CSeq: ${cseq}`,
    'Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>',
    ...headers,
  ]
  return send(lines, sdp, isRepeated ? RETRANS : '')
}

/** To a request within the call: its To has the tag already. */
export function respondWithin(status: number, options: Responding = {}): Step {
  const { reason = 'Test', headers = [], withSdp, sdp = withSdp === true ? SDP : undefined } = options
  const lines = [
    `SIP/2.0 ${status} ${reason}`,
    ...['[last_Via:]', '[last_From:]', '[last_To:]', '[last_Call-ID:]', '[last_CSeq:]'],
    'Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>',
    ...headers,
  ]
  return send(lines, sdp, '')
}

/** A request of the far end within a call that it was called in. */
export function request(method: string, cseq: number, options: Responding = {}): Step {
  const { headers = [], withSdp, sdp = withSdp === true ? SDP : undefined } = options
  const lines = [
    `${method} [next_url] SIP/2.0`,
    'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]',
    '[routes]',
    'Max-Forwards: 70',
    `From:[$called];${TAG}`,
    'To:[$caller]',
    '[last_Call-ID:]',
    `CSeq: ${cseq} ${method}`,
    'Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>',
    ...headers,
  ]
  return send(lines, sdp, method === 'ACK' ? '' : RETRANS)
}

function send(head: readonly string[], body: string | undefined, marks: string): Step {
  const type =
    body === undefined || head.some((line) => /^content-type:/i.test(line)) ? [] : ['Content-Type: application/sdp']
  const lines = [...head, ...type, 'Content-Length: [len]', '', ...(body === undefined ? [''] : [body, ''])]
  return `<send${marks}><![CDATA[\n${lines.join('\n')}\n]]></send>`
}

export function pauseMs(milliseconds: number): Step {
  return `<pause milliseconds="${milliseconds}"/>`
}

/** Digits as RFC 4733 packets of payload type 96, whatever was agreed: SIPp knows no other. */
export function playDigits(digits: string): Step {
  return `<nop><action><exec play_dtmf="${digits}"/></action></nop>`
}

export interface Refusal extends Responding {
  /** Provisional responses before, in order: `[100, 180]`. */
  before?: readonly number[]
  /** Between the last of them and the refusal. */
  afterMs?: number
}

/** Every call is refused with this status. */
export function refusal(status: number, options: Refusal = {}): string {
  const { before = [], afterMs = 0, ...responding } = options
  return scenario(
    receive('INVITE'),
    ...before.map((each) => respond(each)),
    ...(afterMs > 0 ? [pauseMs(afterMs)] : []),
    respond(status, { ...responding, isRepeated: true }),
    receive('ACK'),
  )
}

export interface Answering extends Responding {
  before?: readonly number[]
  afterMs?: number
  /** Steps between the ACK and the BYE. */
  within?: readonly Step[]
  /** The far end hangs up, with the CSeq number of its request; absent: it waits for our BYE. */
  hangsUpAs?: number
}

/** Every call is answered. */
export function answering(options: Answering = {}): string {
  const { before = [180], afterMs = 0, within = [], hangsUpAs, ...responding } = options
  return scenario(
    receiveInvite(),
    ...before.map((each) => respond(each)),
    ...(afterMs > 0 ? [pauseMs(afterMs)] : []),
    respond(200, { withSdp: true, ...responding, isRepeated: true }),
    receive('ACK'),
    ...within,
    ...(hangsUpAs === undefined ? [receive('BYE'), respondWithin(200)] : [request('BYE', hangsUpAs), receive(200)]),
  )
}

/** Rings until it is canceled. */
export function ringing(before: readonly number[] = [180]): string {
  return scenario(
    receiveInvite(),
    ...before.map((each) => respond(each)),
    receive('CANCEL'),
    respondWithin(200),
    respond(487, { reason: 'Request Terminated', cseq: '[$cseqNumber] INVITE', isRepeated: true }),
    receive('ACK'),
  )
}

export interface Asking {
  user: string
  password: string
  /** Of the final response once the answer is right; 200 is followed by our BYE. */
  final?: number
}

const NONCE = 'realm="sipp", nonce="47ebe028cda119c35d4877b383027d28", algorithm=MD5, qop="auth"'

/** Asks who calls (RFC 2617, MD5 as SIPp knows it), and refuses with 403 whoever gives a wrong answer. */
export function asking({ user, password, final = 486 }: Asking): string {
  const verify = `<verifyauth assign_to="isRight" username="${user}" password="${password}"/>`
  return scenario(
    ...challenged(401, 'WWW-Authenticate'),
    receive('INVITE', { actions: verify }),
    '<nop next="right" test="isRight"/>',
    respond(403, { isRepeated: true }),
    receive('ACK'),
    '<nop next="end"/>',
    '<label id="right"/>',
    ...ending(final),
    '<label id="end"/>',
    pauseMs(1),
  )
}

/** The same as a proxy asks (407); SIPp verifies no answer to it, but looks whether there is one of this user. */
export function askingAsProxy({ user, final = 486 }: Omit<Asking, 'password'>): string {
  const answer = `^ *Digest username="${user}".*response="[0-9a-f]{32}"`
  return scenario(
    ...challenged(407, 'Proxy-Authenticate'),
    receive('INVITE', { has: { 'Proxy-Authorization': answer } }),
    ...ending(final),
  )
}

function challenged(status: number, field: string): Step[] {
  const headers = [`${field}: Digest ${NONCE}`]
  return [receive('INVITE'), respond(status, { headers, isRepeated: true }), receive('ACK')]
}

function ending(final: number): Step[] {
  const rest = final === 200 ? [receive('BYE'), respondWithin(200)] : []
  return [respond(final, { withSdp: final === 200, isRepeated: true }), receive('ACK'), ...rest]
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
