/** Who has sent a request hears of it what follows (RFC 3261 §17.1: the transaction user). */
import type { SipResponse } from '../message/sip-message.js'
import type { Peer } from '../transport/transport.js'

export interface ClientUser {
  /** Each provisional, the final response once; but a 2xx to INVITE as often as it comes (RFC 6026 §7.2). */
  response(response: SipResponse, from: Peer): void
  /**
   * No final response: 'timeout' (timer B or F), or what the transport says. At most once. An INVITE that may have got
   * through is still listened to after it, until `over`.
   */
  failed(why: string): void
  /** The transaction is gone: nothing more follows. Exactly once, also after `failed`. */
  over(): void
}

export const TIMEOUT = 'timeout'
