/** A SIP user agent of ours over real sockets, as a test drives it: calls are made, and what came of each is kept. */
import { Random } from '../src/engine/base/random.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { type Log, silentLog } from '../src/engine/contract/log.js'
import { type Metrics, noMetrics } from '../src/engine/contract/metrics.js'
import type { Call, CallEnd, OutgoingCall } from '../src/sip/call/call.js'
import { UserAgent } from '../src/sip/call/user-agent.js'
import { createSipTransport } from '../src/sip/transport/sip-transport.js'
import type { Peer, SipTransport } from '../src/sip/transport/transport.js'
import type { SipTransportOptions } from '../src/sip/transport/transport-options.js'
import { seed } from './seed.js'
import type { Owner } from './sipp.js'

const TICK_MS = 5

export const OFFER = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 40000 RTP/AVP 8 0 96',
  'a=rtpmap:96 telephone-event/8000',
  '',
].join('\r\n')

/** What a call told: `ringing 180`, `answered`, `digit 1`, and its end. */
export interface PlacedCall {
  call: Call
  lines: string[]
  /** SDP that came with the answer and later. */
  sdps: string[]
  ended: Promise<CallEnd>
}

export interface CallerOptions extends Partial<Omit<SipTransportOptions, 'clock'>> {
  log?: Log
  metrics?: Metrics
}

export interface Caller {
  transport: SipTransport
  agent: UserAgent
  /** `on` is told each line as it comes. */
  place(to: Peer, wanted?: Partial<OutgoingCall>, on?: (line: string, call: Call) => void): PlacedCall
  close(): Promise<void>
}

/** Its sockets are open; closed with the test. */
export async function startCaller(t: Owner, options: CallerOptions = {}): Promise<Caller> {
  const transport = createSipTransport({
    ...{ clock: systemClock, log: silentLog, metrics: noMetrics, name: 'gateway', transport: 'udp' },
    ...options,
  })
  const agent = new UserAgent({
    ...{ transport, clock: systemClock, random: new Random(seed), log: silentLog, name: 'Trunkline' },
  })
  await transport.listen(agent)
  const ticking = setInterval(() => {
    const nowMs = systemClock.monotonic()
    transport.tick(nowMs)
    agent.tick(nowMs)
  }, TICK_MS)
  let isOpen = true
  const close = async (): Promise<void> => {
    if (!isOpen) return
    isOpen = false
    clearInterval(ticking)
    await transport.close()
  }
  t.teardown(close)
  return { transport, agent, place: (to, wanted, on) => place(agent, callTo(to, wanted), on), close }
}

function callTo(to: Peer, wanted: Partial<OutgoingCall> = {}): OutgoingCall {
  return {
    to,
    uri: `sip:+442079460000@${to.address}`,
    from: `sip:+442079460001@${to.address}`,
    ...{ fromName: '', assertedIdentity: '', isAnonymous: false, credentials: null, sdp: OFFER },
    ...{ provisionalMs: 10_000, ringMs: 20_000, talkMs: 20_000 },
    ...wanted,
  }
}

function place(agent: UserAgent, call: OutgoingCall, on: (line: string, call: Call) => void = () => {}): PlacedCall {
  const lines: string[] = []
  const sdps: string[] = []
  let ended: (end: CallEnd) => void
  const end = new Promise<CallEnd>((resolve) => {
    ended = resolve
  })
  const tell = (line: string): void => {
    lines.push(line)
    on(line, made)
  }
  const made = agent.invite(call, {
    ringing: (status) => tell(`ringing ${status}`),
    answered: (sdp) => {
      sdps.push(sdp)
      tell('answered')
    },
    reoffered: (sdp) => {
      sdps.push(sdp)
      tell('reoffered')
      return OFFER
    },
    offer: () => OFFER,
    digit: (digit) => tell(`digit ${digit}`),
    closing: () => {},
    ended: (each) => {
      tell(`ended ${each.how}`)
      ended(each)
    },
  })
  return { call: made, lines, sdps, ended: end }
}
