/**
 * A user agent in virtual time on a link that the test is the other end of: what it sends arrives as text, and what the test
 * sends is text. The far end is written in tests without any of our own classes.
 */
import { Random } from '../src/engine/base/random.js'
import { silentLog } from '../src/engine/contract/log.js'
import type { Call, CallEnd, OutgoingCall } from '../src/sip/call/call.js'
import { UserAgent } from '../src/sip/call/user-agent.js'
import { parseSip } from '../src/sip/message/parse.js'
import type { SipMessage } from '../src/sip/message/sip-message.js'
import { writeSip } from '../src/sip/message/write.js'
import type { Peer, SipTransport, TransportName } from '../src/sip/transport/transport.js'
import { seed } from './seed.js'

export const OFFER =
  'v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n'
export const ANSWER =
  'v=0\r\no=- 9 9 IN IP4 10.0.0.2\r\ns=-\r\nc=IN IP4 10.0.0.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 8\r\n'

/** One message of ours as it left. */
export interface Sent {
  atMs: number
  text: string
  /** `udp 10.0.0.2:5060`. */
  to: string
}

interface Due {
  atMs: number
  order: number
  run: () => void
}

export class VirtualLink {
  readonly gateway: Peer
  readonly agent: UserAgent
  readonly random = new Random(seed)
  readonly sent: Sent[] = []
  /** Called for each message of ours, when it leaves. */
  onSent: (text: string) => void = () => {}
  nowMs = 1_000
  readonly #due: Due[] = []
  #order = 0

  constructor(transport: TransportName = 'udp') {
    this.gateway = { transport, address: '10.0.0.2', port: 5060 }
    const link: SipTransport = {
      listen: async () => {},
      localOf: () => ({ host: '10.0.0.1', port: 5060 }),
      send: (message, to) => this.#send(message, to),
      tick: () => {},
      close: async () => {},
    }
    const clock = { now: () => 0, monotonic: () => this.nowMs }
    this.agent = new UserAgent({ transport: link, clock, random: this.random, log: silentLog, name: 'Trunkline' })
  }

