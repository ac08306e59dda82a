/** What the SIP side of one carrier is opened with, and who is told of it. Dispatcher thread. */
import type { Clock } from '../../engine/contract/clock.js'
import type { Log } from '../../engine/contract/log.js'
import type { Metrics } from '../../engine/contract/metrics.js'
import type { Peer, TransportName } from './transport.js'

/** PEM texts; certificates are always verified. */
export interface TlsSettings {
  ca?: string
  /** Name in the certificate, where it is not the gateway's host. */
  servername?: string
  cert?: string
  key?: string
  minVersion?: 'TLSv1.2' | 'TLSv1.3'
}

/** Sees whole messages as they pass, for a trace. */
export interface SipTap {
  /** Look at it before `message` is called. */
  readonly isOn: boolean
  /** Which gateway of the carrier a far end is; -1: none of them. */
  gatewayOf?: (peer: Peer) => number
  /** The octets are valid during the call only. */
  message(direction: 'in' | 'out', peer: Peer, bytes: Buffer): void
  /** Hands over what has gathered. */
  tick?(): void
}

export interface SipTransportOptions {
  clock: Clock
  log: Log
  metrics: Metrics
  /** Id of the carrier, for log and metrics. */
  name: string
  /** udp: datagrams. tcp: connections and datagrams. tls: connections over TLS alone. */
  transport: TransportName
  /** Of this machine; absent: all of them, each peer reached as the system routes. */
  localAddress?: string
  /** Absent or 0: any free one. */
  localPort?: number
  /** Host of Via and Contact, where a NAT stands between. */
  advertisedAddress?: string
  tls?: TlsSettings
  tap?: SipTap
}
