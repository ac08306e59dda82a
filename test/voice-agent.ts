/** A user agent on real sockets and the real clock, with calls whose steps a test can wait for. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { systemClock } from '../src/engine/contract/clock.js'
import { silentLog } from '../src/engine/contract/log.js'
import { noMetrics } from '../src/engine/contract/metrics.js'
import type { Call, CallEnd, OutgoingCall } from '../src/sip/call/call.js'
import { UserAgent } from '../src/sip/call/user-agent.js'
import { createSipTransport } from '../src/sip/transport/sip-transport.js'
import type { Peer, TransportName } from '../src/sip/transport/transport.js'
import { seed } from './seed.js'
import { ANSWER, OFFER } from './voice-link.js'

const TICK_MS = 5

/** Open until the test is over, which it must reach without an open call. */
export async function startAgent(t: Test, transport: TransportName, localAddress: string): Promise<UserAgent> {
  const clock = systemClock
  const options = { clock, log: silentLog, metrics: noMetrics, name: 'test', transport, localAddress }
  const sockets = createSipTransport(options)
  const random = new Random(seed + Math.floor(clock.monotonic() * 1_000))
  const agent = new UserAgent({ transport: sockets, clock, random, log: silentLog, name: 'Trunkline' })
  await sockets.listen(agent)
  const stop = new AbortController()
  const ticking = tickUntil(stop.signal, () => {
    sockets.tick(clock.monotonic())
    agent.tick(clock.monotonic())
  })
  t.teardown(async () => {
    stop.abort()
    await ticking
    await sockets.close()
    if (agent.callsOpen > 0) throw new Error(`${agent.callsOpen} calls are open at the end`)
  })
  return agent
}

async function tickUntil(signal: AbortSignal, tick: () => void): Promise<void> {
  while (!signal.aborted) {
    tick()
    await pause(TICK_MS, undefined, { signal }).catch(() => {})
  }
}

export class TestCall {
  readonly lines: string[] = []
  readonly ends: CallEnd[] = []
  readonly call: Call
  readonly #waiting: { start: string; resolve: () => void }[] = []

  constructor(agent: UserAgent, to: Peer, patch: Partial<OutgoingCall> = {}) {
    const domain = `${to.address}:${to.port}`
    const outgoing: OutgoingCall = {
      ...{ to, uri: `sip:+442079460123@${domain}`, from: `sip:+442079460999@${domain}`, fromName: 'Practice' },
      ...{ assertedIdentity: '', isAnonymous: false, credentials: null, sdp: OFFER },
      // Generous: a machine that is busy must not end what a test wants to see.
      ...{ provisionalMs: 30_000, ringMs: 60_000, talkMs: 60_000, ...patch },
    }
    this.call = agent.invite(outgoing, {
      ringing: (status, sdp) => this.#heard(`ringing ${status}${sdp === '' ? '' : ' sdp'}`),
      answered: (sdp) => this.#heard(sdp === '' ? 'answered' : 'answered sdp'),
      reoffered: () => {
        this.#heard('reoffered')
        return ANSWER
      },
      offer: () => OFFER,
      digit: (digit) => this.#heard(`digit ${digit}`),
      closing: () => {},
      ended: (end) => {
        this.ends.push(end)
        this.#heard(`ended ${end.how} ${end.status}`)
      },
    })
  }

  /** Resolves once a line that begins so was heard. */
  async until(start: string): Promise<void> {
    if (this.lines.some((line) => line.startsWith(start))) return
    await new Promise<void>((resolve) => this.#waiting.push({ start, resolve }))
  }

  async ended(): Promise<CallEnd> {
    await this.until('ended')
    return this.ends[0]!
  }

  #heard(line: string): void {
    this.lines.push(line)
    for (const { start, resolve } of this.#waiting) if (line.startsWith(start)) resolve()
  }
}