  at(delayMs: number, run: () => void): void {
    const due = { atMs: this.nowMs + delayMs, order: this.#order++, run }
    let place = this.#due.length
    while (place > 0 && this.#due[place - 1]!.atMs > due.atMs) place--
    this.#due.splice(place, 0, due)
  }

  /** To the user agent, `delayMs` from now. Lines may end with LF alone. */
  deliver(text: string, delayMs = 0, from: Peer = this.gateway): void {
    this.at(delayMs, () => this.agent.received(parseSip(Buffer.from(text.replace(/\r?\n/g, '\r\n'))), from))
  }

  /** Lets time pass; 0: only what is due now. */
  run(forMs: number): void {
    const untilMs = this.nowMs + forMs
    for (;;) {
      const tickAtMs = this.nowMs + this.agent.nextMs(this.nowMs)
      const nextMs = Math.min(tickAtMs, this.#due[0]?.atMs ?? Number.POSITIVE_INFINITY)
      if (nextMs > untilMs) break
      this.nowMs = Math.max(this.nowMs, nextMs)
      if (this.#due.length > 0 && this.#due[0]!.atMs <= this.nowMs) this.#due.shift()!.run()
      else this.agent.tick(this.nowMs)
    }
    this.nowMs = Math.max(this.nowMs, untilMs)
  }

  /** Those of one method or status line, oldest first. */
  all(start: string): Sent[] {
    return this.sent.filter(({ text }) => text.startsWith(start))
  }

  last(start: string): string {
    const found = this.all(start).at(-1)
    if (found === undefined) throw new Error(`nothing sent that begins with ${start}:\n${this.#sentLines()}`)
    return found.text
  }

  #sentLines(): string {
    return this.sent.map(({ text }) => text.split('\r\n')[0]).join('\n')
  }

  #send(message: SipMessage, to: Peer): void {
    const text = writeSip(message).toString('utf8')
    this.sent.push({ atMs: this.nowMs, text, to: `${to.transport} ${to.address}:${to.port}` })
    this.onSent(text)
  }
}

/** What a listener heard, one line each, and the end. */
export interface Heard {
  call: Call
  lines: string[]
  ends: CallEnd[]
}

export interface ListenerAnswers {
  reoffered?: (sdp: string) => string | null
  offer?: () => string
  answered?: (call: Call) => void
}

export function invite(link: VirtualLink, patch: Partial<OutgoingCall> = {}, answers: ListenerAnswers = {}): Heard {
  const lines: string[] = []
  const ends: CallEnd[] = []
  const outgoing: OutgoingCall = {
    ...{ to: link.gateway, uri: 'sip:+442079460123@pbx.example', from: 'sip:+442079460999@pbx.example' },
    ...{ fromName: '', assertedIdentity: '', isAnonymous: false, credentials: null, sdp: OFFER },
    ...{ provisionalMs: 4_000, ringMs: 40_000, talkMs: 180_000, ...patch },
  }
  const heard: Heard = {
    lines,
    ends,
    call: link.agent.invite(outgoing, {
      ringing: (status, sdp) => lines.push(`ringing ${status}${sdp === '' ? '' : ' sdp'}`),
      answered: (sdp) => {
        lines.push(sdp === '' ? 'answered' : 'answered sdp')
        answers.answered?.(heard.call)
      },
      reoffered: (sdp) => {
        lines.push(`reoffered ${/m=audio (\d+)/.exec(sdp)?.[1]}`)
        return answers.reoffered === undefined ? ANSWER : answers.reoffered(sdp)
      },
      offer: () => answers.offer?.() ?? OFFER,
      digit: (digit) => lines.push(`digit ${digit}`),
      closing: () => {},
      ended: (end) => {
        lines.push(`ended ${end.how} ${end.status}`)
        ends.push(end)
      },
    }),
  }
  return heard
}

/** Value of the first header field of that name; '' = none. */
export function field(text: string, name: string): string {
  let pattern = patterns.get(name)
  if (pattern === undefined) {
    pattern = new RegExp(`^${name}[ \\t]*:[ \\t]*(.*)$`, 'im')
    patterns.set(name, pattern)
  }
  return pattern.exec(text.slice(0, text.indexOf('\r\n\r\n')))?.[1]?.trim() ?? ''
}

const patterns = new Map<string, RegExp>()

/** All of that name in their order. */
export function fields(text: string, name: string): string[] {
  const head = text.split('\r\n\r\n')[0]!
  return [...head.matchAll(new RegExp(`^${name}[ \\t]*:[ \\t]*(.*)$`, 'gim'))].map(([, value]) => value!.trim())
}

export function branch(text: string): string {
  return /;branch=([^;\s]+)/.exec(field(text, 'via'))?.[1] ?? ''
}

export interface Reply {
  /** To tag; '' = none. */
  tag?: string
  lines?: readonly string[]
  sdp?: string
}

/** A response to a request of ours as a far end writes it. */
export function reply(request: string, status: string, { tag = 'far', lines = [], sdp = '' }: Reply = {}): string {
  const to = field(request, 'to')
  const own = to.includes(';tag=') || tag === '' || status.startsWith('100') ? to : `${to};tag=${tag}`
  const head = [
    `SIP/2.0 ${status}`,
    ...fields(request, 'via').map((via) => `Via: ${via}`),
    `From: ${field(request, 'from')}`,
    `To: ${own}`,
    `Call-ID: ${field(request, 'call-id')}`,
    `CSeq: ${field(request, 'cseq')}`,
    ...lines,
    ...(sdp === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${sdp.length}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${sdp}`
}

/** A request of the far end within the call that `invite` of ours began. */
export function within(
  invite: string,
  method: string,
  { cseq, tag = 'far', lines = [], body = '', branch: name }: { cseq: number; branch?: string; body?: string } & Reply,
): string {
  const head = [
    `${method} sip:us@10.0.0.1:5060 SIP/2.0`,
    `Via: SIP/2.0/UDP 10.0.0.2:5060;branch=${name ?? `z9hG4bK-${method}-${cseq}`}`,
    'Max-Forwards: 70',
    `From: ${field(invite, 'to').replace(/;tag=.*/, '')};tag=${tag}`,
    `To: ${field(invite, 'from')}`,
    `Call-ID: ${field(invite, 'call-id')}`,
    `CSeq: ${cseq} ${method}`,
    'Contact: <sip:far@10.0.0.2:5060>',
    ...lines,
    `Content-Length: ${body.length}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
