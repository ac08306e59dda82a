/**
 * Shows the SIP messages of one carrier to those who watch (engine/observe/trace-watchers.ts). Dispatcher thread. All messages
 * of a call name both its numbers, so that each stands for itself when one number is watched.
 */
import type { Clock } from '../../engine/contract/clock.js'
import type { TraceWatcher, TraceWatchers } from '../../engine/observe/trace-watchers.js'
import { headEnd } from '../message/parse.js'
import type { Peer } from '../transport/transport.js'
import type { SipTap } from '../transport/transport-options.js'
import { describeSip } from './describe-sip.js'
import { maskedSip } from './sip-mask.js'

const URI_DIGITS = /(?:sips?|tel):(?:\+|%2b)?([\d().-]+)/gi

export class SipTracer implements SipTap {
  gatewayOf: (peer: Peer) => number = () => -1
  readonly #clock: Clock
  readonly #watchers: TraceWatchers

  constructor(clock: Clock, watchers: TraceWatchers) {
    this.#clock = clock
    this.#watchers = watchers
  }

  get isOn(): boolean {
    return this.#watchers.isOn
  }

  message(direction: 'in' | 'out', peer: Peer, bytes: Buffer): void {
    const passing = { direction, peer, gateway: this.gatewayOf(peer), at: this.#clock.now() }
    for (const watcher of this.#watchers.all()) show(watcher, passing, bytes)
  }

  tick(): void {
    this.#watchers.tick()
  }
}

interface Passing {
  direction: 'in' | 'out'
  peer: Peer
  gateway: number
  at: number
}

function show(watcher: TraceWatcher, { direction, peer, gateway, at }: Passing, bytes: Buffer): void {
  const { filter } = watcher
  if (filter.bind !== null && filter.bind !== gateway) return
  if (filter.number !== null && !names(bytes, filter.number)) return
  if (!watcher.hasRoom()) return
  const copy = maskedSip(bytes, filter.text)
  watcher.push({
    ...{ at, protocol: 'sip', bind: gateway, connection: 0, direction },
    pdu: filter.octets ? null : describeSip(copy, peer, filter.text),
    octets: filter.octets ? copy : null,
  })
}

/** One of the URIs of its header fields is this number, or ends with it. */
function names(bytes: Buffer, number: string): boolean {
  const end = headEnd(bytes, 0)
  const head = bytes.latin1Slice(0, end < 0 ? bytes.length : end)
  for (const [, digits] of head.matchAll(URI_DIGITS)) if (digits!.replace(/\D/g, '').endsWith(number)) return true
  return false
}
