/** What a simulated SIP gateway is told at its start. */
import type { TlsOptions } from 'node:tls'
import type { Codec } from '../media/media.js'

export interface GatewayOptions {
  host: string
  /** 0: any free port. */
  port: number
  transport: 'udp' | 'tcp' | 'tls'
  /** Certificate and key; with transport tls only. */
  tls?: TlsOptions
  /** From INVITE to ringing, and from ringing to the answer. Default 0 and 200. */
  postDialMs?: number
  ringMs?: number
  /** A telephone that was answered hangs up after that long; absent: only the caller hangs up. */
  talkMs?: number
  /** When those whose fate is `hangup` do it, from the answer on. Default 1500. */
  hangUpMs?: number
  /** From the first sound to the digit that is pressed. Default 500. */
  digitAfterMs?: number
  /** How digits are sent. Default rfc4733. */
  digitsBy?: 'rfc4733' | 'info'
  /** See fates.ts. */
  faults?: string
  endings?: string
  /** Share of packets that get lost on the way, in both directions: SIP over UDP, and RTP. */
  loss?: number
  seed?: number
  /** Calls at once, and INVITEs in any second; what is above is refused with 503 and counted. */
  maxCalls?: number
  callsPerSecond?: number
  /** Calls and registrations must say them. */
  user?: string
  password?: string
  /** Default MD5. */
  algorithm?: 'MD5' | 'SHA-256'
  /** Default 407, as a proxy asks; registrations are always asked with 401. */
  challenge?: 401 | 407
  /** A nonce is good for that long; then the caller is told that it is stale. Default 300. */
  nonceSeconds?: number
  /** What it understands, in its order. Default pcma, pcmu. */
  codecs?: readonly Codec[]
  /** 183 brings SDP before the answer. Default 180. */
  ringing?: 180 | 183
  /** Asks for PRACK (RFC 3262) where the caller can do it. */
  isReliable?: boolean
  /** Telephones send silence all the time, as real ones do. */
  speaks?: boolean
  /** BYE over a connection of its own, to the Contact; TCP and TLS only. */
  connectsForBye?: boolean
  /** Milliseconds after the answer at which it moves the sound to another port by re-INVITE. */
  reinviteMs?: number
  /** Port range of RTP; absent: whatever is free. */
  rtpPorts?: { from: number; to: number }
  /** Folder for what telephones heard, a WAV file a call. */
  recordFolder?: string
  /** Appended to; see gateway-ledger.ts. */
  ledgerPath?: string
}
