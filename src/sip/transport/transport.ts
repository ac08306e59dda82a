/**
 * How SIP messages leave and come in (RFC 3261 §18): what the layers above ask of UDP, TCP and TLS. Dispatcher thread.
 * Nothing here throws for what a peer does, and nothing waits.
 */
import type { SipMessage } from '../message/sip-message.js'

export type TransportName = 'udp' | 'tcp' | 'tls'

/** One far end, resolved. IPv6 addresses without brackets. */
export interface Peer {
  transport: TransportName
  address: string
  port: number
  /** Name in its certificate; TLS only. */
  serverName?: string
}

/** Where our side of it is reached: for Via sent-by and Contact. */
export interface LocalAddress {
  host: string
  port: number
}

export interface TransportListener {
  /** A whole message that could be parsed. `from`: answers go there; for TCP and TLS over that very connection while it is open. */
  received(message: SipMessage, from: Peer): void
  /** Nothing can be sent there (connection refused or lost, TLS not verified, ICMP unreachable): what was under way has failed. */
  failed(peer: Peer, why: string): void
}

export interface SipTransport {
  /** Opens the sockets. Rejects when none can be opened. */
  listen(listener: TransportListener): Promise<void>
  localOf(peer: Peer): LocalAddress
  /** Queued while a connection is being opened. */
  send(message: SipMessage, to: Peer): void
  /** Time work: idle connections, connect time-outs, keepalives (RFC 5626 §3.5.1). */
  tick(nowMs: number): void
  close(): Promise<void>
}
