/** What a call of the simulated gateway has around it: the gateway, as far as calls need it. */
import type { Socket } from 'node:dgram'
import type { Codec } from '../media/media.js'
import type { SipRequest, SipResponse } from '../message/sip-message.js'
import type { Ear, EarOptions } from './ear.js'
import type { GatewayCall } from './gateway-call.js'
import type { CallEntry } from './gateway-ledger.js'
import type { GatewayOptions } from './gateway-options.js'
import type { GatewayCounters } from './gateway-stats.js'
import type { RemoteSide } from './remote-side.js'

export interface CallSite {
  readonly options: GatewayOptions
  readonly counters: GatewayCounters
  readonly codecs: readonly Codec[]
  /** sent-by of our requests, as host:port. */
  readonly sentBy: string
  readonly mediaAddress: string
  /** URI under which the telephone is reached. */
  contactFor(number: string): string
  /** Epoch milliseconds. */
  now(): number
  /** [0, 1), by the seed. */
  chance(): number
  /** Behind the cookie. */
  branch(): string
  /** null: no port is free. */
  openSocket(): Promise<Socket | null>
  earOptions(began: () => void): EarOptions
  /** Its frames are due from now on. */
  joined(ear: Ear): void
  /** `done`: the final response, or null when nobody answered. */
  ask(request: SipRequest, remote: RemoteSide, done: (response: SipResponse | null) => void): void
  /** What has no answer: an ACK. */
  say(request: SipRequest, remote: RemoteSide): void
  /** The call is over: its sound is kept under that name where sounds are kept, and its line is written. */
  ended(call: GatewayCall, ear: Ear | null, entry: Omit<CallEntry, 'recording'>): void
}
