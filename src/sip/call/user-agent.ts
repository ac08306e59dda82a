/**
 * The SIP user agent (RFC 3261 §8): calls that we make, requests outside of calls, and what comes from outside. Dispatcher
 * thread; sockets are behind SipTransport, and all time is given by the clock and by `tick`.
 */
import type { Random } from '../../engine/base/random.js'
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { SipMessage } from '../message/sip-message.js'
import type { Peer, SipTransport, TransportListener } from '../transport/transport.js'
import type { Call, CallListener, OutgoingCall } from './call.js'
import type { OutOfDialogRequest, RequestSeries, ResponseHandler } from './out-of-dialog.js'

export interface UserAgentOptions {
  transport: SipTransport
  clock: Clock
  /** Of tags, branches and Call-IDs; its seed must not be guessable (RFC 3261 §19.3). */
  random: Random
  log: Log
  /** User-Agent and Server header. */
  name: string
}

export class UserAgent implements TransportListener {
  constructor(_options: UserAgentOptions) {}

  /** Calls whose `ended` is still to come. */
  get callsOpen(): number {
    return 0
  }

  /** Sends the INVITE. Nothing of the listener is called before this returns. */
  invite(_call: OutgoingCall, _listener: CallListener): Call {
    throw new Error('being built')
  }

  /** Answers a 401 or 407 itself. */
  request(_request: OutOfDialogRequest, _done: ResponseHandler): void {}

  newSeries(): RequestSeries {
    return { callId: '', cseq: 0 }
  }

  /** `<sip:user@host:port>` under which `peer` reaches us. */
  contactFor(_peer: Peer, _user: string): string {
    return ''
  }

  /** BYE or CANCEL for every call; `ended` of each follows. */
  hangUpAll(): void {}

  received(_message: SipMessage, _from: Peer): void {}

  failed(_peer: Peer, _why: string): void {}

  /** Runs what is due. `nowMs`: Clock.monotonic. */
  tick(_nowMs: number): void {}

  /** Milliseconds until `tick` has something to do; Infinity: nothing waits. */
  nextMs(_nowMs: number): number {
    return Number.POSITIVE_INFINITY
  }
}
